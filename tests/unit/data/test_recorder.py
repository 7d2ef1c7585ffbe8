"""Trades and books are kept as they came."""

import os
from datetime import UTC, datetime
from pathlib import Path

from cryptobot.bus.contracts.market import MarketTrade
from cryptobot.services.data.recorder import FLUSH_S, Recorder, read, remove_older

DAY = 86_400_000


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def trade(ts_ms: int) -> MarketTrade:
    return MarketTrade(
        exchange="paper",
        symbol="BTC/USDT",
        id=str(ts_ms),
        ts_ms=ts_ms,
        side="buy",
        price="0.10",
        amount="1e0",
    )


def ids(path: Path) -> list[str]:
    return [message["id"] for message in read(path)]


def test_each_day_has_a_file_with_every_message(tmp_path: Path) -> None:
    """Messages go into the file of their day, with their texts as they came."""
    recorder = Recorder(tmp_path)
    for ts_ms in (1, 2, DAY + 1):
        recorder.add(ts_ms, trade(ts_ms))
    recorder.flush()

    assert ids(tmp_path / "1970-01-01.jsonl.gz") == ["1", "2"]
    assert next(read(tmp_path / "1970-01-02.jsonl.gz"))["price"] == "0.10"


def test_what_was_gathered_is_written_after_a_while(tmp_path: Path) -> None:
    """The next message after a few seconds brings those before it to disk."""
    clock = Clock()
    recorder = Recorder(tmp_path, clock=clock)
    recorder.add(1, trade(1))
    clock.now = FLUSH_S + 1
    recorder.add(2, trade(2))

    assert ids(tmp_path / "1970-01-01.jsonl.gz") == ["1"]


def test_a_piece_that_a_crash_cut_is_left_out_and_cut_off(tmp_path: Path) -> None:
    """A reader sees the whole pieces; the next life appends behind them."""
    recorder, path = Recorder(tmp_path), tmp_path / "1970-01-01.jsonl.gz"
    for ts_ms in (1, 2):
        recorder.add(ts_ms, trade(ts_ms))
        recorder.flush()
    os.truncate(path, path.stat().st_size - 5)
    assert ids(path) == ["1"]
    again = Recorder(tmp_path)
    again.add(3, trade(3))
    again.flush()

    assert ids(path) == ["1", "3"]


def test_a_full_disk_does_not_raise(tmp_path: Path) -> None:
    """Where the folder cannot be made, the messages are lost and the stream goes on."""
    (tmp_path / "file").write_text("")
    recorder = Recorder(tmp_path / "file" / "trades")
    recorder.add(1, trade(1))
    recorder.flush()
    recorder.add(2, trade(2))


def test_old_days_are_removed(tmp_path: Path) -> None:
    """Files of days that ended long ago go; the others stay."""
    recorder = Recorder(tmp_path / "BTC-USDT" / "trades")
    for ts_ms in (1, DAY + 1, 5 * DAY):
        recorder.add(ts_ms, trade(ts_ms))
    recorder.flush()

    removed = remove_older(tmp_path, 4, datetime(1970, 1, 6, 12, tzinfo=UTC))

    assert removed == 1
    assert len(list(tmp_path.rglob("*.gz"))) == 2
