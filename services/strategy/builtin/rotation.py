"""Momentum rotation: hold the strongest of several markets."""

from ..base import Candle, Strategy, scheduled
from ..declare import roc
from ..feeds import Feed
from ..parameters import Parameter
from ..trader import Trader


class MomentumRotation(Strategy):
    """Once a day it looks which of four markets rose most over the look-back, and holds that one; when
    none rose enough, it holds money.

    Long only. It is always in what has been strong, so it turns late: in a market where the leaders change
    every few days it pays fees for nothing.
    """

    title = "Momentum rotation"

    second = Parameter("ETH/USDT", help="The second market; the first is its own.")
    third = Parameter("SOL/USDT", help="The third market.")
    fourth = Parameter("XRP/USDT", help="The fourth market.")
    lookback = Parameter(336, low=5, high=5000, help="Candles over which the rise is measured.")
    least = Parameter(2.0, low=0.0, high=100.0, help="Rise that is needed to hold anything, in percent.")

    other_2 = Feed(second)
    other_3 = Feed(third)
    other_4 = Feed(fourth)
    rise = roc(lookback)
    rise_2 = roc(lookback, other_2.close)
    rise_3 = roc(lookback, other_3.close)
    rise_4 = roc(lookback, other_4.close)

    @scheduled("1d")
    def choose(self) -> None:
        """Choose what to hold from now on."""
        rises = [self.rise, self.rise_2, self.rise_3, self.rise_4]
        best = max(range(4), key=lambda place: rises[place] if rises[place] == rises[place] else -1e9)
        self.state["target"] = best if rises[best] > self.least else None

    def on_candle(self, candle: Candle) -> None:
        if "target" not in self.state:
            return
        markets: list[Trader] = [self, self.other_2, self.other_3, self.other_4]
        target = self.state["target"]
        held = [place for place, market in enumerate(markets) if market.position]
        for place in held:
            if place != target:
                markets[place].close(reason="another is stronger" if target is not None else "none is strong")
        if target is not None and not held and not markets[target].working:
            markets[target].buy(reason="the strongest")
