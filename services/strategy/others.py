"""Candles of the further series that a run reads, handed out as they were finished when its own closed.

Live, the candles of two markets that close at one moment arrive one after the other: the decision waits for
all of them, at most GRACE_S; what has not come by then is asked for once, and then the run decides without.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable

import structlog

from ...bus.contracts.market import Candle, timeframe_ms, timeframe_phase_ms
from .feeds import FeedKey

GRACE_S = 5.0

History = Callable[[FeedKey, int, int | None], Awaitable[list[Candle]]]
"""(series, limit, since_ms) to its newest finished candles; waits until data answers."""


class Others:
    """The further series of one run.

    Args:
        feeds: in the order in which candles that close together are shown.
        past: asks data for candles.
    """

    def __init__(self, feeds: tuple[FeedKey, ...], past: History) -> None:
        self._feeds, self._past = feeds, past
        self._lengths = {key: timeframe_ms(key.timeframe) for key in feeds}
        self._phases = {key: timeframe_phase_ms(key.timeframe) for key in feeds}
        self._queues: dict[FeedKey, deque[Candle]] = {key: deque() for key in feeds}
        self._newest = dict.fromkeys(feeds, 0)
        self._loaded_ms = 0
        self._arrived = asyncio.Event()
        self._log = structlog.get_logger(component="others")

    async def load(self, since_ms: int, lookbacks: dict[FeedKey, int], most: int) -> None:
        """Ask for the past: from `since_ms` on, and what the lines need before that."""
        now_ms = time.time_ns() // 1_000_000
        for key in self._feeds:
            count = (now_ms - since_ms) // self._lengths[key] + lookbacks[key] + 2
            for candle in await self._past(key, min(count, most), None):
                self.take(key, candle)
        self._loaded_ms = now_ms

    def take(self, key: FeedKey, candle: Candle) -> None:
        """A finished candle came; older ones than the newest known are passed over."""
        if key in self._queues and candle.open_ms > self._newest[key]:
            self._queues[key].append(candle)
            self._newest[key] = candle.open_ms
            self._arrived.set()

    async def until(self, moment_ms: int) -> list[tuple[FeedKey, Candle]]:
        """All candles not handed out yet that were finished at a moment, in the order of their closes."""
        if moment_ms > self._loaded_ms:
            for key in self._feeds:
                await self._complete(key, moment_ms)
        found: list[tuple[int, int, FeedKey, Candle]] = []
        for number, (key, queue) in enumerate(self._queues.items()):
            while queue and queue[0].open_ms + self._lengths[key] <= moment_ms:
                candle = queue.popleft()
                found.append((candle.open_ms + self._lengths[key], number, key, candle))
        return [(key, candle) for _, _, key, candle in sorted(found, key=lambda one: one[:2])]

    async def _complete(self, key: FeedKey, moment_ms: int) -> None:
        """Wait for the candles of a series that are finished at a moment; ask for those that do not come."""
        length, phase = self._lengths[key], self._phases[key]
        wanted = (moment_ms - phase) // length * length + phase - length
        last = self._queues[key][0].open_ms - length if self._queues[key] else self._newest[key]
        patience_s = moment_ms / 1000 + GRACE_S - time.time()
        try:
            async with asyncio.timeout(max(0.0, patience_s)):
                while self._newest[key] < wanted:
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            since = last + length if last else wanted
            for candle in await self._past(key, (wanted - since) // length + 1, since):
                self.take(key, candle)
        if self._newest[key] < wanted:
            self._log.warning("candle is missing", symbol=key.symbol, timeframe=key.timeframe, open_ms=wanted)
            self._newest[key] = wanted
