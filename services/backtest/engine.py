"""The engine: one strategy, its markets, decisions on closes, fills inside later candles.

It visits the candles on which the strategy wants to be called (`when`, a schedule), those on which an
order may fill, and no others; in "every" mode it visits all. Both give the same result for a strategy that
does nothing on the others (docs/backtest.md states the rules of filling). The compiled core (`lane.py`)
takes as much of a run as it knows; this form takes the rest, and all of it where there is none.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...bus.contracts.market import timeframe_ms
from ..data.columns import Columns
from ..strategy.base import Candle, Fill, Strategy
from ..strategy.feeds import FeedKey
from ..strategy.graph import Plan, due, names_read, pick
from ..strategy.lines import Node
from ..strategy.series import finished
from .books import Books
from .depth import CandleDepth, Depth
from .lane import Lane, lane_for
from .matching import exact
from .orders import Execution
from .world import SimulatedWorld

MONEY = Context(prec=34)
"""Sums and products of prices, amounts and fees are exact in it; only averages and shares are rounded."""

Told = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Around:
    """What a run needs beside its own candles.

    Args:
        others: candles of the further series that the strategy declares.
        depth: what happened inside the candles; candles alone when None.
        funding: (time in ms, rate) of a perpetual contract, rising.
        told: called with (calls made, calls in all) now and then.
    """

    others: Mapping[FeedKey, Columns] | None = None
    depth: Depth | None = None
    funding: tuple[NDArray[np.int64], NDArray[np.float64]] | None = None
    told: Told | None = None


NOTHING_AROUND = Around()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did. `books` holds its executions and its money; `calls` counts calls of the strategy,
    `first` is the first candle decided on, `compiled` how many calls the compiled core made.
    """

    books: Books
    refused: int
    calls: int
    first: int
    log: list[str]
    compiled: int

    @property
    def executions(self) -> list[Execution]:
        """Oldest first."""
        return self.books.executions

    @property
    def cash(self) -> Decimal:
        """Money at the end."""
        return self.books.cash

    @property
    def held(self) -> Decimal:
        """Base units of the own market held at the end."""
        return self.books.held[""]


class _Clock:
    """Which candle the strategy is called on."""

    __slots__ = ("at",)

    def __init__(self) -> None:
        self.at = 0


class _View:
    """Where a strategy finds declared values that were not put into it beforehand, and further series."""

    __slots__ = ("_finished", "_others", "clock", "columns")

    def __init__(
        self, columns: dict[Node, Any], others: Mapping[FeedKey, Columns], done: dict[FeedKey, Any]
    ) -> None:
        self.columns, self._others, self._finished = columns, others, done
        self.clock: Any = _Clock()

    def value(self, node: Node) -> Any:
        return self.columns[node][self.clock.at].item()

    def newest(self, key: FeedKey) -> Candle | None:
        """The newest finished candle of a further series."""
        at = int(self._finished[key][self.clock.at])
        return candle_of(self._others[key], at) if at >= 0 else None


