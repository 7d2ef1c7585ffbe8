"""The simulated venue as a strategy sees it: money, position, orders, fills."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

from ..strategy.base import Position, Wish
from .orders import ZERO, Execution, Order

_MOST_LOG_LINES = 10_000


@dataclass(frozen=True, slots=True)
class Rules:
    """The simulated venue.

    Args:
        cash: quote units at the beginning.
        fee: of takers, as a fraction of the value.
        maker_fee: of resting orders; None takes `fee`.
        lot: amounts are rounded down to whole multiples.
        slippage: a market order's price is worse by this fraction.
        warmup: candles at the beginning on which nothing is decided, as live has them from history.
        every: visit each candle, whether or not the strategy declares `when`.
    """

    cash: Decimal = Decimal(10_000)
    fee: Decimal = Decimal("0.001")
    maker_fee: Decimal | None = None
    lot: Decimal = Decimal("0.00001")
    slippage: Decimal = ZERO
    warmup: int = 1000
    every: bool = False


class SimulatedWorld:
    """Money and orders of one run (strategy.base.World)."""

    exchange = "backtest"

    def __init__(self, symbol: str, timeframe: str, rules: Rules) -> None:
        self.symbol, self.timeframe, self.rules = symbol, timeframe, rules
        self.money, self.held, self.paid = rules.cash, ZERO, ZERO
        self.wishes: list[Wish] = []
        self.orders: list[Order] = []
        self.executions: list[Execution] = []
        self.refused = 0
        self.lines: list[str] = []
        self._position = Position()
        self._maker_fee = rules.fee if rules.maker_fee is None else rules.maker_fee
        self._lots_per_unit = 1 / rules.lot

    def position(self) -> Position:
        return self._position

    def cash(self) -> Decimal:
        return self.money

    def order(self, wish: Wish) -> None:
        self.wishes.append(wish)

    def cancel(self) -> None:
        self.orders.clear()

    def working(self) -> int:
        return len(self.orders)

    def log(self, message: str, fields: Mapping[str, object]) -> None:
        if len(self.lines) < _MOST_LOG_LINES:
            self.lines.append(" ".join([message, *(f"{key}={value}" for key, value in fields.items())]))

    def place(self) -> None:
        """Turn the wishes of a call into orders, rounded down to the lot; what is left of nothing is
        refused.
        """
        for wish in self.wishes:
            amount = (wish.amount * self._lots_per_unit).to_integral_value(ROUND_FLOOR) * self.rules.lot
            if amount > 0:
                self.orders.append(Order(wish.side, amount, wish.limit, wish.reason))
            else:
                self.refused += 1
        self.wishes.clear()

    def fill(self, order: Order, index: int, price: Decimal) -> None:
        """Execute an order whole, or refuse it for lack of money or of a position."""
        if order.side == "buy":
            self._buy(order, index, price)
        else:
            self._sell(order, index, price)

    def _buy(self, order: Order, index: int, price: Decimal) -> None:
        amount = order.amount
        value = price * amount
        fee = value * (self.rules.fee if order.limit is None else self._maker_fee)
        cost = value + fee
        if cost > self.money:
            self.refused += 1
            return
        self.money -= cost
        self.held += amount
        self.paid += value
        self.executions.append(Execution(index, 1, price, amount, fee, -cost, order.reason))
        self._position = Position(self.held, self.paid / self.held)

    def _sell(self, order: Order, index: int, price: Decimal) -> None:
        amount = min(order.amount, self.held)
        if amount <= 0:
            self.refused += 1
            return
        value = price * amount
        fee = value * (self.rules.fee if order.limit is None else self._maker_fee)
        gain = value - fee
        self.money += gain
        self.executions.append(Execution(index, -1, price, amount, fee, gain, order.reason))
        if amount == self.held:
            self.held = self.paid = ZERO
            self._position = Position()
        else:
            self.paid -= self.paid * amount / self.held
            self.held -= amount
            self._position = Position(self.held, self.paid / self.held)
