"""The one gate to the venue: cancels before questions before orders, and never faster than the venue
allows.
"""

import asyncio
import contextlib
import heapq
import itertools
import time
from collections import deque
from collections.abc import Awaitable, Callable
from enum import IntEnum

_WINDOW_S = 10.0
_KEPT_FREE = 2
Work = Callable[[], Awaitable[None]]


class Urgency(IntEnum):
    """What goes first when not everything may go at once."""

    CANCEL = 0
    QUESTION = 1
    ORDER = 2


class Dispatcher:
    """Carries out work in order of urgency.

    Never more than `orders_per_10s` orders begin within any ten seconds. Cancels and questions do not wait.

    Args:
        orders_per_10s: the venue's limit on new orders.
        at_once: calls under way at a time; two of them are never orders.

    `on_held` is called with the number of waiting calls and the pause each time the limit holds orders back.
    """

    def __init__(
        self, orders_per_10s: int, at_once: int = 8, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._begun_s: deque[float] = deque(maxlen=orders_per_10s)
        self._clock, self._at_once = clock, at_once
        # Orders that hang never take the places that a cancel needs.
        self._orders_at_once, self._orders_running = max(1, at_once - _KEPT_FREE), 0
        self._queue: list[tuple[int, int, Work]] = []
        self._numbers = itertools.count()
        self._changed = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        self.on_held: Callable[[int, float], None] = _say_nothing
        self._failure: BaseException | None = None

    @property
    def waiting(self) -> int:
        """How much has not begun yet."""
        return len(self._queue)

    @property
    def is_free(self) -> bool:
        """Whether an order may begin at once: nothing waits, a place is free, the limit allows it."""
        return (
            not self._queue
            and len(self._running) < self._at_once
            and self._orders_running < self._orders_at_once
            and self._pause_before_order() <= 0
        )

    def begin_order(self, work: Work) -> None:
        """Begin an order without a turn of waiting; only while `is_free`."""
        self._begun_s.append(self._clock())
        self._start(Urgency.ORDER, work)

    def put(self, urgency: Urgency, work: Work) -> None:
        """Do this when its turn comes. `work` handles its own errors; one that escapes ends `run`."""
        heapq.heappush(self._queue, (urgency, next(self._numbers), work))
        self._changed.set()

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                self._changed.clear()
                pause_s = self._start_what_may_go()
                await self._pause(pause_s)
                if self._failure is not None:
                    raise self._failure
        finally:
            for task in tuple(self._running):
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)

    async def drain(self, timeout_s: float) -> None:
        """Let the calls that are under way end."""
        if self._running:
            await asyncio.wait(set(self._running), timeout=timeout_s)

    async def _pause(self, at_most_s: float | None) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), at_most_s)

    def _start_what_may_go(self) -> float | None:
        """Start work; how long to wait when the venue's limit is reached."""
        while self._queue and len(self._running) < self._at_once:
            urgency = self._queue[0][0]
            if urgency == Urgency.ORDER:
                if self._orders_running >= self._orders_at_once:
                    return None
                pause_s = self._pause_before_order()
                if pause_s > 0:
                    self.on_held(len(self._queue), pause_s)
                    return pause_s
                self._begun_s.append(self._clock())
            _, _, work = heapq.heappop(self._queue)
            self._start(urgency, work)
        return None

    def _start(self, urgency: int, work: Work) -> None:
        task: asyncio.Task[None] = asyncio.ensure_future(_carry_out(work))
        self._running.add(task)
        if urgency == Urgency.ORDER:
            self._orders_running += 1
            task.add_done_callback(self._order_ended)
        task.add_done_callback(self._ended)

    def _pause_before_order(self) -> float:
        """Until the oldest of as many orders as are allowed is ten seconds ago."""
        if len(self._begun_s) < (self._begun_s.maxlen or 1):
            return 0.0
        return self._begun_s[0] + _WINDOW_S - self._clock()

    def _order_ended(self, task: asyncio.Task[None]) -> None:
        self._orders_running -= 1

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._changed.set()
        if not task.cancelled():
            self._failure = self._failure or task.exception()


def _say_nothing(waiting: int, pause_s: float) -> None:
    """Nobody wants to hear of orders that the venue's limit holds back."""


async def _carry_out(work: Work) -> None:
    await work()
