"""The period just traded, run again: every trade beside its twin, and a cause for each difference.

The strategy is shown the same finished candles and the same account; what it wishes for is compared with
what trade was asked for, size by size, and each fill with the order book that was there when it happened
(docs/backtest.md has the causes). After a difference the account of the new run is that of the old one, so
one difference does not bring others.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal, localcontext
from typing import Any

import numpy as np

from ...bus import topics
from ...bus.contracts.market import timeframe_ms
from ...configs.paths import Home
from ..data.columns import NAMES, Columns
from ..strategy.base import Candle, Fill, Position, Strategy, Wish
from ..strategy.base import Order as Told
from ..strategy.feeds import FeedKey
from ..strategy.graph import Live, Plan, due
from .engine import MONEY, candle_of
from .lived import Book, Lived, LivedFill, LivedOrder, candles_of
from .orders import ZERO
from .series_feed import queues

PRICE, LATENCY, SIZE, MISSED, REJECTED, DECISION = (
    "price",
    "latency",
    "size rounding",
    "missed data",
    "rejected order",
    "decision",
)
_NEAR_MS = 1500
_LATE_MS = 2000


@dataclass(frozen=True, slots=True)
class Difference:
    """One trade that is not as it would be again. `was` and `again` are what differs."""

    run: str
    symbol: str
    candle_open_ms: int
    side: str
    cause: str
    was: str
    again: str
    sentence: str


@dataclass(slots=True)
class Compared:
    """One run.

    Args:
        orders: that were traded; `again`: that the new run asked for; `equal`: that agree in everything.
        cost: quote units that latency and spread cost against filling at the close of the decision.
    """

    run: str
    strategy: str
    symbol: str
    timeframe: str
    candles: int = 0
    orders: int = 0
    again: int = 0
    equal: int = 0
    cost: Decimal = ZERO
    delay_ms: float = 0.0
    differences: list[Difference] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Traded:
    """One run as the settings have it."""

    run: str
    strategy: str
    symbol: str
    timeframe: str
    parameters: Mapping[str, object]


class _Account:
    """The account of the old run, as it was at each moment."""

    def __init__(self, lived: Lived, run: str, symbol: str, lot: Decimal, min_value: Decimal) -> None:
        self._lived, self._run, self._symbol = lived, run, symbol
        self._lot, self._min_value = lot, min_value
        self._quote = symbol.partition("/")[2].partition(":")[0]
        self._base = symbol.partition("/")[0]
        amount, average = lived.held.get(symbol, (ZERO, None))
        self._amount, self._cost = amount, amount * (average or ZERO)
        self._average = average
        money_ms = lived.money_at_ns.get(self._quote, 0) // 1_000_000
        self.money = lived.money.get(self._quote, ZERO)
        self._fills = sorted((one for one in lived.fills if one.ts_ms > 0), key=lambda one: one.ts_ms)
        if lived.money_at_ns.get(self._quote, 0) >= lived.from_ms * 1_000_000:
            # Told after the beginning: fills before it are in it already.
            for fill in self._fills:
                if fill.ts_ms <= money_ms:
                    self.money -= self._flow(fill)
        self._next = 0
        self.price = 0.0
        self.now_ms = lived.from_ms

    def advance(self, to_ms: int) -> list[LivedFill]:
        """Book the fills up to a moment; those of this run are given back."""
        self.now_ms = to_ms
        ours = []
        while self._next < len(self._fills) and self._fills[self._next].ts_ms <= to_ms:
            fill = self._fills[self._next]
            self._next += 1
            self.money += self._flow(fill)
            if fill.symbol == self._symbol:
                self._book(fill)
                if fill.source == self._run:
                    ours.append(fill)
        return ours

    def _flow(self, fill: LivedFill) -> Decimal:
        value = fill.price * fill.amount
        flow = -value if fill.side == "buy" else value
        return flow - (fill.fee if fill.fee_currency == self._quote else ZERO)

    def _book(self, fill: LivedFill) -> None:
        taken = fill.fee if fill.fee_currency == self._base else ZERO
        if fill.side == "buy":
            self._cost += fill.price * fill.amount
            self._amount += fill.amount - taken
        else:
            self._cost -= self._cost * fill.amount / self._amount if self._amount else ZERO
            self._amount -= fill.amount + taken
        self._average = self._cost / self._amount if self._amount else None

    def position(self) -> Position:
        """What is held; what is too little to be sold counts as nothing."""
        value = self._amount * Decimal(repr(self.price))
        if self._amount < self._lot or value < self._min_value:
            return Position()
        return Position(self._amount, self._average)

    def free(self) -> Decimal:
        """Money that no resting buy holds."""
        held = ZERO
        for order in self.working(every_run=True):
            if order.side == "buy" and order.limit is not None:
                held += order.limit * order.amount
        return self.money - held

    def working(self, *, every_run: bool = False) -> list[LivedOrder]:
        """Orders that were open at this moment."""
        return [
            order
            for order in self._lived.orders.values()
            if (every_run or (order.source == self._run and order.symbol == self._symbol))
            and order.created_ms <= self.now_ms
            and not 0 < order.ended_ms <= self.now_ms
        ]


class _World:
    """The old account as a strategy sees it (strategy.values.World)."""

    def __init__(self, exchange: str, traded: Traded, account: _Account) -> None:
        self.exchange, self.symbol, self.timeframe = exchange, traded.symbol, traded.timeframe
        self._account = account
        self.wishes: list[Wish] = []

    def position(self, symbol: str = "") -> Position:
        return self._account.position() if symbol in ("", self.symbol) else Position()

    def cash(self, symbol: str = "") -> Decimal:
        return self._account.free()

    def order(self, wish: Wish) -> None:
        self.wishes.append(wish)

    def cancel(self, symbol: str = "", order_id: str = "") -> None:
        """What was cancelled then is over in the old account."""

    def resting(self, symbol: str = "") -> list[Told]:
        orders = self._account.working()
        return [Told(order.id, order.side, order.amount, limit=order.limit, reason="") for order in orders]

    def working(self, symbol: str = "") -> int:
        return len(self._account.working())

    def log(self, message: str, fields: Mapping[str, object]) -> None:
        """Logged once already."""


def compare(
    home: Home,
    lived: Lived,
    traded: Traded,
    owner: type[Strategy],
    *,
    lot: Decimal,
    min_value: Decimal,
    told: Callable[[int, int], None],
) -> Compared:
    """Run one strategy again over what it was shown."""
    again = _Again(home, lived, traded, owner, lot, min_value)
    with localcontext(MONEY):
        again.run(told)
    return again.found


class _Again:
    def __init__(
        self,
        home: Home,
        lived: Lived,
        traded: Traded,
        owner: type[Strategy],
        lot: Decimal,
        min_value: Decimal,
    ) -> None:
        self._lived, self._traded, self._lot = lived, traded, lot
        self._account = _Account(lived, traded.run, traded.symbol, lot, min_value)
        self._world = _World(lived.exchange, traded, self._account)
        self._strategy: Any = owner(traded.parameters)
        self._plan = Plan(owner, self._strategy._parameters, traded.timeframe, traded.symbol)
        self._live = Live(self._plan)
        self._strategy.__dict__.update(_world=self._world, _newest=self._live)
        self._candles = candles_of(home, lived, traded.symbol, traded.timeframe)
        self._others: dict[FeedKey, Columns] = {
            key: candles_of(home, lived, key.symbol, key.timeframe) for key in self._plan.feeds
        }
        mine = [order for order in lived.orders.values() if order.source == traded.run]
        self._orders = {order.intent_id: order for order in mine}
        self._step = timeframe_ms(traded.timeframe)
        self._needs = self._plan.lookback + owner.warmup
        self.found = Compared(traded.run, traded.strategy, traded.symbol, traded.timeframe)
        self.found.orders = len(mine)
        self._met: set[str] = set()
        self._delays: list[float] = []

    def run(self, told: Callable[[int, int], None]) -> None:
        begun = False
        queue = queues(self._others, self._step, self._candles)
        columns = [getattr(self._candles, name).tolist() for name in ("open_ms", *NAMES)]
        size = len(self._candles)
        for index, row in enumerate(zip(*columns, strict=True)):
            candle = Candle(*row)
            for key, ends in queue.items():
                for at in range(ends[index], ends[index + 1]):
                    self._live.push_other(key, candle_of(self._others[key], at))
            wakes = self._live.push(candle)
            close_ms = candle.open_ms + self._step
            if close_ms <= self._first_ms():
                continue
            if not begun:
                self._strategy.on_start()
                begun = True
            self._settle(candle, close_ms, wakes, index)
            if not index % 256:
                told(index, size)
        told(size, size)
        self._left_over()
        if self._delays:
            self.found.delay_ms = float(np.median(self._delays))

    def _first_ms(self) -> int:
        """The old run decided from its first told candle on."""
        seen = self._lived.seen.get(self._traded.run)
        return max(self._lived.from_ms, min(seen) if seen else 0)

    def _settle(self, candle: Candle, close_ms: int, wakes: bool, index: int) -> None:
        account, strategy = self._account, self._strategy
        account.price = candle.close
        fills = account.advance(close_ms)
        self.found.candles += 1
        strategy.__dict__.update(self._live.attributes(), candle=candle)
        for fill in fills:
            strategy.on_fill(Fill(fill.side, fill.price, fill.amount, fill.fee, fill.ts_ms))
        if index >= self._needs:
            for name in due(self._plan.schedules, candle.open_ms, self._step):
                getattr(strategy, name)()
            called = self._plan.called
            if wakes if called is None else self._live.at(called):
                strategy.on_candle(candle)
        wishes, self._world.wishes = self._world.wishes, []
        counts = {"buy": 0, "sell": 0}
        for wish in wishes:
            counts[wish.side] += 1
            intent = f"{self._traded.run}:{topics.part(self._traded.symbol)}:{candle.open_ms}:"
            self._meet(candle, wish, f"{intent}{wish.side[0]}{counts[wish.side]}")

    def _meet(self, candle: Candle, wish: Wish, intent_id: str) -> None:
        """A wish of the new run, and its twin."""
        amount = (wish.amount / self._lot).to_integral_value(ROUND_FLOOR) * self._lot
        if amount <= 0:
            return
        self.found.again += 1
        order = self._orders.get(intent_id)
        if order is None:
            self._missing(candle, wish, amount, intent_id)
            return
        self._met.add(intent_id)
        well = self._same_size(candle, wish, order, amount)
        well = self._accepted(candle, order) and well
        if order.fills:
            well = self._same_price(candle, wish, order) and well
        self.found.equal += well

    def _note(
        self, candle_open_ms: int, side: str, cause: str, texts: tuple[str, str], sentence: str
    ) -> None:
        self.found.differences.append(
            Difference(self._traded.run, self._traded.symbol, candle_open_ms, side, cause, *texts, sentence)
        )

    def _missing(self, candle: Candle, wish: Wish, amount: Decimal, intent_id: str) -> None:
        texts = ("nothing", f"{wish.side} {amount}")
        seen = self._lived.seen.get(self._traded.run)
        if seen is not None and candle.open_ms not in seen:
            sentence = "the running strategy never saw this candle"
            self._note(candle.open_ms, wish.side, MISSED, texts, sentence)
        elif intent_id in self._lived.signals:
            sentence = "it was decided, but trade made no order of it: refused, or too late"
            self._note(candle.open_ms, wish.side, REJECTED, texts, sentence)
        else:
            sentence = "the running strategy saw this candle and decided otherwise"
            self._note(candle.open_ms, wish.side, DECISION, texts, sentence)

    def _same_size(self, candle: Candle, wish: Wish, order: LivedOrder, amount: Decimal) -> bool:
        if order.amount == amount:
            return True
        apart = abs(order.amount - amount)
        told = (
            "by one step of the amount"
            if apart <= self._lot
            else "more than rounding: money or position differed"
        )
        texts = (f"{order.side} {order.amount}", f"{wish.side} {amount}")
        self._note(candle.open_ms, wish.side, SIZE, texts, f"the sizes differ by {apart}, {told}")
        return False

    def _accepted(self, candle: Candle, order: LivedOrder) -> bool:
        if order.state not in ("REJECTED", "DENIED", "EXPIRED") or order.fills:
            return True
        texts = (order.state.lower(), f"{order.side} {order.amount}")
        self._note(candle.open_ms, order.side, REJECTED, texts, order.reason or "the venue gave no reason")
        return False

    def _same_price(self, candle: Candle, wish: Wish, order: LivedOrder) -> bool:
        """Was the price that of the market when the order arrived?"""
        amount = sum((fill.amount for fill in order.fills), ZERO)
        value = sum((fill.price * fill.amount for fill in order.fills), ZERO)
        first_ms, sign = order.fills[0].ts_ms, 1 if order.side == "buy" else -1
        close_ms = candle.open_ms + self._step
        if order.limit is None:
            self.found.cost += sign * (value - Decimal(repr(candle.close)) * amount)
            self._delays.append(first_ms - close_ms)
        if order.limit is not None or wish.limit is not None:
            better = value / amount if amount else ZERO
            limit = order.limit or better
            return (better - limit) * sign <= 0
        books = self._lived.books.get(order.symbol, [])
        return self._in_books(candle, order, books, (amount, value, first_ms, close_ms))

    def _in_books(
        self,
        candle: Candle,
        order: LivedOrder,
        books: list[Book],
        filled: tuple[Decimal, Decimal, int, int],
    ) -> bool:
        amount, value, first_ms, close_ms = filled
        near = [book for book in books if abs(book.ts_ms - first_ms) <= _NEAR_MS]
        walked = [walk(book, order.side, amount) for book in near]
        prices = [one for one in walked if one is not None]
        if value in prices:
            return True
        if not prices:
            return self._in_candle(candle, order, value / amount, first_ms)
        if min(prices) <= value <= max(prices):
            return True  # between two books that were told: one in between was not
        nearest = min(prices, key=lambda one: abs(one - value))
        texts = (f"{value / amount:.8f}", f"{nearest / amount:.8f}")
        late = first_ms - close_ms > max(_LATE_MS, self._step)
        cause = LATENCY if late else PRICE
        told = f"filled {first_ms - close_ms} ms after the close, {abs(value / nearest - 1) * 10_000:.2f} bp"
        self._note(candle.open_ms, order.side, cause, texts, f"{told} beside the book of that moment")
        return False

    def _in_candle(self, candle: Candle, order: LivedOrder, price: Decimal, first_ms: int) -> bool:
        """Without a book: the candle of the fill must hold the price."""
        times = self._candles.open_ms
        at = int(np.searchsorted(times, first_ms, side="right")) - 1
        inside = at >= 0 and self._candles.low[at] <= float(price) <= self._candles.high[at]
        if inside or at < 0 or first_ms >= int(times[at]) + self._step:
            return True
        low, high = self._candles.low[at], self._candles.high[at]
        texts = (f"{price:.8f}", f"{low} to {high}")
        self._note(candle.open_ms, order.side, PRICE, texts, "the candle of the fill does not hold its price")
        return False

    def _left_over(self) -> None:
        """Orders that the new run never asked for."""
        for intent_id, order in self._orders.items():
            if intent_id in self._met or not intent_id.startswith(f"{self._traded.run}:"):
                continue
            texts = (f"{order.side} {order.amount}", "nothing")
            known = np.isin(order.candle_open_ms, self._candles.open_ms)
            cause = DECISION if known else MISSED
            told = "the new run decides otherwise on this candle" if known else "its candle is in no history"
            self._note(order.candle_open_ms, order.side, cause, texts, told)


def walk(book: Book, side: str, amount: Decimal) -> Decimal | None:
    """What an amount costs, or brings, in a book; None where it holds less."""
    left, value = amount, ZERO
    for price, size in book.asks if side == "buy" else book.bids:
        taken = min(left, size)
        value += price * taken
        left -= taken
        if not left:
            return value
    return None
