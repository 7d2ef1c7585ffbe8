"""Fetching history from a venue into the store, page by page, and mending its gaps.

Nothing is invented: what the venue does not have is marked with the reason. Every page is on disk before the
next is asked for, so a fetch that was interrupted goes on where it ended.
"""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Callable

import msgspec
import numpy as np

from ...bus.contracts.market import timeframe_ms, timeframe_phase_ms
from ...configs.errors import CryptoBotError, OrderRejectedError, RetryLaterError, SettingsError
from ..connectors.venue import Venue, VenueCandle
from .columns import Columns
from .feed import row_of
from .library import Library, SeriesName, merged
from .quality import Hole, holes_of
from .store import CandleStore, Gap, rewrite

_NOT_THERE = "the venue has no such candle"
_TRIES = 6
_PAUSE_S = 1.0
_PART = "earlier"

Tell = Callable[[int, int], None]
"""(candles of the range done, candles in all)."""


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """What a fetch or a repair did to one series."""

    series: str
    added: int
    candles: int
    gaps_filled: int = 0
    gaps_marked: int = 0
    first_ms: int = 0
    last_ms: int = 0


class History:
    """Asks one venue.

    Args:
        pause_s: wait before a try after the venue was busy or away; it grows.
    """

    def __init__(self, venue: Venue, library: Library, *, pause_s: float = _PAUSE_S) -> None:
        self._venue, self._library, self._pause_s = venue, library, pause_s

    async def fetch(self, name: SeriesName, from_ms: int, to_ms: int, tell: Tell) -> Fetched:
        """Have all finished candles that open at or after `from_ms` and before `to_ms`: those before the
        first known one, and those after the last.

        Raises:
            RetryLaterError: the venue stayed busy or away; what came before that is kept.
            UsageError: somebody else writes the series now.
        """
        step, phase = timeframe_ms(name.timeframe), timeframe_phase_ms(name.timeframe)
        first = -(-(from_ms - phase) // step) * step + phase
        newest = (min(to_ms, _now_ms()) - phase) // step * step + phase - step
        with self._library.writing(name) as store:
            before = len(store)
            known = store.columns()
            begins = int(known.open_ms[0]) if before else newest + step
            wanted = max(0, (begins - first) // step) + max(
                0, (newest - max(store.last_open_ms, begins)) // step
            )
            done = 0

            def count(candles: int) -> None:
                nonlocal done
                done += candles
                tell(min(done, wanted), wanted)

            if first < begins:
                await self._earlier(name, store, first, min(newest, begins - step), count)
                store = CandleStore(self._library.folder(name), name.timeframe)
            if store.last_open_ms and store.last_open_ms < newest:
                async for page in self._pages(name, store.last_open_ms + step, newest, count):
                    store.append([row_of(candle) for candle in page])
            marked = _mark(store, name.timeframe)
            return _told(name, store, before, 0, marked)

    async def repair(self, name: SeriesName, tell: Tell) -> Fetched:
        """Ask again for every candle that is missing between the first and the last; mark what cannot be
        had.

        Raises:
            RetryLaterError: the venue stayed busy or away; nothing is changed.
            UsageError: somebody else writes the series now.
        """
        with self._library.writing(name) as store:
            before, known = len(store), store.columns()
            holes = holes_of(known, name.timeframe, [])
            found: list[VenueCandle] = []
            for number, hole in enumerate(holes):
                async for page in self._pages(name, hole.first_ms, hole.last_ms, _nobody):
                    found.extend(page)
                tell(number + 1, len(holes))
            if found:
                whole, _, _ = merged(known, as_columns(found))
                rewrite(self._library.folder(name), name.timeframe, whole)
                store = CandleStore(self._library.folder(name), name.timeframe)
            left = holes_of(store.columns(), name.timeframe, [])
            store.keep_gaps([_gap(hole, _NOT_THERE) for hole in left])
            filled = len(holes) - sum(1 for hole in holes if any(_within(one, hole) for one in left))
            return _told(name, store, before, filled, len(left))

    async def _earlier(
        self, name: SeriesName, store: CandleStore, first: int, last: int, count: Callable[[int], None]
    ) -> None:
        """Candles before the known ones: gathered beside them, and put in front once all are there."""
        folder = self._library.folder(name)
        beside = CandleStore(folder / _PART, name.timeframe)
        step = timeframe_ms(name.timeframe)
        start = max(first, beside.last_open_ms + step) if beside.last_open_ms else first
        if len(beside) and int(beside.columns().open_ms[0]) > first:
            shutil.rmtree(folder / _PART)  # an earlier fetch began later than this one
            beside, start = CandleStore(folder / _PART, name.timeframe), first
        count((start - first) // step)
        async for page in self._pages(name, start, last, count):
            beside.append([row_of(candle) for candle in page])
        whole, _, _ = merged(store.columns(), beside.columns())
        if len(whole) > len(store):
            rewrite(folder, name.timeframe, whole)
        shutil.rmtree(folder / _PART)

    async def _pages(
        self, name: SeriesName, first_ms: int, last_ms: int, count: Callable[[int], None]
    ) -> AsyncIterator[list[VenueCandle]]:
        """The finished candles of a range that the venue has, page by page, checked."""
        step, limit = timeframe_ms(name.timeframe), self._venue.capabilities.candle_limit
        since = first_ms
        while since <= last_ms:
            wanted = min(limit, (last_ms - since) // step + 1)
            page = await self._patiently(name, since, wanted)
            page = [one for one in page if since <= one.open_ms <= last_ms and one.closed]
            _check(page, name, step)
            if page:
                yield page
            # An empty page may be a hole of the venue's: what lies behind it is asked for as well.
            then = (page[-1].open_ms if page else since + (wanted - 1) * step) + step
            count((then - since) // step)
            since = then

    async def _patiently(self, name: SeriesName, since: int, count: int) -> list[VenueCandle]:
        pause_s = self._pause_s
        for attempt in range(_TRIES):
            try:
                return await self._venue.fetch_candles(name.symbol, name.timeframe, since, count)
            except OrderRejectedError as error:
                raise SettingsError(f"{name} cannot be fetched: {error}") from error
            except RetryLaterError as error:
                if attempt == _TRIES - 1:
                    raise
                await asyncio.sleep(max(pause_s, min(error.after_s, 60.0) if pause_s else 0.0))
                pause_s *= 2
        raise AssertionError


def as_columns(candles: list[VenueCandle]) -> Columns:
    """A venue's candles as columns."""
    rows = [row_of(candle) for candle in candles]
    if not rows:
        return Columns.empty()
    times, *prices = zip(*rows, strict=True)
    return Columns(np.array(times, np.int64), *(np.array(part, np.float64) for part in prices))


def _check(page: list[VenueCandle], name: SeriesName, step: int) -> None:
    """A venue's answer must be candles: rising, and with prices that fit together."""
    last = 0
    for candle in page:
        _, start, high, low, close, volume = row_of(candle)
        if not (candle.open_ms > last and 0 < low <= min(start, close) <= max(start, close) <= high):
            raise CryptoBotError(
                f"{name}: the venue told a candle at {candle.open_ms} that cannot be "
                f"(open {start:g}, high {high:g}, low {low:g}, close {close:g}); its page is not kept."
            )
        if volume < 0:
            raise CryptoBotError(f"{name}: the venue told a negative volume at {candle.open_ms}.")
        last = candle.open_ms


def _mark(store: CandleStore, timeframe: str) -> int:
    """Note the gaps that are not noted yet: the venue was asked for the whole range."""
    fresh = [hole for hole in holes_of(store.columns(), timeframe, store.gaps()) if not hole.known]
    for hole in fresh:
        store.note_gap(_gap(hole, _NOT_THERE))
    return len(fresh)


def _gap(hole: Hole, reason: str) -> Gap:
    return Gap(hole.first_ms, hole.last_ms, reason, _now_ms())


def _within(inner: Hole, outer: Hole) -> bool:
    return outer.first_ms <= inner.first_ms and inner.last_ms <= outer.last_ms


def _told(name: SeriesName, store: CandleStore, before: int, filled: int, marked: int) -> Fetched:
    times = store.columns().open_ms
    return Fetched(
        series=str(name),
        added=len(store) - before,
        candles=len(store),
        gaps_filled=filled,
        gaps_marked=marked,
        first_ms=int(times[0]) if len(times) else 0,
        last_ms=store.last_open_ms,
    )


def _nobody(_count: int) -> None:
    return


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
