"""Trend cross: in while the fast average is above the slow one."""

from ..base import Candle, Strategy
from ..declare import ema
from ..lines import cross_down, cross_up
from ..parameters import Parameter


class EmaCross(Strategy):
    """Buys when the fast exponential average of the close rises above the slow one, sells all when it
    falls below.

    Long only. It earns in long trends and pays in sideways markets: many small losses, few large gains.
    """

    title = "EMA cross"

    fast = Parameter(3, low=2, high=500, help="Candles of the fast average.")
    slow = Parameter(8, low=3, high=1000, help="Candles of the slow average.")

    fast_average = ema(fast)
    slow_average = ema(slow)
    rise = cross_up(fast_average, slow_average)
    fall = cross_down(fast_average, slow_average)
    when = rise | fall

    def on_candle(self, candle: Candle) -> None:
        if self.rise and not self.position:
            self.buy(reason=f"EMA {self.fast} rose above EMA {self.slow}")
        elif self.fall and self.position:
            self.close(reason=f"EMA {self.fast} fell below EMA {self.slow}")
