"""Momentum by MACD, with a volatility stop."""

from ..base import Candle, Strategy
from ..declare import atr, ema, macd
from ..lines import CLOSE, cross_down, cross_up
from ..parameters import Parameter


class MacdTrend(Strategy):
    """Buys when MACD crosses above its signal in an uptrend; sells when it crosses back, or at a stop.

    Long only. The stop follows the price at a distance of some average true ranges and never moves down;
    it is kept in the strategy's state, so a restart does not lose it.
    """

    title = "MACD trend"

    fast = Parameter(12, low=2, high=100, help="Candles of the fast average.")
    slow = Parameter(26, low=5, high=200, help="Candles of the slow average.")
    smooth = Parameter(9, low=2, high=100, help="Candles of the signal line.")
    trend = Parameter(200, low=20, high=2000, help="Candles of the average that the price must be above.")
    distance = Parameter(3.0, low=0.5, high=20.0, help="Distance of the stop in average true ranges.")

    line, signal, histogram = macd(fast, slow, smooth)
    span = atr(14)
    long_run = ema(trend)
    rise = cross_up(line, signal) & (long_run < CLOSE)
    fall = cross_down(line, signal)

    def on_candle(self, candle: Candle) -> None:
        if self.position:
            stop = max(self.state.get("stop", 0.0), candle.close - self.distance * self.span)
            self.state["stop"] = stop
            if self.fall or candle.close <= stop:
                self.close(reason="MACD fell" if self.fall else "stop")
        elif self.rise:
            self.state["stop"] = candle.close - self.distance * self.span
            self.buy(reason="MACD rose in an uptrend")