class Engine:
    """One run of one strategy.

    Args:
        results: the plan's columns when they were computed before.
    """

    def __init__(
        self,
        strategy: Strategy,
        plan: Plan,
        candles: Columns,
        world: SimulatedWorld,
        results: list[Any] | None = None,
        around: Around = NOTHING_AROUND,
    ) -> None:
        self._strategy, self._plan, self._candles, self._world = strategy, plan, candles, world
        self._around, self._others = around, around.others or {}
        self._first = max(world.rules.warmup, plan.lookback + strategy.warmup)
        computed = plan.columns(candles, None, self._others) if results is None else results
        done = {
            key: finished(candles.open_ms, plan.candle_ms, other.open_ms, timeframe_ms(key.timeframe))
            for key, other in self._others.items()
        }
        nodes = {node: pick(computed, plan.place(node)) for node in plan.named.values()}
        self._view = _View(nodes, self._others, done)
        read = names_read(type(strategy), plan.named)
        self._named = {name: nodes[plan.named[name]] for name in read}
        self._visits = self._wanted(plan, computed)
        self._called = None if plan.called is None else pick(computed, plan.called)
        owner = type(strategy)
        self._tells = owner.on_fill is not Strategy.on_fill or owner.on_order is not Strategy.on_order
        rules = world.rules
        self._plain = not (
            self._tells
            or rules.slippage
            or rules.latency_ms
            or rules.volume_share is not None
            or around.depth is not None
            or around.funding is not None
            or len(world.holdings) > 1
        )
        world.tells_ends = self._tells
        # Only these ask at what price and moment an order was made.
        self._dated = bool(rules.min_value or rules.latency_ms or len(world.holdings) > 1)
        self._depth = around.depth if around.depth is not None else CandleDepth(candles)
        self._depth.open(world, candles, plan.candle_ms, self._others)
        self._fundings = self._funding_candles()
        strategy._world = world
        strategy.__dict__.update(_view=self._view, _newest=self._view)

    def run(self) -> Outcome:
        """From the end of the warm-up to the last candle."""
        world = self._world
        with localcontext(MONEY):
            lane = self._lane()
            self._strategy.on_start()
            begun, last = 0, 0
            if lane is not None and not world.wishes:
                self._view.clock = lane.clock
                begun, last = lane.run(self._strategy, self._candles, self._visits, self._named)
                self._view.clock = _Clock()
            if lane is None or lane.stopped or world.wishes:
                if lane is not None:
                    lane.hand_over(world, self._candles)
                self._visit(begun, last)
                books = Books.of(world.executions, world.money, world.holdings, world.rules)
            else:
                books = lane.books(self._candles, world)
        refused = world.refused + (lane.refused if lane is not None else 0)
        return Outcome(books, refused, len(self._visits), self._first, world.lines, begun)

    def _lane(self) -> Lane | None:
        """The compiled core, where it knows everything that this run may need."""
        if not self._plain or self._plan.schedules or self._world.rules.pure:
            return None
        return lane_for(self._strategy, self._world, self._candles, self._around.told)

    def _wanted(self, plan: Plan, computed: list[Any]) -> NDArray[np.int64]:
        size = len(self._candles)
        if plan.wakes is None or self._world.rules.every:
            return np.arange(min(self._first, size), size, dtype=np.int64)
        wakes = pick(computed, plan.wakes)[self._first :]
        return np.flatnonzero(wakes).astype(np.int64, copy=False) + self._first

    def _funding_candles(self) -> list[tuple[int, Decimal, int]]:
        """(candle at whose open it is paid, rate, time) of each funding time within the candles."""
        if self._around.funding is None:
            return []
        times, rates = self._around.funding
        at = np.searchsorted(self._candles.open_ms, times)
        inside = (at < len(self._candles)) & (times >= self._candles.open_ms[0])
        rows = zip(at[inside].tolist(), rates[inside].tolist(), times[inside].tolist(), strict=True)
        return [(index, exact(rate), time) for index, rate, time in reversed(list(rows))]

    # -- the Python form

    def _visit(self, begun: int, last: int) -> None:
        """Visit from number `begun` on; `last` is the candle of the visit before."""
        world, strategy, visits = self._world, self._strategy, self._visits[begun:]
        on_candle, orders, wishes = strategy.on_candle, world.own.orders, world.wishes
        attributes, clock = strategy.__dict__, self._view.clock
        simple, dated, place = self._plain, self._dated, world.place
        if wishes:
            self._place(last)
        columns, schedules, called, tell = self._named, self._plan.schedules, self._called, self._around.told
        names, count = tuple(columns), len(visits)
        every = self._plan.wakes is None or world.rules.every
        for number, (index, candle, values) in enumerate(
            zip(visits.tolist(), self._seen(visits), self._values(visits), strict=True)
        ):
            if orders if simple else self._busy():
                self._work(last + 1, index)
            last = clock.at = index
            for name, value in zip(names, values):  # noqa: B905 - of one length, and this is the hot loop
                attributes[name] = value
            attributes["candle"] = candle
            if schedules:
                for name in due(schedules, candle.open_ms, self._plan.candle_ms):
                    getattr(strategy, name)()
                if not every and called is not None and not called[index]:
                    if wishes:
                        self._place(index)
                    continue
            on_candle(candle)
            if wishes:
                if dated:
                    self._place(index)
                else:
                    place()
            if tell is not None and not number & 0xFFFF:
                tell(number, count)
        if orders or self._busy():
            self._work(last + 1, len(self._candles) - 1)

    def _place(self, index: int) -> None:
        world, candles = self._world, self._candles
        if not self._dated:
            world.place()
            return
        world.close = float(candles.close[index])
        world.now_ms = int(candles.open_ms[index]) + self._plan.candle_ms
        if len(world.holdings) > 1:
            newest = {key.symbol: self._view.newest(key) for key in self._others}
            world.closes = {symbol: candle.close for symbol, candle in newest.items() if candle is not None}
        world.place()

    def _busy(self) -> bool:
        """Whether something may happen before the next visit."""
        world = self._world
        if self._fundings or world.ended:
            return True
        return any(holding.orders for holding in world.holdings.values())

    def _values(self, visits: NDArray[np.int64]) -> Any:
        """The declared lines and signals of each visit, in the order of their names."""
        if not self._named:
            return ((),) * len(visits)
        return zip(*(column[visits].tolist() for column in self._named.values()), strict=True)

    def _seen(self, visits: NDArray[np.int64]) -> Any:
        """The candle of each visit."""
        candles = self._candles
        columns = (candles.open_ms, candles.open, candles.high, candles.low, candles.close, candles.volume)
        return map(Candle, *(column[visits].tolist() for column in columns))

    def _work(self, first: int, last: int) -> None:
        """Let orders work on the candles first..last."""
        world, orders = self._world, self._world.own.orders
        if self._plain and len(orders) == 1 and first <= last:
            only = orders[0]
            if only.limit is None and only.trigger is None and only.stop is None and only.take is None:
                # The usual case, without a look at what it does not need: one market order at the open.
                orders.pop()
                world.fill(only, first, Decimal(repr(self._candles.open.item(first))))
                return
        index = first
        while index <= last and (orders or self._busy()):
            index = self._next(index, last)
            if index > last:
                return
            before = len(world.executions)
            self._pay_funding(index)
            self._depth.work(index)
            if self._tells and (len(world.executions) > before or world.ended):
                self._tell(index, before)
            world.ended.clear()
            index += 1

    def _next(self, first: int, last: int) -> int:
        """The first candle of first..last on which something can happen; last + 1 when there is none."""
        if self._world.ended:
            return first
        found = self._depth.next_touch(first, last)
        if self._fundings:
            found = min(found, max(first, self._fundings[-1][0]))
        return found

    def _pay_funding(self, index: int) -> None:
        while self._fundings and self._fundings[-1][0] <= index:
            at, rate, time_ms = self._fundings.pop()
            price = exact(self._candles.open[at].item())
            self._world.pay_funding("", at, rate, price, time_ms)

    def _tell(self, index: int, before: int) -> None:
        """Tell the strategy of fills and ended orders, at the close of the candle they happened in."""
        world, strategy = self._world, self._strategy
        candle = candle_of(self._candles, index)
        self._view.clock.at = index
        named = {name: column[index].item() for name, column in self._named.items()}
        strategy.__dict__.update(named, candle=candle)
        self._tell_each(before, candle)
        if world.wishes:
            self._place(index)

    def _tell_each(self, before: int, candle: Candle) -> None:
        world, strategy = self._world, self._strategy
        for done in world.executions[before:]:
            if done.sign:
                side = "buy" if done.sign > 0 else "sell"
                when_ms = done.ts_ms or candle.open_ms
                strategy.on_fill(Fill(side, done.price, done.amount, done.fee, when_ms, done.symbol))
        for order in list(world.ended):
            strategy.on_order(order)


def candle_of(columns: Columns, index: int) -> Candle:
    """One candle of a series."""
    names = (columns.open_ms, columns.open, columns.high, columns.low, columns.close, columns.volume)
    return Candle(*(column[index].item() for column in names))
