"""The deepest look inside candles: a recorded order book, with our place in the queue.

Market orders walk through the levels; a limit joins the end of the queue of its level and is filled when
the trades that follow have used up what stood before it. What others cancel is taken from behind us, until
the level is smaller than what stood before us: the pessimistic reading of a book that shows no orders.
"""

from collections.abc import Mapping
from decimal import Decimal

import numpy as np

from ..data.columns import Columns
from ..strategy.feeds import FeedKey
from .depth import CandleDepth
from .matching import after_fill, exact, remove
from .orders import ZERO, Order
from .recording import ASK, BID, BOUGHT, CLEAR, Recording, read_recordings
from .world import SimulatedWorld

__all__ = ["BookDepth", "Recording", "read_recordings"]


class Book:
    """Bids and asks as the recording has them, less what we took since the level was last told."""

    def __init__(self) -> None:
        self.sides: tuple[dict[float, float], dict[float, float]] = ({}, {})

    def clear(self) -> None:
        """Nothing is known."""
        for side in self.sides:
            side.clear()

    def set(self, kind: int, price: float, amount: float) -> None:
        """A level has a new amount."""
        side = self.sides[kind == ASK]
        if amount:
            side[price] = amount
        else:
            side.pop(price, None)

    def best(self, side: str) -> float | None:
        """Best price that somebody who buys ("buy") or sells ("sell") meets."""
        levels = self.sides[side == "buy"]
        if not levels:
            return None
        return min(levels) if side == "buy" else max(levels)

    def at(self, side: str, price: float) -> float:
        """What rests at a price on our own side."""
        return self.sides[side == "sell"].get(price, 0.0)


