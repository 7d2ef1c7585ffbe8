"""The simulated venue as a strategy sees it: money, positions, orders, fills."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from ..strategy.base import Order as Told
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
        tick: limits are rounded to whole multiples, away from a fill; 0 leaves them as they are.
        min_value: orders worth less are refused.
        volume_share: share of a candle's (or trade's) volume that the run may fill; None is no bound.
        latency_ms: an order reaches the venue this long after the close it was decided on.
        pure: leave the compiled core out.
    """

    cash: Decimal = Decimal(10_000)
    fee: Decimal = Decimal("0.001")
    maker_fee: Decimal | None = None
    lot: Decimal = Decimal("0.00001")
    slippage: Decimal = ZERO
    warmup: int = 1000
    every: bool = False
    tick: Decimal = ZERO
    min_value: Decimal = ZERO
    volume_share: Decimal | None = None
    latency_ms: int = 0
    pure: bool = False


class Holding:
    """What is held of one market, and the orders that work there."""

    __slots__ = ("amount", "orders", "paid", "position", "symbol")

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.amount = self.paid = ZERO
        self.position = Position()
        self.orders: list[Order] = []


class SimulatedWorld:
    """Money and orders of one run (strategy.values.World).

    Args:
        others: further markets that the strategy may trade.
    """

    exchange = "backtest"

    def __init__(self, symbol: str, timeframe: str, rules: Rules, others: tuple[str, ...] = ()) -> None:
        self.symbol, self.timeframe, self.rules = symbol, timeframe, rules
        self.money = rules.cash
        self.own = Holding("")
        self.holdings = {"": self.own, **{other: Holding(other) for other in others}}
        self.wishes: list[Wish] = []
        self.executions: list[Execution] = []
        self.ended: list[Told] = []
        self.refused = self._placed = 0
        self.tells_ends = False
        self.lines: list[str] = []
        self.now_ms, self.close = 0, 0.0
        self.closes: Mapping[str, float] = {}
        self._maker_fee = rules.fee if rules.maker_fee is None else rules.maker_fee

    # -- what a strategy sees (strategy.values.World)

    def position(self, symbol: str = "") -> Position:
        return self.holdings[symbol].position

    def cash(self, symbol: str = "") -> Decimal:
        return self.money

    def order(self, wish: Wish) -> None:
        self.wishes.append(wish)

    def cancel(self, symbol: str = "", order_id: str = "") -> None:
        orders = self.holdings[symbol].orders
        for order in list(orders):
            if not order.leg and (not order_id or str(order.number) == order_id):
                orders.remove(order)
                self._tell_end(order, symbol, "cancelled")

    def resting(self, symbol: str = "") -> list[Told]:
        return [_told(order, symbol, "") for order in self.holdings[symbol].orders if not order.leg]

    def working(self, symbol: str = "") -> int:
        return sum(not order.leg for order in self.holdings[symbol].orders)

    def log(self, message: str, fields: Mapping[str, object]) -> None:
        if len(self.lines) < _MOST_LOG_LINES:
            self.lines.append(" ".join([message, *(f"{key}={value}" for key, value in fields.items())]))

    # -- what the engine does

    def go_on(self, placed: int) -> None:
        """Count orders on from here; somebody else placed those before."""
        self._placed = placed

    def place(self) -> None:
        """Turn the wishes of a call into orders; what the venue's filters do not allow is refused."""
        rules = self.rules
        simple = not (rules.latency_ms or rules.tick or rules.min_value)
        for wish in self.wishes:
            if wish.replaces:
                self.cancel(wish.symbol, wish.replaces)
            amount = (wish.amount / rules.lot).to_integral_value(ROUND_FLOOR) * rules.lot
            self._placed += 1
            order = Order(wish.side, amount, wish.limit, wish.reason, self._placed)
            if simple and amount > 0 and wish.trigger is None and wish.stop is None and wish.take is None:
                self.holdings[wish.symbol].orders.append(order)
            else:
                self._admit(order, wish)
        self.wishes.clear()

    def _admit(self, order: Order, wish: Wish) -> None:
        """An order with more to it, through the venue's filters."""
        rules, amount = self.rules, order.amount
        if wish.trigger is not None or wish.stop is not None or wish.take is not None:
            order.trigger, order.stop, order.take = wish.trigger, wish.stop, wish.take
        if rules.latency_ms:
            order.from_ms = self.now_ms + rules.latency_ms
        if rules.tick:
            self._to_ticks(order)
        if amount <= 0:
            self._refuse(order, wish.symbol, "smaller than the smallest step of an amount")
        elif rules.min_value and amount * self._price_of(order, wish.symbol) < rules.min_value:
            self._refuse(order, wish.symbol, "worth less than the smallest order")
        else:
            self.holdings[wish.symbol].orders.append(order)

    def _to_ticks(self, order: Order) -> None:
        tick, rounding = self.rules.tick, ROUND_FLOOR if order.side == "buy" else ROUND_CEILING
        if order.limit is not None:
            order.limit = (order.limit / tick).to_integral_value(rounding) * tick
        for name in ("trigger", "stop", "take"):
            level = getattr(order, name)
            if level is not None:
                setattr(order, name, (level / tick).to_integral_value() * tick)

    def _price_of(self, order: Order, symbol: str) -> Decimal:
        if order.limit is not None:
            return order.limit
        return Decimal(repr(self.closes[symbol] if symbol else self.close))

    def _refuse(self, order: Order, symbol: str, reason: str) -> None:
        self.refused += 1
        self._tell_end(order, symbol, reason)

    def _tell_end(self, order: Order, symbol: str, reason: str) -> None:
        if self.tells_ends:
            self.ended.append(_told(order, symbol, reason))

    def fill(
        self,
        order: Order,
        index: int,
        price: Decimal,
        symbol: str = "",
        ts_ms: int = 0,
        amount: Decimal | None = None,
    ) -> bool:
        """Execute an order, whole or `amount` of it; False when it is refused for lack of money or of a
        position.
        """
        holding = self.holdings[symbol]
        size = order.amount if amount is None else amount
        rate = self._maker_fee if order.rested and order.limit is not None else self.rules.fee
        if order.side == "buy":
            done = self._buy(holding, order, size, price, rate)
        else:
            done = self._sell(holding, order, size, price, rate)
        if done is None:
            return False
        sign, size, fee, flow = done
        self.executions.append(
            Execution(index, sign, price, size, fee, flow, order.reason, symbol, ts_ms, order.number)
        )
        order.amount -= size
        order.filled += size
        return True

    def _buy(
        self, holding: Holding, order: Order, amount: Decimal, price: Decimal, rate: Decimal
    ) -> tuple[int, Decimal, Decimal, Decimal] | None:
        value = price * amount
        fee = value * rate
        cost = value + fee
        if cost > self.money:
            self._refuse(order, holding.symbol, "not enough money")
            return None
        self.money -= cost
        holding.amount += amount
        holding.paid += value
        holding.position = Position(holding.amount, holding.paid / holding.amount)
        return 1, amount, fee, -cost

    def _sell(
        self, holding: Holding, order: Order, amount: Decimal, price: Decimal, rate: Decimal
    ) -> tuple[int, Decimal, Decimal, Decimal] | None:
        held = holding.amount
        size = min(amount, held)
        if size <= 0:
            if not order.leg:
                self._refuse(order, holding.symbol, "nothing is held")
            return None
        value = price * size
        fee = value * rate
        gain = value - fee
        self.money += gain
        if size == held:
            holding.amount = holding.paid = ZERO
            holding.position = Position()
        else:
            holding.paid -= holding.paid * size / held
            holding.amount = held - size
            holding.position = Position(holding.amount, holding.paid / holding.amount)
        return -1, size, fee, gain

    def pay_funding(self, symbol: str, index: int, rate: Decimal, price: Decimal, ts_ms: int) -> None:
        """What a holder of a perpetual contract pays (or gets, below zero) at a funding time."""
        holding = self.holdings[symbol]
        if holding.amount:
            cost = holding.amount * price * rate
            self.money -= cost
            self.executions.append(Execution(index, 0, price, ZERO, ZERO, -cost, "funding", symbol, ts_ms))


def _told(order: Order, symbol: str, reason: str) -> Told:
    asked = order.amount + order.filled
    return Told(
        str(order.number), order.side, asked, order.filled, order.limit, symbol, reason, order.trigger
    )
