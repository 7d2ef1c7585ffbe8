"""Plays the recording: moves the price step by step with the clock, and publishes market data."""

import asyncio
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Protocol

from . import tickers, wire
from .klines import INTERVALS, Kline, open_time
from .matching import Engine
from .orders import PublicTrade
from .scripts import Event, Script
from .streams import Hub
from .tape import Tape
from .timeline import Timeline
from .walk import Tick

DEPTH_INTERVAL_S = 0.1
SLOW_EVERY = 10
"""Of the ticks of DEPTH_INTERVAL_S, each so-many-th also sends the slow streams."""
PARTIAL_LEVELS = (5, 10, 20)
MEMORY = 20_000
"""Candles of the past from which the longer candles are made again at start."""
_PATIENCE_MS = 50
CATCH_UP_S = 5.0
"""Falling behind the clock by more than this is an outage, not a delay to be made up."""
_DAY_MS = 86_400_000


class Clock(Protocol):
    def __call__(self) -> int:
        """Milliseconds since 1970."""


Scheduled = tuple[int, int, Tape, Event]
"""Offset in the slot, number within its script's slot, market, event."""


class Feed:
    """All markets on one timeline.

    Args:
        settled: called after each step and after each finished candle; stores what must be stored.
        seed: of the synthetic book.
    """

    def __init__(
        self,
        engine: Engine,
        scripts: dict[str, Script],
        timeline: Timeline,
        hub: Hub,
        clock: Clock,
        settled: Callable[[bool], None],
        seed: int,
    ) -> None:
        self.engine, self.timeline, self.hub, self.clock = engine, timeline, hub, clock
        self._settled, self._seed = settled, seed
        first, interval_ms = clock() * 16, timeline.interval_ms
        self.tapes = {n: Tape(engine, n, script, interval_ms, first) for n, script in scripts.items()}
        self._remember()

    # the past

    def _remember(self) -> None:
        """Make the candles of the past again, and stand at the price where the recording stopped."""
        for tape in self.tapes.values():
            past = self.timeline.newest(2**62, MEMORY)
            for open_ms, number in past:
                tape.candles.merge(self.whole(tape, open_ms, number))
            self._stand(tape, self.timeline.number)

    def _stand(self, tape: Tape, number: int) -> None:
        """Put the market where the script stands before a slot."""
        price = tape.script.price(number)
        if tape.script.own_book:
            tape.market.show(*tape.script.book(number))
            tape.market.last = price
        else:
            tape.market.quote(price, tape.script.volume(number), self._noise(number, 0))
        tape.depth.refresh()

    def _noise(self, number: int, index: int) -> int:
        """Seed of the synthetic book at one event."""
        return self._seed + number * 1_000 + index

    def whole(self, tape: Tape, open_ms: int, number: int) -> Kline:
        """A slot as one candle, as it was or will be played."""
        return tape.script.whole(open_ms, number, tape.market.rules)

    def klines(
        self, tape: Tape, interval: str, since_ms: int | None, until_ms: int | None, limit: int
    ) -> list[Kline]:
        """Candles of an interval, oldest first: from a time on, or the newest. The last may be unfinished."""
        until = self.clock() if until_ms is None else until_ms
        if INTERVALS[interval] > self.timeline.interval_ms:
            return _within(tape, interval, since_ms, until, limit)
        found = list(self._short(tape, interval, since_ms, until, limit))
        current = tape.candles.series[interval].current
        if current is not None and (since_ms or 0) <= current.open_ms <= until:
            found = [k for k in found if k.open_ms != current.open_ms] + [current]
        return found[:limit] if since_ms is not None else found[-limit:]

    def _short(
        self, tape: Tape, interval: str, since_ms: int | None, until: int, limit: int
    ) -> Iterator[Kline]:
        """Candles not longer than a recorded one is played, made from the recording on demand."""
        if since_ms is None:
            numbers = iter(self.timeline.newest(until, limit))
        else:
            numbers = self.timeline.between(since_ms - since_ms % self.timeline.interval_ms, until)
        found = 0
        for open_ms, number in numbers:
            for kline in self._parts(tape, interval, open_ms, number):
                if (since_ms or 0) <= kline.open_ms <= until:
                    found += 1
                    yield kline
            if since_ms is not None and found >= limit:
                return

    def _parts(self, tape: Tape, interval: str, open_ms: int, number: int) -> list[Kline]:
        if INTERVALS[interval] == self.timeline.interval_ms:
            return [self.whole(tape, open_ms, number)]
        parts: list[Kline] = []
        for event in tape.script.events(number, tape.market.rules):
            tick = event.tick
            if tick is None:
                continue
            at = open_time(interval, open_ms + event.offset_ms)
            if not parts or parts[-1].open_ms != at:
                parts.append(Kline(at, tick.price, tick.price, tick.price, tick.price))
            parts[-1].add(tick.price, tick.volume, tick.quote_volume, not tick.seller)
        return parts

    # the present

    async def play(self) -> None:
        """Follow the clock for ever."""
        interval = self.timeline.interval_ms
        while True:
            self.timeline.resume(self._due_slot())
            begin, number = self.timeline.slot * interval, self.timeline.number
            waited = 0
            for offset_ms, events in groupby(self._schedule(number), key=_offset):
                await self._until(begin + offset_ms, offset_ms - waited or interval)
                waited = offset_ms
                for _, index, tape, event in events:
                    self._happen(tape, number, index, event, begin + offset_ms)
                self._settled(False)
            self.timeline.finish()
            self._settled(True)

    def _schedule(self, number: int) -> list[Scheduled]:
        """What happens in a slot on all markets, in the order of time."""
        found = [
            (event.offset_ms, index, tape, event)
            for tape in self.tapes.values()
            for index, event in enumerate(tape.script.events(number, tape.market.rules))
        ]
        return sorted(found, key=_offset)

    def _due_slot(self) -> int:
        """The slot to play now: the next one, unless the clock ran far ahead (the machine slept)."""
        interval, now = self.timeline.interval_ms, self.clock()
        late_ms = now - self.timeline.open_ms(self.timeline.slot)
        if late_ms <= max(CATCH_UP_S * 1000, interval):
            return self.timeline.slot
        return now // interval + 1

    async def _until(self, time_ms: int, longest_ms: int) -> None:
        """Wait for a time. When the clock was set back, go on in the usual pace, ahead of it."""
        loop = asyncio.get_running_loop()
        latest = loop.time() + (longest_ms + _PATIENCE_MS) / 1000
        while (wait := time_ms - self.clock()) > 0 and loop.time() < latest:  # noqa: ASYNC110 clocks jump
            await asyncio.sleep(min(wait / 1000, 1.0, max(0.0, latest - loop.time())))

    def _happen(self, tape: Tape, number: int, index: int, event: Event, at_ms: int) -> None:
        if event.book is not None:
            self.engine.show(tape.symbol, *event.book, at_ms)
        tick = event.tick
        if tick is not None:
            self._candles(tape, tick, at_ms)
            if tape.script.own_book:
                self.engine.trade(tape.symbol, tick.price, tick.volume, tick.seller, at_ms)
            else:
                depth, noise = tape.script.volume(number), self._noise(number, index)
                self.engine.step(tape.symbol, tick.price, tick.volume, tick.seller, depth, noise, at_ms)
        self.book_changed(tape.symbol)

    def _candles(self, tape: Tape, tick: Tick, at_ms: int) -> None:
        ended = tape.candles.tick(at_ms, tick.price, tick.volume, tick.quote_volume, not tick.seller)
        for interval, kline in ended:
            self._publish_kline(tape, interval, kline, True)
        for interval, series in tape.candles.series.items():
            if series.current is not None:
                self._publish_kline(tape, interval, series.current, False)

    def _publish_kline(self, tape: Tape, interval: str, kline: Kline, closed: bool) -> None:
        stream = f"{tape.stream}@kline_{interval}"
        if self.hub.wanted(stream):
            now = self.clock()
            self.hub.publish(stream, lambda: tickers.kline_event(tape.symbol, interval, kline, closed, now))

    def book_changed(self, symbol: str) -> None:
        """Call after anything that may have changed a market's book."""
        tape = self.tapes[symbol]
        if tape.depth.refresh():
            self.hub.publish(f"{tape.stream}@bookTicker", tape.depth.book_ticker)
            self.hub.publish("!bookTicker", tape.depth.book_ticker)

    def publish_trades(self, trades: list[PublicTrade]) -> None:
        """Send lines of the tape."""
        now = self.clock()
        for trade in trades:
            stream = self.tapes[trade.symbol].stream
            self.hub.publish(f"{stream}@trade", lambda t=trade: wire.trade_event(t, now))  # type: ignore[misc]
            self.hub.publish(f"{stream}@aggTrade", lambda t=trade: wire.aggregate_event(t, now))  # type: ignore[misc]

    async def publish_books(self) -> None:
        """Send depth and tickers in their rhythm, for ever."""
        count = 0
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due = max(due + DEPTH_INTERVAL_S, loop.time())
            await asyncio.sleep(due - loop.time())
            count += 1
            for tape in self.tapes.values():
                self._publish_depth(tape, count % SLOW_EVERY == 0)
            if count % SLOW_EVERY == 0:
                self._publish_tickers()

    def _publish_depth(self, tape: Tape, slow: bool) -> None:
        now, depth = self.clock(), tape.depth
        speeds = [("@100ms", depth.fast)] + ([("", depth.slow), ("@1000ms", depth.slow)] if slow else [])
        event = depth.difference(depth.fast, now)
        slow_event = depth.difference(depth.slow, now) if slow else None
        for suffix, published in speeds:
            news = event if published is depth.fast else slow_event
            if news is None:
                continue
            self.hub.publish(f"{tape.stream}@depth{suffix}", lambda n=news: n)  # type: ignore[misc]
            for levels in PARTIAL_LEVELS:
                self.hub.publish(f"{tape.stream}@depth{levels}{suffix}", lambda n=levels: depth.snapshot(n))  # type: ignore[misc]

    def _publish_tickers(self) -> None:
        now, wanted = self.clock(), [t for t in self.tapes.values() if t.market.last]
        for kind, make in (("ticker", tickers.ticker_event), ("miniTicker", tickers.mini_event)):
            for tape in wanted:
                self.hub.publish(f"{tape.stream}@{kind}", lambda m=make, t=tape: m(t, now))  # type: ignore[misc]
            self.hub.publish(f"!{kind}@arr", lambda m=make: [m(t, now) for t in wanted])  # type: ignore[misc]


def _within(tape: Tape, interval: str, since_ms: int | None, until: int, limit: int) -> list[Kline]:
    found = [k for k in tape.candles.series[interval].all() if (since_ms or 0) <= k.open_ms <= until]
    return found[:limit] if since_ms is not None else found[-limit:]


def _offset(scheduled: Scheduled) -> int:
    return scheduled[0]