class BookDepth(CandleDepth):
    """Fills orders in a recorded book; in candles that the recording does not know, on the candle's path."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._book, self._row = Book(), 0
        self._ahead: dict[int, Decimal] = {}
        self._price = 0.0

    def open(
        self,
        world: SimulatedWorld,
        candles: Columns,
        candle_ms: int,
        others: Mapping[FeedKey, Columns],
    ) -> None:
        super().open(world, candles, candle_ms, others)
        made = self._recording
        self._rows = [column.tolist() for column in made.arrays()]

    def next_touch(self, first: int, last: int) -> int:
        return first if self._world.own.orders else super().next_touch(first, last)

    def _work_own(self, index: int) -> None:
        world = self._world
        start = int(self._candles.open_ms[index])
        self._replay(start)
        behind = int(np.searchsorted(self._recording.ts_ms, start + self._candle_ms))
        if self._row == behind or self._book.best("buy") is None:
            super()._work_own(index)
            return
        self._arrive(index, start)
        times, kinds, prices, amounts, lasts = self._rows
        while self._row < behind and world.own.orders:
            row = self._row
            self._row += 1
            ts_ms, kind, price, amount = times[row], kinds[row], prices[row], amounts[row]
            if kind >= BOUGHT:
                self._arrive(index, ts_ms)
                self._dealt(index, ts_ms, kind == BOUGHT, price, amount)
            else:
                self._level(kind, price, amount)
                if lasts[row]:
                    self._arrive(index, ts_ms)
                    self._crossed(index, ts_ms)

    def _replay(self, until_ms: int) -> None:
        """Bring the book to a moment; nothing of ours works meanwhile."""
        _, kinds, prices, amounts, _ = self._rows
        behind = int(np.searchsorted(self._recording.ts_ms, until_ms))
        for row in range(self._row, behind):
            if kinds[row] < BOUGHT:
                self._level(kinds[row], prices[row], amounts[row])
            else:
                self._price = prices[row]
        self._row = max(self._row, behind)

    def _level(self, kind: int, price: float, amount: float) -> None:
        if kind == CLEAR:
            self._book.clear()
            return
        self._book.set(kind, price, amount)
        if not self._ahead:
            return
        side = "buy" if kind == BID else "sell"
        for order in self._world.own.orders:
            if order.side == side and order.limit is not None and float(order.limit) == price:
                ahead = self._ahead.get(id(order))
                if ahead is not None and ahead > exact(amount):
                    self._ahead[id(order)] = exact(amount)

    def _arrive(self, index: int, ts_ms: int) -> None:
        """Orders that reach the venue now: take what the book offers, then queue."""
        for order in list(self._world.own.orders):
            if order.from_ms > ts_ms or id(order) in self._ahead:
                continue
            if order.trigger is not None:
                continue
            if order.limit is not None and order.rested:
                continue
            self._take(index, ts_ms, order)
            if order.limit is not None and order.amount > 0 and order in self._world.own.orders:
                order.rested = True
                self._ahead[id(order)] = exact(self._book.at(order.side, float(order.limit)))

    def _take(self, index: int, ts_ms: int, order: Order) -> None:
        """Walk through the levels, as far as the order's limit."""
        levels = self._book.sides[order.side == "buy"]
        while order.amount > 0:
            best = self._book.best(order.side)
            if best is None:
                return
            price = exact(best)
            if order.limit is not None and (
                price > order.limit if order.side == "buy" else price < order.limit
            ):
                return
            size = min(order.amount, self._in_lots(exact(levels[best])))
            if size <= 0:
                del levels[best]
                continue
            if not self._fill(index, ts_ms, order, price, size):
                return
            left = exact(levels[best]) - size
            if left > 0:
                levels[best] = float(left)
            else:
                del levels[best]

    def _dealt(self, index: int, ts_ms: int, bought: bool, price: float, amount: float) -> None:
        """A trade of others: it wakes stops, and uses up the queue before our limits."""
        self._price = price
        for order in list(self._world.own.orders):
            if order.from_ms > ts_ms:
                continue
            if order.trigger is not None:
                self._wake(index, ts_ms, order, price)
            elif order.limit is not None and (order.side == "sell") == bought:
                self._queue(index, ts_ms, order, price, amount)

    def _wake(self, index: int, ts_ms: int, order: Order, price: float) -> None:
        level = float(order.trigger or 0)
        if price >= level if order.side == "buy" else price <= level:
            order.trigger = None
            self._arrive(index, ts_ms)

    def _queue(self, index: int, ts_ms: int, order: Order, price: float, amount: float) -> None:
        assert order.limit is not None
        level = float(order.limit)
        if price < level if order.side == "buy" else price > level:
            self._fill(index, ts_ms, order, order.limit, order.amount)
        elif price == level:
            ahead = self._ahead.get(id(order), ZERO)
            self._ahead[id(order)] = max(ZERO, ahead - exact(amount))
            size = min(order.amount, self._in_lots(exact(amount) - ahead))
            if size > 0:
                self._fill(index, ts_ms, order, order.limit, size)

    def _crossed(self, index: int, ts_ms: int) -> None:
        """The other side moved over our limit: what rests there was met."""
        for order in list(self._world.own.orders):
            if order.limit is None or order.trigger is not None or order.from_ms > ts_ms:
                continue
            best = self._book.best(order.side)
            if best is not None and (
                best <= float(order.limit) if order.side == "buy" else best >= float(order.limit)
            ):
                self._fill(index, ts_ms, order, order.limit, order.amount)

    def _fill(self, index: int, ts_ms: int, order: Order, price: Decimal, amount: Decimal) -> bool:
        world, holding = self._world, self._world.own
        before = holding.amount
        done = world.fill(order, index, price, "", ts_ms, amount)
        if not done or order.amount <= 0:
            remove(holding.orders, order)
            self._ahead.pop(id(order), None)
        if done:
            after_fill(holding, order, abs(holding.amount - before))
        return done

    def _in_lots(self, amount: Decimal) -> Decimal:
        lot = self._world.rules.lot
        return amount // lot * lot if amount > 0 else ZERO
