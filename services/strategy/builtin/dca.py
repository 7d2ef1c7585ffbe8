"""Dollar-cost averaging: the same sum again and again."""

from decimal import Decimal

from ..base import Candle, Strategy
from ..lines import every
from ..parameters import Parameter


class DollarCostAveraging(Strategy):
    """Buys for the same sum once a day, when the day ends (UTC), never sells; for people who save.

    With `takes` above zero it sells everything once the gain over the average price reaches that
    percentage, and begins anew.
    """

    title = "Dollar-cost averaging"

    amount = Parameter(50.0, low=1.0, high=1_000_000.0, help="Quote units spent each time.")
    takes = Parameter(0.0, low=0.0, high=1000.0, help="Gain in percent at which all is sold; 0 never sells.")

    daily = every("1d")
    when = daily

    def on_candle(self, candle: Candle) -> None:
        if not self.daily:
            return
        if self.takes and self.position.gain(candle.close) * 100.0 >= self.takes:
            self.close(reason=f"{self.takes:g} % gained")
        elif self.cash > Decimal(str(self.amount)) * Decimal("1.01"):
            self.buy(cash=self.amount, reason="daily purchase")
