"""Mean reversion: buy what fell unusually far below its average, sell at the average."""

from ..base import Candle, Strategy
from ..declare import bollinger, sma
from ..lines import CLOSE
from ..parameters import Parameter


class MeanReversion(Strategy):
    """Buys below the lower Bollinger band while the long average is not falling, sells at the middle band.

    Long only, with a stop: a fall that goes on is sold at a loss instead of waited for. It earns often
    and little in sideways markets; a crash is its enemy.
    """

    title = "Bollinger mean reversion"

    period = Parameter(20, low=5, high=500, help="Candles of the bands.")
    width = Parameter(2.0, low=0.5, high=5.0, help="Distance of the bands in standard deviations.")
    trend = Parameter(200, low=20, high=2000, help="Candles of the long average that must not fall.")
    stop = Parameter(0.05, low=0.005, high=0.5, help="Loss at which the position is given up, as a fraction.")

    upper, middle, lower = bollinger(period, width)
    slow = sma(trend)
    rising = slow >= slow.shift(1)
    cheap = lower > CLOSE

    def on_candle(self, candle: Candle) -> None:
        position = self.position
        if not position:
            if self.cheap and self.rising:
                self.buy(reason="close below the lower band")
        elif candle.close >= self.middle:
            self.close(reason="back at the average")
        elif position.gain(candle.close) < -self.stop:
            self.close(reason="stop")
