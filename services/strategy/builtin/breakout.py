"""Breakout: buy what leaves its range upwards, as the Turtle traders did."""

from ..base import Candle, Strategy
from ..declare import donchian
from ..lines import CLOSE
from ..parameters import Parameter


class Breakout(Strategy):
    """Buys when the close rises above the highest high of the last candles, sells when it falls below a
    shorter low.

    Long only. Few trades; it lives on the rare long move and gives some of it back before it leaves.
    """

    title = "Donchian breakout"

    entry = Parameter(55, low=5, high=500, help="Candles of the range that must be left upwards.")
    leave = Parameter(20, low=2, high=500, help="Candles of the low that ends the trade.")

    ceiling = donchian(entry).upper
    floor = donchian(leave).lower
    broke_out = ceiling < CLOSE
    broke_down = floor > CLOSE
    when = broke_out | broke_down

    def on_candle(self, candle: Candle) -> None:
        if self.broke_out and not self.position:
            self.buy(reason=f"close above the high of {self.entry} candles")
        elif self.broke_down and self.position:
            self.close(reason=f"close below the low of {self.leave} candles")
