"""Market making: a bid below and an offer above, again on each candle."""

from decimal import Decimal

from ..base import Candle, Strategy
from ..declare import atr
from ..parameters import Parameter


class MarketMaker(Strategy):
    """Rests a bid and an offer around the price, as far away as the market moves, and moves both each candle.

    What it holds leans the quotes: the more is held, the lower both are, so that it sells sooner than it
    buys. It needs low maker fees; on a market that only falls it is left holding.
    """

    title = "Market maker"

    distance = Parameter(1.0, low=0.1, high=10.0, help="Distance of bid and offer, in average true ranges.")
    period = Parameter(20, low=2, high=500, help="Candles of the average true range.")
    most = Parameter(0.5, low=0.01, high=0.95, help="Largest share of the account held in the market.")
    portion = Parameter(0.1, low=0.01, high=0.5, help="Share of the account in one order.")

    span = atr(period)

    def on_candle(self, candle: Candle) -> None:
        self.cancel()
        price = Decimal(str(candle.close))
        held = self.position.amount * price
        account = self.cash + held
        share = float(held / account) if account else 0.0
        reach = self.distance * self.span
        middle = candle.close - reach * share / self.most
        size = account * Decimal(str(self.portion)) / price
        bid, offer = round(middle - reach, 8), round(middle + reach, 8)
        if share < self.most and bid > 0 and self.cash > size * Decimal(str(bid)) * Decimal("1.01"):
            self.buy(size, limit=bid, reason="bid")
        if self.position and offer > 0:
            self.sell(size, limit=offer, reason="offer")
