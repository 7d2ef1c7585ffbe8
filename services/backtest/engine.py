"""The candle-depth engine: one strategy, one market, decisions on closes, fills inside later candles.

It visits the candles on which the strategy wants to be called (`when`), those on which an order may fill,
and no others; in "every" mode it visits all. Both give the same result for a strategy that does nothing
on the others (docs/backtest.md states the rules of filling).
"""

from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.columns import Columns
from ..strategy.base import Candle, Fill, Strategy
from ..strategy.graph import Plan, names_read, pick
from ..strategy.lines import Node
from .orders import ZERO, Execution, Order
from .world import SimulatedWorld

MONEY = Context(prec=34)
"""Sums and products of prices, amounts and fees are exact in it; only averages and shares are rounded."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did: executions in order, money and amount left, orders refused, calls, first candle
    decided on.
    """

    executions: list[Execution]
    cash: Decimal
    held: Decimal
    refused: int
    calls: int
    first: int
    log: list[str]


class _View:
    """Where a strategy finds the declared values that were not put into it beforehand."""

    __slots__ = ("at", "columns")

    def __init__(self, columns: dict[Node, Any]) -> None:
        self.columns, self.at = columns, 0

    def value(self, node: Node) -> Any:
        return self.columns[node][self.at].item()


class Engine:
    """One run of one strategy over one market's candles.

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
    ) -> None:
        self._strategy, self._candles, self._world = strategy, candles, world
        self._first = max(world.rules.warmup, plan.lookback + strategy.warmup)
        computed = plan.columns(candles) if results is None else results
        self._view = _View({node: pick(computed, plan.place(node)) for node in plan.named.values()})
        read = names_read(type(strategy), plan.named)
        self._named = {name: self._view.columns[plan.named[name]] for name in read}
        self._visits = self._wanted(plan, computed)
        self._tells_fills = type(strategy).on_fill is not Strategy.on_fill
        self._plain = not self._tells_fills and not world.rules.slippage
        strategy._world = world
        strategy.__dict__["_view"] = self._view

    def run(self) -> Outcome:
        """From the end of the warm-up to the last candle."""
        world = self._world
        with localcontext(MONEY):
            self._strategy.on_start()
            self._visit()
        return Outcome(
            world.executions,
            world.money,
            world.held,
            world.refused,
            len(self._visits),
            self._first,
            world.lines,
        )

    def _wanted(self, plan: Plan, computed: list[Any]) -> NDArray[np.intp]:
        size = len(self._candles)
        if plan.wakes is None or self._world.rules.every:
            return np.arange(min(self._first, size), size)
        return np.flatnonzero(pick(computed, plan.wakes)[self._first :]) + self._first

    def _visit(self) -> None:
        world, strategy = self._world, self._strategy
        on_candle, orders, wishes, attributes = (
            strategy.on_candle,
            world.orders,
            world.wishes,
            strategy.__dict__,
        )
        names, view = tuple(self._named), self._view
        last = 0
        for index, candle, values in zip(self._visits.tolist(), self._seen(), self._values(), strict=True):
            if orders:
                self._work(last + 1, index)
            last = view.at = index
            for name, value in zip(names, values):  # noqa: B905 - of one length, and this is the hot loop
                attributes[name] = value
            attributes["candle"] = candle
            on_candle(candle)
            if wishes:
                world.place()
        if orders:
            self._work(last + 1, len(self._candles) - 1)

    def _values(self) -> Any:
        """The declared lines and signals of each visit, in the order of their names."""
        if not self._named:
            return ((),) * len(self._visits)
        return zip(*(column[self._visits].tolist() for column in self._named.values()), strict=True)

    def _seen(self) -> Any:
        """The candle of each visit."""
        candles, visits = self._candles, self._visits
        columns = (candles.open_ms, candles.open, candles.high, candles.low, candles.close, candles.volume)
        return map(Candle, *(column[visits].tolist() for column in columns))

    def _work(self, first: int, last: int) -> None:
        """Let orders work on the candles first..last."""
        world = self._world
        orders = world.orders
        if len(orders) == 1 and orders[0].limit is None and self._plain and first <= last:
            # The usual case, without a look at what it does not need: one market order, filled at the open.
            world.fill(orders.pop(), first, Decimal(repr(self._candles.open[first].item())))
            return
        index = first
        while world.orders and index <= last:
            index = self._next_touch(index, last)
            if index > last:
                return
            before = len(world.executions)
            self._match(index)
            if self._tells_fills and len(world.executions) > before:
                self._tell(index, before)
            index += 1

    def _next_touch(self, first: int, last: int) -> int:
        """The first candle of first..last on which an order can fill; last + 1 when there is none."""
        found = last + 1
        for order in self._world.orders:
            if order.limit is None:
                return first
            limit = float(order.limit)
            if order.side == "buy":
                touched = self._candles.low[first:found] <= limit
            else:
                touched = self._candles.high[first:found] >= limit
            if touched.any():
                found = first + int(np.argmax(touched))
        return found

    def _match(self, index: int) -> None:
        """Fill what this candle reaches: market orders at the open, then limits in the order of the path."""
        world = self._world
        start = Decimal(repr(self._candles.open[index].item()))
        slippage = world.rules.slippage
        waiting: list[Order] = []
        for order in world.orders:
            if order.limit is not None:
                waiting.append(order)
            elif slippage:
                world.fill(order, index, start * (1 + slippage if order.side == "buy" else 1 - slippage))
            else:
                world.fill(order, index, start)
        world.orders[:] = self._match_limits(index, start, waiting) if waiting else waiting

    def _match_limits(self, index: int, start: Decimal, waiting: list[Order]) -> list[Order]:
        """Fill the limits that the candle reaches, in the order of its path; return those that go on
        waiting.
        """
        high, low = self._candles.high[index].item(), self._candles.low[index].item()
        down_first = float(start) - low <= high - float(start)

        def place_on_path(order: Order) -> tuple[int, Decimal]:
            assert order.limit is not None
            buys = order.side == "buy"
            if order.limit >= start if buys else order.limit <= start:
                return (0, ZERO)
            return (1 if buys == down_first else 2, abs(order.limit - start))

        reached = [order for order in waiting if _reaches(order, high, low)]
        for order in sorted(reached, key=place_on_path):
            assert order.limit is not None
            best = min(start, order.limit) if order.side == "buy" else max(start, order.limit)
            self._world.fill(order, index, best)
        return [order for order in waiting if not _reaches(order, high, low)]

    def _tell(self, index: int, before: int) -> None:
        """Tell the strategy of fills, at the close of the candle they happened in."""
        world, strategy, candles = self._world, self._strategy, self._candles
        columns = (candles.open_ms, candles.open, candles.high, candles.low, candles.close, candles.volume)
        candle = Candle(*(column[index].item() for column in columns))
        self._view.at = index
        named = {name: column[index].item() for name, column in self._named.items()}
        strategy.__dict__.update(named, candle=candle)
        for done in world.executions[before:]:
            side = "buy" if done.sign > 0 else "sell"
            strategy.on_fill(Fill(side, done.price, done.amount, done.fee, candle.open_ms))
        if world.wishes:
            world.place()


def _reaches(order: Order, high: float, low: float) -> bool:
    assert order.limit is not None
    return low <= order.limit if order.side == "buy" else high >= order.limit
