"""What happens inside a candle: its own path, candles of a shorter timeframe, or every trade."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..data.columns import Columns
from ..strategy.feeds import FeedKey
from .matching import Matcher
from .orders import Order
from .world import SimulatedWorld


class Depth(Protocol):
    """How deep a run looks into its candles."""

    def open(
        self,
        world: SimulatedWorld,
        candles: Columns,
        candle_ms: int,
        others: Mapping[FeedKey, Columns],
    ) -> None:
        """Called once before the first candle."""

    def work(self, index: int) -> None:
        """Let all orders work inside a candle."""

    def next_touch(self, first: int, last: int) -> int:
        """The first candle of first..last on which an order can fill; last + 1 when there is none."""


class CandleDepth:
    """Candles alone: a candle's inside is a path through its four prices."""

    def __init__(self, candles: Columns) -> None:
        self._candles = candles

    def open(
        self,
        world: SimulatedWorld,
        candles: Columns,
        candle_ms: int,
        others: Mapping[FeedKey, Columns],
    ) -> None:
        self._world, self._candles, self._candle_ms = world, candles, candle_ms
        self._own = Matcher(world, world.own)
        self._others = [
            (holding, Matcher(world, holding), _finest(others, symbol))
            for symbol, holding in world.holdings.items()
            if symbol
        ]

    def work(self, index: int) -> None:
        self._work_own(index)
        for holding, matcher, columns in self._others:
            if holding.orders:
                _each_candle(matcher, index, columns, *self._span(index, columns.open_ms))

    def next_touch(self, first: int, last: int) -> int:
        if any(holding.orders for holding, _, _ in self._others):
            return first
        found = last + 1
        for order in self._world.own.orders:
            found = min(found, self._touch(order, first, found))
        return found

    def _work_own(self, index: int) -> None:
        if self._world.own.orders:
            _one_candle(self._own, index, self._candles, index, whole=True)

    def _span(self, index: int, times: NDArray[np.int64]) -> tuple[int, int]:
        """Places of the rows of another series that lie inside an own candle."""
        start = self._candles.open_ms[index]
        first, behind = np.searchsorted(times, (start, start + self._candle_ms))
        return int(first), int(behind)

    def _touch(self, order: Order, first: int, behind: int) -> int:
        level = order.trigger if order.trigger is not None else order.limit
        if level is None:
            return first
        falls = (order.side == "buy") == (order.trigger is None)
        edge = float(level)
        if falls:
            touched = self._candles.low[first:behind] <= edge
        else:
            touched = self._candles.high[first:behind] >= edge
        return first + int(np.argmax(touched)) if touched.any() else behind


class InnerDepth(CandleDepth):
    """Candles of a shorter timeframe inside; where they are missing, the candle's own path."""

    def __init__(self, inner: Columns) -> None:
        super().__init__(inner)
        self._inner = inner

    def _work_own(self, index: int) -> None:
        if not self._world.own.orders:
            return
        first, behind = self._span(index, self._inner.open_ms)
        if first == behind:
            super()._work_own(index)
        else:
            _each_candle(self._own, index, self._inner, first, behind)


class TradeDepth(CandleDepth):
    """Every trade inside; where there is none, the candle's own path.

    Args:
        ts_ms: times, rising; prices and amounts (base units) of the trades.
    """

    def __init__(
        self, ts_ms: NDArray[np.int64], prices: NDArray[np.float64], amounts: NDArray[np.float64]
    ) -> None:
        self._ts_ms, self._prices, self._amounts = ts_ms, prices, amounts

    def _work_own(self, index: int) -> None:
        orders = self._world.own.orders
        if not orders:
            return
        first, behind = self._span(index, self._ts_ms)
        if first == behind:
            super()._work_own(index)
            return
        rows = zip(
            self._ts_ms[first:behind].tolist(),
            self._prices[first:behind].tolist(),
            self._amounts[first:behind].tolist(),
            strict=True,
        )
        for ts_ms, price, amount in rows:
            self._own.trade(index, ts_ms, price, amount)
            if not orders:
                return

    def next_touch(self, first: int, last: int) -> int:
        return first if self._world.own.orders else super().next_touch(first, last)


def _finest(others: Mapping[FeedKey, Columns], symbol: str) -> Columns:
    """The series of a market with the shortest candles."""
    found = [columns for key, columns in others.items() if key.symbol == symbol]
    return min(found, key=lambda columns: int(np.diff(columns.open_ms[:3]).min(initial=1 << 60)))


def _each_candle(matcher: Matcher, index: int, columns: Columns, first: int, behind: int) -> None:
    for at in range(first, behind):
        _one_candle(matcher, index, columns, at, whole=False)


def _one_candle(matcher: Matcher, index: int, columns: Columns, at: int, *, whole: bool) -> None:
    prices = (
        columns.open[at].item(),
        columns.high[at].item(),
        columns.low[at].item(),
        columns.close[at].item(),
    )
    matcher.candle(index, columns.open_ms[at].item(), prices, columns.volume[at].item(), whole=whole)
