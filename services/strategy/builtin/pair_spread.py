"""Pair spread: hold whichever of two related markets is cheap against the other."""

from ..base import Candle, Strategy
from ..declare import zscore
from ..feeds import Feed
from ..lines import CLOSE
from ..parameters import Parameter


class PairSpread(Strategy):
    """Watches the ratio of its own price to that of a second market. When the ratio is unusually low it
    holds its own market, when it is unusually high the second; back at the average it holds money.

    Long only, so it never sells what it does not have: half of the classic pair trade. It earns when the
    two drift apart and come together again, and loses when one of them leaves for good.
    """

    title = "Pair spread"

    partner = Parameter("ETH/USDT", help="The second market.")
    period = Parameter(240, low=20, high=5000, help="Candles of the average ratio.")
    enter = Parameter(2.0, low=0.5, high=6.0, help="Distance at which it buys, in standard deviations.")
    leave = Parameter(0.25, low=0.0, high=3.0, help="Distance at which it sells again.")

    other = Feed(partner)
    apart = zscore(period, CLOSE / other.close)
    mirrored = apart * -1.0
    far = (apart > enter) | (mirrored > enter)
    near = (apart < leave) & (mirrored < leave)
    when = far | near

    def on_candle(self, candle: Candle) -> None:
        own_is_cheap = self.apart < 0.0
        cheap, dear = (self, self.other) if own_is_cheap else (self.other, self)
        if self.near:
            self.close(reason="the ratio is back")
            self.other.close(reason="the ratio is back")
        elif self.far and dear.position:
            dear.close(reason="it has become dear")
        elif self.far and not cheap.position:
            cheap.buy(reason=f"{abs(self.apart):.1f} deviations cheap")
