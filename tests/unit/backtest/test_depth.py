"""The three depths: candles, what lies inside them, and the order book."""

import json
import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptobot.configs.errors import SettingsError
from cryptobot.services.backtest.book_depth import Book
from cryptobot.services.backtest.recording import ASK, BID, BOUGHT, CLEAR, SOLD, Recording, read_recordings
from cryptobot.services.backtest.run import Request, Surroundings, run
from cryptobot.services.backtest.world import Rules
from cryptobot.services.data.columns import Columns

Play = Callable[..., Any]
SHARED = Path(os.environ.get("CRYPTOBOT_TEST_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))
RECORDED = SHARED / "l2" / "binance_ws" / "spot_btcusdt_20240808.gz"
needs_data = pytest.mark.skipif(not RECORDED.exists(), reason="the shared test data are not there")


def fills(result: Any) -> list[tuple[int, int, Decimal, Decimal]]:
    return [(done.sign, done.ts_ms, done.price, done.amount) for done in result.outcome.executions]


def inner(*rows: tuple[int, float, float, float, float]) -> Surroundings:
    """Shorter candles of (time in ms, open, high, low, close)."""
    columns = [np.array(column, dtype=float) for column in zip(*rows, strict=True)]
    return Surroundings(inner=Columns(columns[0].astype(np.int64), *columns[1:], np.ones(len(rows))))


def test_shorter_candles_say_what_came_first(play: Play) -> None:
    """The candle's own path meets the stop first; the candles inside say that the target came first."""
    bars = [(10, 10, 10, 10), (10, 12, 8.5, 10), (10, 10, 10, 10)]
    plan = {0: lambda self: self.buy(1, stop=9, take=11)}
    around = inner((60_000, 10, 12, 10, 11.5), (90_000, 11.5, 11.5, 8.5, 10))

    assert fills(play(bars, plan))[1][2] == Decimal(9)
    assert fills(play(bars, plan, around=around))[1] == (-1, 60_000, Decimal(11), Decimal(1))


def test_trades_give_the_price_and_the_time(play: Play, flat_bars: Any) -> None:
    """A market order with latency fills at the first trade after its arrival; a limit at its own price."""
    trades = (
        np.array([60_100, 60_500, 90_000], dtype=np.int64),
        np.array([10.1, 10.2, 9.7]),
        np.array([5.0, 5.0, 5.0]),
    )
    around = Surroundings(trades=trades)
    market = play(flat_bars(10, 10, 10), {0: lambda self: self.buy(1)}, around=around, latency_ms=300)
    limit = play(flat_bars(10, 10, 10), {0: lambda self: self.buy(1, limit="9.8")}, around=around)

    assert fills(market) == [(1, 60_500, Decimal("10.2"), Decimal(1))]
    assert fills(limit) == [(1, 90_000, Decimal("9.8"), Decimal(1))]


def book(*rows: tuple[int, int, float, float]) -> Surroundings:
    """A recording of (time in ms, kind, price, amount), each row sent alone."""
    columns = list(zip(*rows, strict=True))
    made = Recording(
        np.array(columns[0], dtype=np.int64),
        np.array(columns[1], dtype=np.int8),
        np.array(columns[2], dtype=float),
        np.array(columns[3], dtype=float),
        np.ones(len(rows), dtype=bool),
        0,
    )
    return Surroundings(book=made)


BEGIN = (
    (50_000, CLEAR, 0.0, 0.0),
    (50_001, BID, 9.9, 2.0),
    (50_002, ASK, 10.1, 1.0),
    (50_003, ASK, 10.2, 5.0),
)


def test_a_market_order_walks_through_the_levels(play: Play, flat_bars: Any) -> None:
    """What the best level does not hold comes from the next one."""
    around = book(*BEGIN, (61_000, BID, 9.8, 1.0))
    result = play(flat_bars(10, 10, 10), {0: lambda self: self.buy(3)}, around=around)

    assert [fill[2:] for fill in fills(result)] == [
        (Decimal("10.1"), Decimal(1)),
        (Decimal("10.2"), Decimal(2)),
    ]


def test_a_limit_waits_for_its_place_in_the_queue(play: Play, flat_bars: Any) -> None:
    """Trades use up what stood before it; what is left of the trade that reaches it is its own."""
    around = book(*BEGIN, (61_000, SOLD, 9.9, 1.5), (62_000, SOLD, 9.9, 1.2), (63_000, SOLD, 9.9, 5.0))
    result = play(flat_bars(10, 10, 10), {0: lambda self: self.buy(1, limit="9.9")}, around=around)

    assert [(fill[1], fill[3]) for fill in fills(result)] == [
        (62_000, Decimal("0.7")),
        (63_000, Decimal("0.3")),
    ]


def test_what_others_cancel_is_taken_from_behind(play: Play, flat_bars: Any) -> None:
    """A level that becomes smaller than what stood before us moves us forward, no further."""
    around = book(*BEGIN, (60_500, BID, 9.9, 0.4), (61_000, SOLD, 9.9, 0.5), (61_500, BOUGHT, 9.9, 9.0))
    result = play(flat_bars(10, 10, 10), {0: lambda self: self.buy(1, limit="9.9")}, around=around)

    assert [(fill[1], fill[3]) for fill in fills(result)] == [(61_000, Decimal("0.1"))]


def test_a_trade_through_the_limit_fills_it(play: Play, flat_bars: Any) -> None:
    """Whoever sold below our price would have met us first."""
    around = book(*BEGIN, (61_000, SOLD, 9.7, 0.1))
    result = play(flat_bars(10, 10, 10), {0: lambda self: self.buy(1, limit="9.9")}, around=around)

    assert fills(result) == [(1, 61_000, Decimal("9.9"), Decimal(1))]


def test_a_line_that_is_none_is_told_with_its_number(tmp_path: Path) -> None:
    """A broken recording is refused with file, line and form."""
    path = tmp_path / "broken.txt"
    path.write_text('1 {"e": "trade", "m": true, "p": "1", "q": "1"}\n2 {"e": "trade"}\n')

    with pytest.raises(SettingsError, match=r"broken\.txt, line 2.*<time in ns> <json>"):
        read_recordings([path])


@needs_data
def test_a_recorded_book_is_rebuilt_exactly() -> None:
    """Best prices and sizes equal the venue's own at every update that it told both ways; no hole."""
    import gzip

    told: dict[int, tuple[float, float, float, float]] = {}
    seen = equal = 0
    with gzip.open(RECORDED) as lines:
        for line in lines:
            message = json.loads(line.partition(b" ")[2])
            data = message.get("data", message)
            if "u" in data and "A" in data and "e" not in data:
                told[data["u"]] = tuple(float(data[name]) for name in "bBaA")  # type: ignore[assignment]
    made, rebuilt = read_recordings([RECORDED]), Book()
    updates = iter(_updates())
    for kind, price, amount, last in zip(made.kind, made.price, made.amount, made.last, strict=True):
        if kind == CLEAR:
            rebuilt.clear()
        elif kind in (BID, ASK):
            rebuilt.set(int(kind), float(price), float(amount))
            if last and (update := next(updates)) in told:
                seen += 1
                bid, ask = rebuilt.best("sell"), rebuilt.best("buy")
                assert bid is not None and ask is not None
                equal += told[update] == (bid, rebuilt.at("buy", bid), ask, rebuilt.at("sell", ask))

    assert made.holes == 0
    assert seen > 100
    assert equal == seen


def _updates() -> list[int]:
    """Number of each snapshot and diff that the reader takes, in order."""
    import gzip

    found: list[int] = []
    early: list[dict[str, Any]] = []
    with gzip.open(RECORDED) as lines:
        for line in lines:
            message = json.loads(line.partition(b" ")[2])
            data = message.get("data", message)
            if "lastUpdateId" in data:
                found.append(data["lastUpdateId"])
                found += [one["u"] for one in early if one["u"] > data["lastUpdateId"]]
            elif data.get("e") == "depthUpdate":
                if not found:
                    early.append(data)
                elif data["u"] > found[-1] and (data["b"] or data["a"]):
                    found.append(data["u"])
    return found


@needs_data
def test_a_strategy_trades_in_a_recorded_book() -> None:
    """The same class as ever, on candles made of the recording's trades, filled in its book."""
    rules = Rules(warmup=20, latency_ms=50)
    request = Request("ema-cross", None, {"fast": 3, "slow": 8}, rules, book=(RECORDED,), timeframe="1s")
    first, again = run(request), run(request)

    assert len(first.outcome.executions) > 2
    assert all(done.ts_ms for done in first.outcome.executions)
    assert first.outcome.executions == again.outcome.executions
    assert first.run_hash == again.run_hash
