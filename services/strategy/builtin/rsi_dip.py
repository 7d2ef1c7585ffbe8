"""Buying dips in an uptrend."""

from ..base import Candle, Strategy
from ..declare import ema, rsi
from ..lines import CLOSE, cross_up
from ..parameters import Parameter


class RsiDip(Strategy):
    """Buys when the RSI recovers from a dip above the long average, sells when the RSI is high or the
    trend broke.

    Long only. It joins an uptrend after a setback, so it misses the beginning and skips downtrends.
    """

    title = "RSI dip"

    period = Parameter(14, low=2, high=100, help="Candles of the RSI.")
    low = Parameter(35.0, low=5.0, high=50.0, help="The RSI rises through this: buy.")
    high = Parameter(70.0, low=50.0, high=95.0, help="The RSI is above this: sell.")
    trend = Parameter(200, low=20, high=2000, help="Candles of the average that the price must be above.")

    strength = rsi(period)
    average = ema(trend)
    recovers = cross_up(strength, low) & (average < CLOSE)
    overbought = strength > high
    broken = average > CLOSE
    when = recovers | overbought | broken

    def on_candle(self, candle: Candle) -> None:
        if self.position:
            if self.overbought or self.broken:
                self.close(reason="RSI is high" if self.overbought else "below the long average")
        elif self.recovers:
            self.buy(reason=f"RSI {self.strength:.0f} recovers")
