"""One stream of candles: in order, each finished one exactly once, gaps filled from the venue or marked.

The newest candle in the store is the memory of what was published. A finished candle that does not follow
it is held back until those between were fetched. What a socket says about a candle that ended while the
socket was down is not believed: it may have missed the last trades, so that candle is fetched. While a socket
is open and says nothing, the venue's REST side is asked for each candle that should have ended.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

import structlog

from ...bus.contracts.market import Candle, timeframe_ms, timeframe_phase_ms
from ...configs.errors import RetryLaterError
from ..connectors.venue import Resumed, Venue, VenueCandle
from .store import CandleStore, Gap, Row

RETRY_DELAYS_S = (0.0, 0.2, 0.5, 1.0, 2.0)
"""Waits before each try to fetch candles that are missing; a venue's REST side may lag behind its socket."""

ASK_AFTER_S = 5.0
"""A candle that is overdue while the socket is silent is asked for after so long, then ever more rarely."""

_ASK_SELDOM_S = 60.0
_MOST_PAGES = 200
_NOT_THERE = "the venue has no such candle"
_FORMING_INTERVAL_S = 0.1


class Publish(Protocol):
    """Sends one candle to the bus."""

    def __call__(self, candle: Candle) -> None: ...


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class Feed:
    """Candles of one market in one timeframe.

    Args:
        publish: called with each candle, forming or finished, in order.
        delays_s: waits before each try to fill a gap.
        ask_after_s: silence after which REST is asked instead of the socket.
    """

    def __init__(
        self,
        venue: Venue,
        symbol: str,
        timeframe: str,
        store: CandleStore,
        publish: Publish,
        *,
        clock_ms: Callable[[], int] = _now_ms,
        delays_s: tuple[float, ...] = RETRY_DELAYS_S,
        ask_after_s: float = ASK_AFTER_S,
    ) -> None:
        self.symbol, self.timeframe, self.store = symbol, timeframe, store
        self.news_at = time.monotonic()
        self._venue, self._publish, self._clock_ms, self._delays_s = venue, publish, clock_ms, delays_s
        self._ask_after_s = ask_after_s
        self._step, self._phase = timeframe_ms(timeframe), timeframe_phase_ms(timeframe)
        self._last_ms = store.last_open_ms
        self._stands_since_ms = 0
        self._forming_due = 0.0
        self._asked_before_ms = 0
        self._missing_because = _NOT_THERE
        self._log = structlog.get_logger(component="feed", symbol=symbol, timeframe=timeframe)

    async def load_history(self, count: int) -> None:
        """Fetch what the store lacks of the newest `count` candles; publish those that were missed since
        last time.

        Raises:
            RetryLaterError: the venue is busy or away.
        """
        newest = self._newest_finished()
        wanted = newest - (count - 1) * self._step
        resumes = self._last_ms
        since = max(resumes + self._step, wanted) if resumes else wanted
        if resumes and wanted > resumes + self._step:
            self._missing_because = "not fetched: the program was off for too long"
        if count and since <= newest:
            self._accept(await self._fetch(since, newest), publish=bool(resumes))

    async def run(self) -> None:
        """Follow the venue, for ever: its socket, and REST while the socket says nothing."""
        stream = self._venue.watch_candles(self.symbol, self.timeframe)
        upcoming = asyncio.ensure_future(anext(stream))
        pause_s = self._ask_after_s
        try:
            while True:
                heard, _ = await asyncio.wait({upcoming}, timeout=pause_s)
                if not heard:
                    in_vain = await self._ask_instead()
                    pause_s = min(pause_s * 2, _ASK_SELDOM_S) if in_vain else self._ask_after_s
                    continue
                item, pause_s = upcoming.result(), self._ask_after_s
                upcoming = asyncio.ensure_future(anext(stream))
                await self.take(item)
        except StopAsyncIteration:
            return
        finally:
            upcoming.cancel()
            await asyncio.gather(upcoming, return_exceptions=True)
            await stream.aclose()

    async def _ask_instead(self) -> bool:
        """Fetch what has ended since the newest candle, if anything has; whether it was asked for in vain."""
        newest, last_ms = self._newest_finished(), self._last_ms
        if not last_ms or newest <= last_ms:
            return False
        await self._heal(newest, tries=1)
        came = self._last_ms > last_ms
        if came:
            self.news_at = time.monotonic()
        self._log.info("the socket says nothing: asked for candles", came=came)
        return not came

    async def take(self, item: VenueCandle | Resumed) -> None:
        """Handle one item of the venue's stream."""
        if isinstance(item, Resumed):
            self._stands_since_ms = self._clock_ms()
            if self._last_ms:
                await self._heal(self._newest_finished(), tries=1)
            return
        self.news_at = time.monotonic()
        if item.open_ms <= self._last_ms:
            return
        if item.closed:
            await self._finished(item)
        else:
            gap = self._last_ms and item.open_ms > self._last_ms + self._step
            if gap and item.open_ms != self._asked_before_ms:
                # Once a candle, without waiting: when it is finished, the venue is asked in earnest.
                self._asked_before_ms = item.open_ms
                await self._heal(item.open_ms - self._step, tries=1)
            self._forming(item)

    async def _finished(self, item: VenueCandle) -> None:
        ended_unseen = item.open_ms + self._step <= self._stands_since_ms
        if ended_unseen:
            await self._heal(item.open_ms)
            return
        if self._last_ms and item.open_ms > self._last_ms + self._step:
            await self._heal(item.open_ms - self._step, witness_ms=item.open_ms)
        self._accept([item], publish=True)

    def _forming(self, item: VenueCandle) -> None:
        now = time.monotonic()
        if now >= self._forming_due:
            self._forming_due = now + _FORMING_INTERVAL_S
            self._publish(self._message(item, closed=False))

    async def _heal(self, upto_ms: int, *, witness_ms: int = 0, tries: int | None = None) -> None:
        """Fetch the candles from the newest known one up to `upto_ms`. What cannot be had is marked by
        the next one.

        Args:
            witness_ms: a later candle that is known to be finished: a venue that has it has no more of
            those before.
            tries: None tries for as long as RETRY_DELAYS_S says.
        """
        fetched: list[VenueCandle] = []
        for delay_s in self._delays_s[:tries]:
            first = self._last_ms + self._step
            if first > upto_ms:
                return
            await asyncio.sleep(delay_s)
            try:
                fetched = await self._fetch(first, max(upto_ms, witness_ms))
            except RetryLaterError as error:
                self._missing_because = str(error)
                continue
            self._missing_because = _NOT_THERE
            wanted = (upto_ms - first) // self._step + 1
            if len(fetched) >= wanted or (fetched and fetched[-1].open_ms > upto_ms):
                break
        self._accept([candle for candle in fetched if candle.open_ms <= upto_ms], publish=True)

    async def _fetch(self, since_ms: int, upto_ms: int) -> list[VenueCandle]:
        """Finished candles of the range that the venue has, oldest first."""
        limit = self._venue.capabilities.candle_limit
        found: list[VenueCandle] = []
        for _ in range(_MOST_PAGES):
            count = min(limit, (upto_ms - since_ms) // self._step + 1)
            page = await self._venue.fetch_candles(self.symbol, self.timeframe, since_ms, count)
            page = [candle for candle in page if since_ms <= candle.open_ms <= upto_ms and candle.closed]
            found.extend(page)
            # An empty page may be a hole of the venue's: what lies behind it is asked for as well.
            since_ms = (page[-1].open_ms if page else since_ms + (count - 1) * self._step) + self._step
            if since_ms > upto_ms:
                break
        return found

    def _accept(self, candles: list[VenueCandle], *, publish: bool) -> None:
        """Store finished candles and publish them: in this order, so that none is published twice."""
        fresh: list[VenueCandle] = []
        last = self._last_ms
        for candle in candles:
            if candle.open_ms > last:
                if last and candle.open_ms > last + self._step:
                    self._mark(last + self._step, candle.open_ms - self._step)
                fresh.append(candle)
                last = candle.open_ms
        try:
            self.store.append([row_of(candle) for candle in fresh])
        except OSError as error:
            # A full disk must not stop the stream: the history gets a hole, the strategies see every candle.
            self._log.error("history is not kept", reason=str(error), candles=len(fresh))
        self._last_ms = last
        for candle in fresh if publish else ():
            self._publish(self._message(candle, closed=True))

    def _mark(self, first_ms: int, last_ms: int) -> None:
        reason, self._missing_because = self._missing_because, _NOT_THERE
        self._log.warning("candles are missing", first_ms=first_ms, last_ms=last_ms, reason=reason)
        try:
            self.store.note_gap(Gap(first_ms, last_ms, reason, self._clock_ms()))
        except OSError as error:
            self._log.error("gap is not noted", reason=str(error))

    def _newest_finished(self) -> int:
        return (self._clock_ms() - self._phase) // self._step * self._step + self._phase - self._step

    def _message(self, candle: VenueCandle, *, closed: bool) -> Candle:
        return Candle(
            exchange=self._venue.name,
            symbol=self.symbol,
            timeframe=self.timeframe,
            open_ms=candle.open_ms,
            open=candle.open,
            high=candle.high,
            low=candle.low,
            close=candle.close,
            volume=candle.volume,
            closed=closed,
        )


def row_of(candle: VenueCandle) -> Row:
    """A venue's candle as the store keeps it."""
    prices = (candle.open, candle.high, candle.low, candle.close, candle.volume)
    first, high, low, last, volume = (float(text) for text in prices)
    return candle.open_ms, first, high, low, last, volume
