"""Finished-candle discipline: in order, once, healed or marked, never invented."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptobot.bus.contracts.market import Candle
from cryptobot.services.connectors.venue import Resumed
from cryptobot.services.data.feed import Feed
from cryptobot.services.data.store import CandleStore

STEP = 1000


class Bench:
    """A feed, what it published, and its clock."""

    def __init__(self, venue: Any, folder: Path, now: int) -> None:
        self.store = CandleStore(folder, "1s")
        self.sent: list[Candle] = []
        self.now = now
        self.feed = Feed(
            venue,
            "BTC/USDT",
            "1s",
            self.store,
            self.sent.append,
            clock_ms=lambda: self.now * STEP,
            delays_s=(0.0, 0.0),
        )

    def finished(self) -> list[int]:
        return [candle.open_ms // STEP for candle in self.sent if candle.closed]

    def take(self, *items: Any) -> None:
        async def work() -> None:
            for item in items:
                await self.feed.take(item)

        asyncio.run(work())

    def load(self, count: int) -> None:
        asyncio.run(self.feed.load_history(count))


@pytest.fixture
def bench(venue: Any, tmp_path: Path) -> Bench:
    venue.holds(*range(90, 100))
    made = Bench(venue, tmp_path / "series", now=100)
    made.load(10)
    return made


def test_history_is_stored_and_not_published(bench: Bench) -> None:
    """What is fetched for a first start fills the store and says nothing on the bus."""
    assert list(range(90, 100)) == (bench.store.columns().open_ms // STEP).tolist()
    assert bench.sent == []


def test_finished_candles_are_published_once_and_in_order(
    bench: Bench, make_candle: Callable[..., Any]
) -> None:
    """Duplicates and older candles are passed over; forming ones are published as such and not stored."""
    bench.take(
        Resumed(True),
        make_candle(100, 1.0, closed=False),
        make_candle(100, 2.0),
        make_candle(100, 3.0),
        make_candle(99, 4.0),
        make_candle(101, 5.0),
    )

    assert bench.finished() == [100, 101]
    assert [candle.closed for candle in bench.sent] == [False, True, True]
    assert bench.sent[1].close == "2.0"
    assert bench.store.last_open_ms == 101 * STEP


def test_a_gap_is_filled_from_the_venue(bench: Bench, venue: Any, make_candle: Callable[..., Any]) -> None:
    """Candles missing between two are fetched and published before the later one."""
    venue.holds(100, 101, 102)
    bench.now = 104
    bench.take(make_candle(103, 9.0))

    assert bench.finished() == [100, 101, 102, 103]
    assert bench.store.gaps() == []
    assert bench.sent[0].close == "600.0"


def test_a_busy_venue_is_asked_again(bench: Bench, venue: Any, make_candle: Callable[..., Any]) -> None:
    """One failed fetch does not make a gap."""
    venue.holds(100)
    venue.failures = 1
    bench.take(make_candle(101))

    assert bench.finished() == [100, 101]


def test_what_cannot_be_had_is_marked_and_not_invented(
    bench: Bench, venue: Any, make_candle: Callable[..., Any]
) -> None:
    """A hole that the venue has too is noted with its bounds; the stream goes on behind it."""
    venue.holds(101)
    bench.take(make_candle(103))

    assert bench.finished() == [101, 103]
    assert [(gap.first_ms // STEP, gap.last_ms // STEP) for gap in bench.store.gaps()] == [
        (100, 100),
        (102, 102),
    ]


def test_a_forming_candle_shows_a_missing_finished_one(
    bench: Bench, venue: Any, make_candle: Callable[..., Any]
) -> None:
    """When a candle forms whose predecessor never finished, the predecessor is fetched at once."""
    venue.holds(100)
    bench.take(make_candle(101, closed=False))

    assert bench.finished() == [100]


def test_a_hole_of_the_venues_is_asked_for_once_while_a_candle_forms(
    bench: Bench, venue: Any, make_candle: Callable[..., Any]
) -> None:
    """After an outage the first candle forms in many updates; the stream does not stop at each of them."""
    before = len(venue.asked)
    bench.take(*(make_candle(105, float(price), closed=False) for price in range(1, 20)))

    assert len(venue.asked) - before <= 2
    venue.holds(105)
    bench.take(make_candle(105))
    assert bench.finished() == [105]


def test_a_candle_that_ended_while_the_socket_was_down_is_fetched(
    bench: Bench, venue: Any, make_candle: Callable[..., Any]
) -> None:
    """After a break the socket's word on a candle that ended before it is replaced by the venue's record."""
    bench.take(Resumed(True), make_candle(100, 1.0, closed=False))
    bench.now = 102
    bench.take(Resumed(False, "closed"))
    venue.holds(100, 101)
    bench.take(make_candle(100, 1.0), make_candle(102, 7.0))

    assert bench.finished() == [100, 101, 102]
    assert next(candle.close for candle in bench.sent if candle.closed) == "600.0"


def test_candles_missed_while_off_are_published_at_the_next_start(
    bench: Bench, venue: Any, tmp_path: Path
) -> None:
    """A restarted feed goes on behind the last stored candle, so nobody sees one twice or misses one."""
    venue.holds(*range(100, 105))
    again = Bench(venue, tmp_path / "series", now=105)
    again.load(10)

    assert list(range(100, 105)) == again.finished()


def test_a_long_absence_is_marked(bench: Bench, venue: Any, tmp_path: Path) -> None:
    """After an absence longer than the history asked for, the part that is not fetched is noted."""
    venue.holds(*range(190, 200))
    again = Bench(venue, tmp_path / "series", now=200)
    again.load(10)

    assert list(range(190, 200)) == again.finished()
    assert [(gap.first_ms // STEP, gap.last_ms // STEP) for gap in again.store.gaps()] == [(100, 189)]


def test_fetches_are_paged_and_go_past_holes(venue: Any, tmp_path: Path) -> None:
    """A long history is fetched page by page; an empty page does not end it."""
    venue.holds(*range(50, 60), *range(80, 100))
    made = Bench(venue, tmp_path / "series", now=100)
    made.load(50)

    assert [*range(50, 60), *range(80, 100)] == (made.store.columns().open_ms // STEP).tolist()
    assert all(limit <= 10 for _, limit in venue.asked)


def test_a_full_disk_does_not_stop_the_stream(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, make_candle: Callable[..., Any]
) -> None:
    """Candles that cannot be kept are published once and in order; history goes on afterwards."""

    def full(_name: str, _data: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(bench.store, "_write", full)
        bench.take(make_candle(100), make_candle(101), make_candle(101))
    bench.take(make_candle(102))

    assert bench.finished() == [100, 101, 102]
    assert (bench.store.columns().open_ms[-2:] // STEP).tolist() == [99, 102]


def test_while_the_socket_says_nothing_candles_come_by_rest(
    bench: Bench, venue: Any, make_candle: Callable[..., Any]
) -> None:
    """T28: an open socket without news: what ended is fetched, published once, and the socket goes on."""
    venue.holds(100, 101)
    bench.now = 102
    bench.feed._ask_after_s = 0.01
    wanted, speaks = asyncio.Event(), asyncio.Event()

    async def silent(symbol: str, timeframe: str) -> Any:
        yield Resumed(True)
        await speaks.wait()
        yield make_candle(101, 7.0)
        yield make_candle(102, 8.0)

    async def work() -> None:
        publish = bench.feed._publish
        bench.feed._publish = lambda candle: (publish(candle), wanted.set() if len(bench.sent) == 2 else None)
        running = asyncio.ensure_future(bench.feed.run())
        async with asyncio.timeout(40):
            await wanted.wait()
            speaks.set()
            await running

    venue.watch_candles = silent
    asyncio.run(work())
    assert bench.finished() == [100, 101, 102]
    assert [candle.close for candle in bench.sent] == ["600.0", "601.0", "8.0"]


def test_a_silent_market_is_asked_for_ever_more_rarely(bench: Bench, venue: Any) -> None:
    """Where nothing is traded and so no candle ends, the pauses between two questions grow."""
    bench.now = 105
    bench.feed._ask_after_s = 0.001
    venue.asked.clear()
    often = asyncio.Event()

    async def silent(symbol: str, timeframe: str) -> Any:
        await asyncio.Event().wait()
        yield Resumed(True)

    async def fetch(*asked: Any) -> list[Any]:
        venue.asked.append(asked)
        if len(venue.asked) == 8:
            often.set()
        return []

    async def work() -> None:
        begun = asyncio.get_running_loop().time()
        running = asyncio.ensure_future(bench.feed.run())
        async with asyncio.timeout(40):
            await often.wait()
            # The eighth question comes after 1 + 2 + 4 + … + 128 milliseconds.
            assert asyncio.get_running_loop().time() - begun >= 0.255
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    venue.watch_candles, venue.fetch_candles = silent, fetch
    asyncio.run(work())
    assert bench.sent == []
