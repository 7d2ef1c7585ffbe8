"""Data as a real process: kill -9 of it or of its venue loses and doubles no candle."""

from itertools import pairwise
from typing import Any

from cryptobot.bus.contracts.market import Candles, Feeds, ListCandles, ListFeeds

HISTORY = ListCandles(exchange="paper", symbol="BTC/USDT", timeframe="1s", limit=2000)


async def test_candles_go_on_without_gap_or_double_after_data_is_killed(line: Any) -> None:
    """Every finished candle is heard once and in order, those that closed while data was dead included."""
    line.start("bus", "paper", "data")
    bus = await line.open()
    await line.answers("data", ListFeeds(), Feeds)
    await line.until(lambda: len(line.finished()) >= 3)
    line.kill("data")
    line.start("data")
    heard = len(line.finished())
    await line.until(lambda: len(line.finished()) >= heard + 4)
    finished = line.finished()

    assert list(range(finished[0], finished[0] + len(finished))) == finished
    assert any(not candle.closed for candle in line.candles)
    kept = (await bus.request("data", HISTORY, Candles)).candles
    assert {candle.open_ms // 1000 for candle in kept} >= set(finished)
    assert len(kept) >= 999 + len(finished)  # one that was fetched may have been forming
    assert [1000] * (len(kept) - 1) == [later.open_ms - before.open_ms for before, later in pairwise(kept)]
    closes = {candle.open_ms: candle.close for candle in line.candles if candle.closed}
    assert all(float(closes.get(candle.open_ms, candle.close)) == float(candle.close) for candle in kept)
    await bus.close()


async def test_feeds_tell_what_they_are(line: Any) -> None:
    """A screen is told that the prices are recorded, and which streams there are."""
    line.start("bus", "paper", "data")
    bus = await line.open()
    await line.answers("data", ListFeeds(), Feeds)
    await line.until(lambda: bool(line.finished()))
    feeds = await bus.request("data", ListFeeds(), Feeds)

    assert "recorded" in feeds.note
    assert [(feed.exchange, feed.symbol, feed.timeframe, feed.stale) for feed in feeds.feeds] == [
        ("paper", "BTC/USDT", "1s", False)
    ]
    await bus.close()


async def test_the_stream_returns_after_the_venue_was_killed(line: Any) -> None:
    """When the exchange dies and returns, candles go on in order; the time it was away is a marked gap."""
    line.start("bus", "paper", "data")
    bus = await line.open()
    await line.answers("data", ListFeeds(), Feeds)
    await line.until(lambda: len(line.finished()) >= 2)
    line.kill("paper")
    last = line.finished()[-1]
    line.start("paper")
    await line.until(lambda: line.finished()[-1] > last + 2)
    finished = line.finished()

    assert sorted(set(finished)) == finished
    kept = (await bus.request("data", HISTORY, Candles)).candles
    missing = {
        open_ms
        for before, later in pairwise(kept)
        for open_ms in range(before.open_ms + 1000, later.open_ms, 1000)
    }
    gaps = (line.home.state / "market/paper/BTC-USDT/1s/gaps.jsonl").read_text() if missing else ""
    assert all(str(open_ms) in gaps or len(missing) > 2 for open_ms in missing)
    await bus.close()
