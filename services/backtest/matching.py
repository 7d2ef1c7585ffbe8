"""Filling orders along the path of the price. The rules are in docs/backtest.md, each with a test."""

from collections.abc import Iterable
from decimal import ROUND_FLOOR, Decimal

from .orders import ZERO, Order
from .world import Holding, SimulatedWorld


def exact(price: float) -> Decimal:
    """A price as it prints."""
    return Decimal(repr(price))


class Matcher:
    """Fills the orders of one market.

    The price comes as candles, whose inside is a path (the open, the nearer extreme, the other one, the
    close), or as trades, each of which is a point.
    """

    def __init__(self, world: SimulatedWorld, holding: Holding) -> None:
        self._world, self._holding, self._rules = world, holding, world.rules
        self._bounded = world.rules.volume_share is not None
        self._left = ZERO
        self._index = self._ts_ms = self._stamp_ms = 0

    def candle(
        self, index: int, ts_ms: int, prices: tuple[float, float, float, float], volume: float, *, whole: bool
    ) -> None:
        """Let the orders work inside a candle.

        Args:
            index: of the strategy's own candle, for the books.
            ts_ms: open time of this candle.
            prices: open, high, low, close.
            whole: it is the strategy's own candle, so no moment inside it is known.
        """
        start, high, low, close = (exact(price) for price in prices)
        self._begin(index, ts_ms, volume)
        self._stamp_ms = 0 if whole else ts_ms
        self._jump(start)
        path = (low, high, close) if start - low <= high - start else (high, low, close)
        for target in path:
            if not self._holding.orders:
                return
            self._move(start, target)
            start = target
        for order in self._holding.orders:
            order.rested = order.rested or order.from_ms <= ts_ms

    def trade(self, index: int, ts_ms: int, price: float, volume: float) -> None:
        """Let the orders meet one trade: markets and stops fill at its price, resting limits at theirs."""
        self._begin(index, ts_ms, volume)
        at = exact(price)
        self._jump(at, keep_limit=True)
        for order in self._holding.orders:
            order.rested = order.rested or order.from_ms <= ts_ms

    def _begin(self, index: int, ts_ms: int, volume: float) -> None:
        self._index = index
        self._ts_ms = self._stamp_ms = ts_ms
        if self._bounded:
            assert self._rules.volume_share is not None
            lots = (exact(volume) * self._rules.volume_share / self._rules.lot).to_integral_value(ROUND_FLOOR)
            self._left = lots * self._rules.lot

    def _jump(self, price: Decimal, *, keep_limit: bool = False) -> None:
        """The price stands here, however it came: everything that it has passed is due.

        Orders that a fill brings (the legs of a bracket) are due too when they are passed.
        """
        seen: set[int] = set()
        while True:
            due = next((order for order in self._ready(seen) if _passed(order, price)), None)
            if due is None:
                return
            seen.add(id(due))
            self._meet(due, price, keep_limit=keep_limit)

    def _move(self, start: Decimal, target: Decimal) -> None:
        """The price goes from one to the other without a gap: orders are met in the order of distance."""
        price = start
        seen: set[int] = set()
        while True:
            nearest = self._nearest(price, target, seen)
            if nearest is None:
                return
            order, price = nearest
            seen.add(id(order))
            self._meet(order, price)

    def _nearest(self, price: Decimal, target: Decimal, seen: set[int]) -> tuple[Order, Decimal] | None:
        found: tuple[Decimal, bool, Order, Decimal] | None = None
        for order in self._ready(seen):
            if _passed(order, price):
                level = price
            else:
                level = order.trigger if order.trigger is not None else order.limit or price
                if not (price <= level <= target if target >= price else target <= level <= price):
                    continue
                if not _passed(order, level):
                    continue
            place = (abs(level - price), order.trigger is None)
            if found is None or place < found[:2]:
                found = (*place, order, level)
        return None if found is None else (found[2], found[3])

    def _ready(self, seen: set[int]) -> Iterable[Order]:
        return [
            order for order in self._holding.orders if order.from_ms <= self._ts_ms and id(order) not in seen
        ]

    def _meet(self, order: Order, price: Decimal, *, keep_limit: bool = False) -> None:
        """The price is where the order is due: wake it, or fill it."""
        if order.trigger is not None:
            order.trigger = None
            if order.limit is not None and not _passed(order, price):
                order.rested = True
                return
        if order.limit is None:
            slip = self._rules.slippage
            at = price * (1 + slip if order.side == "buy" else 1 - slip) if slip else price
        else:
            at = order.limit if keep_limit and order.rested else price
            order.rested = order.rested or price == order.limit
        self._fill(order, at)

    def _fill(self, order: Order, price: Decimal) -> None:
        world, holding = self._world, self._holding
        amount = min(order.amount, self._left) if self._bounded else order.amount
        if amount <= 0:
            return
        before = holding.amount
        done = world.fill(order, self._index, price, holding.symbol, self._stamp_ms, amount)
        if not done or order.amount <= 0:
            remove(holding.orders, order)
        if not done:
            return
        filled = abs(holding.amount - before)
        self._left -= filled
        self._after(order, filled)

    def _after(self, order: Order, filled: Decimal) -> None:
        after_fill(self._holding, order, filled)


def after_fill(holding: Holding, order: Order, filled: Decimal) -> None:
    """What a fill does to the legs of brackets."""
    if order.side == "buy":
        if order.stop is not None or order.take is not None:
            _arm(holding, order, filled)
    elif not holding.amount:
        holding.orders[:] = [other for other in holding.orders if not other.leg]
    elif order.leg:
        for other in holding.orders:
            if other.leg == order.leg and other is not order:
                other.amount -= filled


def _arm(holding: Holding, order: Order, filled: Decimal) -> None:
    """Put the legs of a bracket in place, or let them grow with what was bought."""
    legs = [other for other in holding.orders if other.leg == order.number]
    for leg in legs:
        leg.amount += filled
    if legs:
        return
    if order.stop is not None:
        holding.orders.append(
            Order("sell", filled, None, "stop", order.number, trigger=order.stop, leg=order.number)
        )
    if order.take is not None:
        holding.orders.append(
            Order("sell", filled, order.take, "take", order.number, leg=order.number, rested=True)
        )


def remove(orders: list[Order], order: Order) -> None:
    """Take an order out by identity; two orders may be equal."""
    orders[:] = [other for other in orders if other is not order]


def _passed(order: Order, price: Decimal) -> bool:
    """Whether a price is at an order's level or beyond."""
    buys = order.side == "buy"
    if order.trigger is not None:
        return price >= order.trigger if buys else price <= order.trigger
    if order.limit is None:
        return True
    return price <= order.limit if buys else price >= order.limit
