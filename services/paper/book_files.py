"""Recordings of Binance's streams: order book diffs, trades, and one snapshot to begin with.

Each line of the gzip file is the time of receipt in nanoseconds and a JSON message: the combined streams
`depth@100ms` and `trade`, and the REST answer of `depth` once, near the beginning.
"""

import gzip
import json
import zlib
from array import array
from pathlib import Path
from typing import Any

from ...configs.errors import StartError
from .scripts import BookScript, Change, Side, Trades
from .units import parse

_NS_A_MS = 1_000_000


class _Reader:
    """Takes messages in the order of the file; the book's updates must follow each other without a gap."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last = 0
        self._early: list[tuple[int, Any]] = []
        self.changes: list[Change] = []
        self.trades: list[tuple[int, int, int, bool]] = []

    def take(self, time_ms: int, message: Any) -> None:
        if "lastUpdateId" in message:
            self._begin(time_ms, message)
            return
        data = message.get("data", message)
        kind = data.get("e")
        if kind == "trade":
            self.trades.append((time_ms, parse(data["p"]), parse(data["q"]), bool(data["m"])))
        elif kind == "depthUpdate" and self.changes:
            self._change(time_ms, data)
        elif kind == "depthUpdate":
            self._early.append((time_ms, data))

    def _begin(self, time_ms: int, snapshot: Any) -> None:
        self._last = snapshot["lastUpdateId"]
        self.changes.append((time_ms, _side(snapshot["bids"]), _side(snapshot["asks"])))
        for early_ms, data in self._early:
            self._change(max(early_ms, time_ms), data)

    def _change(self, time_ms: int, data: Any) -> None:
        if data["u"] <= self._last:
            return
        if data["U"] > self._last + 1:
            raise StartError(
                f"The book recording {self._path} (paper.file) has a gap: "
                f"update {data['U']} follows {self._last}."
            )
        self._last = data["u"]
        self.changes.append((time_ms, _side(data["b"]), _side(data["a"])))


def _side(rows: list[list[str]]) -> Side:
    return [(parse(price), parse(quantity)) for price, quantity in rows]


def read(path: Path, interval_ms: int) -> BookScript:
    """The trades and books of a recording.

    Raises:
        StartError: the file is no such recording, or has a gap; names the line.
        OSError: it cannot be opened.
    """
    reader = _Reader(path)
    read_lines = 0
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for line in file:
                time_ns, _, text = line.partition(" ")
                reader.take(int(time_ns) // _NS_A_MS, json.loads(text))
                read_lines += 1
    except (ValueError, KeyError, TypeError, AttributeError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise StartError(
            f"The book recording {path} (paper.file) cannot be played: line {read_lines + 1}: {error}."
        ) from None
    if not reader.changes or not reader.trades:
        raise StartError(f"The book recording {path} (paper.file) has no snapshot, or no trades.")
    times, prices, amounts, sellers = zip(*reader.trades, strict=True)
    trades = Trades(array("q", times), array("q", prices), array("q", amounts), sellers)
    return BookScript(trades, reader.changes, interval_ms, f"recorded: trades and order books of {path.name}")
