"""Recorded trades and order books, cut into slots."""

import gzip
import json
import os
from array import array
from pathlib import Path
from typing import Any

import pytest
from cryptobot.configs.errors import StartError
from cryptobot.configs.schema import PaperSettings
from cryptobot.services.paper import book_files, sources
from cryptobot.services.paper.changes import Fees
from cryptobot.services.paper.matching import Engine
from cryptobot.services.paper.rules import for_pair
from cryptobot.services.paper.scripts import BookScript, Trades, TradeScript
from cryptobot.services.paper.units import UNIT, parse

ROOT = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("CRYPTOBOT_TEST_DATA", ROOT.parent / "shared" / "data"))
RULES = for_pair("BTC", "USDT", 60_000 * UNIT)


def present(name: str) -> Path:
    """A file of the test data, or a skipped test."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return path


def trades(*rows: tuple[int, str, str, bool]) -> Trades:
    times, prices, amounts, sellers = zip(*rows, strict=True)
    return Trades(
        array("q", times), array("q", map(parse, prices)), array("q", map(parse, amounts)), sellers
    )  # fmt: skip


def test_trades_come_at_their_own_pace() -> None:
    """In their slot, at their offset; a slot without a trade stands at the last price."""
    rows = ((5_100, "100", "1", False), (5_900, "101", "2", True), (7_500, "99", "3", True))
    script = TradeScript(trades(*rows), 1000, "note")

    assert len(script) == 3
    first, empty, last = (script.events(number, RULES) for number in range(3))
    begun = [(e.offset_ms, e.tick.price) for e in first if e.tick]
    assert begun == [(100, parse("100")), (900, parse("101"))]
    assert [(e.tick.price, e.tick.volume) for e in empty if e.tick] == [(parse("101"), 0)]
    assert [(e.offset_ms, e.tick.seller) for e in last if e.tick] == [(500, True)]
    assert script.events(3, RULES) == first


def test_a_slot_of_trades_is_a_candle() -> None:
    """Open, extremes, close and volume of its trades."""
    rows = ((0, "100", "1", False), (10, "103", "1", False), (20, "98", "2", True))
    script = TradeScript(trades(*rows), 1000, "")

    whole = script.whole(7_000, 0, RULES)

    assert (whole.open_ms, whole.open, whole.high, whole.low, whole.close) == (
        7_000, parse("100"), parse("103"), parse("98"), parse("98"),
    )  # fmt: skip
    assert (whole.volume, whole.taker_volume, whole.trades) == (parse("4"), parse("2"), 3)


def test_recorded_trades_of_a_day_are_played_whole() -> None:
    """Every trade of the file comes once, and the day's volume is exact."""
    path = present("trades/gemini/ETH-USD_trades_20210701.parquet")
    parquet = pytest.importorskip("pyarrow.parquet")
    settings = PaperSettings(file=str(path), symbol="ETH/USD")
    rules = for_pair("ETH", "USD", 2_200 * UNIT)

    script = sources.load(settings, 60_000)["ETH/USD"]

    rows = parquet.read_table(path).to_pylist()
    ticks = [e.tick for n in range(len(script)) for e in script.events(n, rules) if e.tick and e.tick.volume]
    assert len(ticks) == len(rows)
    assert sum(t.volume for t in ticks) == sum(parse(f"{row['amount']:.8f}") for row in rows)
    assert sum(t.seller for t in ticks) == sum(row["side"] == "sell" for row in rows)


def test_recorded_books_are_what_they_were() -> None:
    """Best bid and ask of the rebuilt book are the recorded bookTicker at every common update."""
    path = present("l2/binance_ws/spot_btcusdt_20240808.gz")
    tickers: dict[int, Any] = {}
    ends: list[int] = []
    with gzip.open(path, "rt") as file:
        for line in file:
            message = json.loads(line.partition(" ")[2])
            data = message.get("data", message)
            if message.get("stream", "").endswith("bookTicker"):
                tickers[data["u"]] = data
            elif data.get("e") == "depthUpdate":
                ends.append(data["u"])
    script = book_files.read(path, 1000)

    kept = [u for u in ends if u > 50_093_239_218]
    assert len(kept) == len(script._changes) - 1
    compared = 0
    for index, update in enumerate(kept, 2):
        script._until(index)
        told = tickers.get(update)
        if told is None:
            continue
        bid, ask = max(script._bids), min(script._asks)
        assert (bid, script._bids[bid]) == (parse(told["b"]), parse(told["B"]))
        assert (ask, script._asks[ask]) == (parse(told["a"]), parse(told["A"]))
        compared += 1
    assert compared > 500


def test_orders_meet_the_recorded_book() -> None:
    """A taker gets the recorded levels; a resting order is filled when recorded trades reach it."""
    changes = [
        (0, [(parse("100"), parse("2")), (parse("99"), parse("5"))], [(parse("101"), parse("1"))]),
        (500, [], [(parse("101"), 0), (parse("102"), parse("4"))]),
    ]
    script = BookScript(trades((0, "100.5", "1", False), (900, "99.5", "1", True)), changes, 1000, "")
    engine = Engine([RULES], Fees(0, 0))
    seen = []
    for event in script.events(0, RULES):
        if event.book:
            engine.show("BTCUSDT", *event.book, event.offset_ms)
            market = engine.market("BTCUSDT")
            seen.append((market.best_price("BUY"), market.best_price("SELL")))
        if event.tick:
            engine.trade("BTCUSDT", event.tick.price, event.tick.volume, event.tick.seller, event.offset_ms)

    assert seen == [(parse("100"), parse("101")), (parse("100"), parse("102"))]
    assert engine.market("BTCUSDT").last == parse("99.5")


def test_a_gap_in_a_book_recording_is_refused(tmp_path: Path) -> None:
    """Named with both numbers; nothing is guessed."""
    path = tmp_path / "gap.gz"
    lines = [
        {"lastUpdateId": 5, "bids": [["1", "1"]], "asks": [["2", "1"]]},
        {"data": {"e": "depthUpdate", "U": 6, "u": 7, "b": [], "a": []}},
        {"data": {"e": "depthUpdate", "U": 9, "u": 9, "b": [], "a": []}},
    ]
    with gzip.open(path, "wt") as file:
        file.writelines(f"{n} {json.dumps(line)}\n" for n, line in enumerate(lines))

    with pytest.raises(StartError, match=r"gap: update 9 follows 7"):
        book_files.read(path, 1000)


@pytest.mark.parametrize("lines", [b"", b"1 {}\nx y\n", b"1 []\n", b"1 {}\n", None])
def test_what_is_no_book_recording_is_refused(tmp_path: Path, lines: bytes | None) -> None:
    """One sentence with the path."""
    path = tmp_path / "bad.gz"
    path.write_bytes(b"no gzip" if lines is None else gzip.compress(lines))

    with pytest.raises(StartError, match=r"bad\.gz"):
        book_files.read(path, 1000)
