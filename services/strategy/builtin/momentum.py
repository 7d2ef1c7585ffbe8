"""Momentum: hold what has risen, looked at once a period."""

from ..base import Candle, Strategy
from ..declare import roc, sma
from ..lines import CLOSE, every
from ..parameters import Parameter


class Momentum(Strategy):
    """Once a day: holds the market while it has risen over the look-back and stands above its average,
    else money.

    Long only. Slow on purpose: at most one decision a day keeps fees small.
    """

    title = "Momentum"

    lookback = Parameter(168, low=5, high=5000, help="Candles over which the rise is measured.")
    least = Parameter(2.0, low=0.0, high=100.0, help="Rise that is needed to buy, in percent.")
    average = Parameter(200, low=5, high=5000, help="Candles of the average.")

    rise = roc(lookback)
    middle = sma(average)
    strong = (rise > least) & (middle < CLOSE)
    weak = (rise < 0.0) | (middle > CLOSE)
    daily = every("1d")
    when = daily

    def on_candle(self, candle: Candle) -> None:
        if not self.daily:
            return
        if self.strong and not self.position:
            self.buy(reason=f"{self.rise:.1f} % up")
        elif self.weak and self.position:
            self.close(reason="momentum is gone")
