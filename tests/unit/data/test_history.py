"""Fetching and mending history: resumed, checked, never invented."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptobot.configs.errors import CryptoBotError, RetryLaterError
from cryptobot.services.data.history import History
from cryptobot.services.data.library import Library, SeriesName
from cryptobot.services.data.store import gaps_of

NAME = SeriesName("paper", "BTC/USDT", "1s")


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path)


def seconds(library: Library) -> list[int]:
    return (library.read(NAME).open_ms // 1000).tolist()


def history_of(venue: Any, library: Library) -> History:
    return History(venue, library, pause_s=0.0)


def fetch(venue: Any, library: Library, first: int, stop: int) -> Any:
    told: list[tuple[int, int]] = []
    work = history_of(venue, library).fetch(
        NAME, first * 1000, stop * 1000, lambda done, whole: told.append((done, whole))
    )
    return asyncio.run(work), told


def test_a_fetch_takes_all_pages_and_tells_its_progress(venue: Any, library: Library) -> None:
    """Pages of ten make thirty-five candles; the progress ends at the whole."""
    venue.holds(*range(100, 135))

    found, told = fetch(venue, library, 100, 135)

    assert (found.added, seconds(library)) == (35, list(range(100, 135)))
    assert told[-1] == (34, 34) or told[-1][0] == told[-1][1]
    assert venue.asked == [(100, 10), (110, 10), (120, 10), (130, 5)]


def test_a_fetch_that_was_interrupted_goes_on(venue: Any, library: Library) -> None:
    """What came before the venue went away is kept and not asked for again."""
    venue.holds(*range(100, 130))
    ask, calls = venue.fetch_candles, []

    async def away(symbol: str, timeframe: str, since_ms: int, limit: int) -> Any:
        calls.append(since_ms // 1000)
        if len(calls) > 2:
            raise RetryLaterError("the venue is away")
        return await ask(symbol, timeframe, since_ms, limit)

    venue.fetch_candles = away
    with pytest.raises(RetryLaterError):
        fetch(venue, library, 100, 130)
    venue.fetch_candles = ask
    with library.writing(NAME):
        pass
    venue.asked.clear()
    found, _ = fetch(venue, library, 100, 130)

    assert seconds(library) == list(range(100, 130))
    assert (venue.asked, found.candles) == ([(120, 10)], 30)


def test_earlier_candles_are_put_in_front(venue: Any, library: Library) -> None:
    """A fetch that begins before the history fetches what is before and what is after it, no more."""
    venue.holds(*range(100, 140))
    fetch(venue, library, 120, 130)
    venue.asked.clear()

    found, _ = fetch(venue, library, 105, 140)

    assert (seconds(library), found.added) == (list(range(105, 140)), 25)
    assert venue.asked == [(105, 10), (115, 5), (130, 10)]


def test_what_the_venue_lacks_is_marked_and_not_made_up(venue: Any, library: Library) -> None:
    """A hole of the venue's stays a hole, with the reason."""
    venue.holds(*range(100, 103), *range(106, 110))

    found, _ = fetch(venue, library, 100, 110)

    assert (found.gaps_marked, len(seconds(library))) == (1, 7)
    gap = gaps_of(library.folder(NAME))[0]
    assert (gap.first_ms, gap.last_ms, gap.reason) == (103_000, 105_000, "the venue has no such candle")


def test_a_repair_fills_what_the_venue_has_by_now(venue: Any, library: Library) -> None:
    """One gap is filled, the other stays marked, once."""
    venue.holds(*range(100, 103), *range(106, 110), 115)
    fetch(venue, library, 100, 116)
    venue.holds(103, 104, 105)

    found = asyncio.run(history_of(venue, library).repair(NAME, lambda done, whole: None))

    assert (found.gaps_filled, found.gaps_marked, found.added) == (1, 1, 3)
    assert seconds(library) == [*range(100, 110), 115]
    assert [(gap.first_ms, gap.last_ms) for gap in gaps_of(library.folder(NAME))] == [(110_000, 114_000)]


def test_a_candle_that_cannot_be_is_refused(venue: Any, library: Library) -> None:
    """A venue's candle whose prices do not fit together ends the fetch with a sentence."""
    venue.holds(100)
    venue.has[100_000] = replace(venue.has[100_000], high="1")

    with pytest.raises(CryptoBotError, match="cannot be"):
        fetch(venue, library, 100, 101)


def test_retention_removes_the_oldest(venue: Any, library: Library) -> None:
    """Candles before a moment go; the rest stays as it was."""
    venue.holds(*range(100, 110))
    fetch(venue, library, 100, 110)

    with library.writing(NAME) as store:
        removed = store.forget_before(106_000)
        store.append([(110_000, 1.0, 1.0, 1.0, 1.0, 1.0)])

    assert (removed, seconds(library)) == (6, [106, 107, 108, 109, 110])
