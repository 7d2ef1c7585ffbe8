"""Grid: buy a step lower, sell a step higher."""

from ..base import Candle, Strategy
from ..declare import sma
from ..parameters import Parameter


class Grid(Strategy):
    """Buys one portion each time the price falls by a step, sells one each time it rises by a step.

    The grid hangs at the average price of the moment it starts and is put anew when the price leaves it
    upwards with nothing held. It earns on every swing and holds what it bought when the price falls
    through the grid.
    """

    title = "Grid"

    step = Parameter(1.0, low=0.1, high=20.0, help="Distance of two lines of the grid, in percent.")
    portions = Parameter(10, low=2, high=100, help="Most portions held at a time.")
    anchor = Parameter(100, low=5, high=1000, help="Candles of the average at which the grid is hung.")

    middle = sma(anchor)

    def on_candle(self, candle: Candle) -> None:
        if not self.position and (not self.state or candle.close > self.state["next_sell"]):
            self.hang(min(self.middle, candle.close), 0)
        if candle.close <= self.state["next_buy"] and self.state["held"] < self.portions:
            free = self.portions - self.state["held"]
            self.buy(fraction=0.95 / free, reason=f"grid line {self.state['held'] + 1}")
            self.hang(candle.close, self.state["held"] + 1)
        elif candle.close >= self.state["next_sell"] and self.position:
            self.sell(fraction=1.0 / max(1, self.state["held"]), reason=f"grid line {self.state['held']}")
            self.hang(candle.close, max(0, self.state["held"] - 1))

    def hang(self, price: float, held: int) -> None:
        """Put the next lines around a price."""
        ratio = 1.0 + self.step / 100.0
        self.state.update(next_buy=price / ratio, next_sell=price * ratio, held=held)
