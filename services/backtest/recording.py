"""Recordings of an order book: what was sent over a venue's stream, line by line.

A line is `<time of receipt in ns> <json>`; the JSON is Binance's depth diffs, trades and the snapshot of the
book that the diffs begin from (docs/backtest.md). A diff that does not follow the one before is a hole:
the book is unknown from there until the next snapshot.
"""

import gzip
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ...configs.errors import SettingsError

CLEAR, BID, ASK, BOUGHT, SOLD = range(5)
"""Kinds of rows: the book is empty from here; a level of the bids, of the asks; a trade by its taker."""

_Row = tuple[int, int, float, float, bool]


@dataclass(frozen=True, slots=True)
class Recording:
    """Rows in the order of receipt.

    Args:
        ts_ms: times of receipt, not falling.
        kind: CLEAR, BID, ASK, BOUGHT or SOLD.
        price: of the level or trade.
        amount: base units; 0 takes a level away.
        last: this row ends what was sent together; the book is whole after it.
        holes: times that diffs were missing.
    """

    ts_ms: NDArray[np.int64]
    kind: NDArray[np.int8]
    price: NDArray[np.float64]
    amount: NDArray[np.float64]
    last: NDArray[np.bool_]
    holes: int

    def __len__(self) -> int:
        return len(self.ts_ms)

    def arrays(self) -> list[Any]:
        """All columns."""
        return [self.ts_ms, self.kind, self.price, self.amount, self.last]

    def trades(self) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
        """Times, prices and amounts of the trades."""
        dealt = self.kind >= BOUGHT
        return self.ts_ms[dealt], self.price[dealt], self.amount[dealt]


def read_recordings(paths: Iterable[Path]) -> Recording:
    """Recordings that follow each other, as one.

    Raises:
        SettingsError: a file cannot be read, or a line of it is something else.
    """
    reader = _Reader()
    rows: list[_Row] = []
    for path in paths:
        try:
            with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
                for number, line in enumerate(lines, 1):
                    try:
                        rows.extend(reader.rows(line))
                    except (ValueError, KeyError, TypeError) as error:
                        raise SettingsError(
                            f"{path}, line {number}: no line of a recording ({error}); it must be "
                            "`<time in ns> <json>`, as Binance's stream sends it."
                        ) from error
        except (OSError, EOFError) as error:
            raise SettingsError(f"{path} cannot be read ({error}).") from error
    if not rows:
        raise SettingsError(f"{', '.join(map(str, paths))}: the recording is empty.")
    ts_ms, kind, price, amount, last = zip(*rows, strict=True)
    return Recording(
        np.maximum.accumulate(np.array(ts_ms, dtype=np.int64)),
        np.array(kind, dtype=np.int8),
        np.array(price),
        np.array(amount),
        np.array(last),
        reader.holes,
    )


class _Reader:
    """Turns lines into rows; diffs before the first snapshot are kept until it comes."""

    def __init__(self) -> None:
        self._decode = msgspec.json.Decoder().decode
        self._early: list[tuple[int, Any]] = []
        self._update = 0
        self.holes = 0

    def rows(self, line: bytes) -> Iterator[_Row]:
        """The rows of one line; none for what is not needed."""
        stamp, _, text = line.partition(b" ")
        if not text.strip():
            return
        ts_ms = int(stamp) // 1_000_000
        message: Any = self._decode(text)
        message = message.get("data", message) if isinstance(message, dict) else {}
        if "lastUpdateId" in message:
            yield from self._snapshot(ts_ms, message)
        elif message.get("e") == "depthUpdate":
            yield from self._diff(ts_ms, message)
        elif message.get("e") == "trade":
            kind = SOLD if message["m"] else BOUGHT
            yield ts_ms, kind, float(message["p"]), float(message["q"]), True

    def _snapshot(self, ts_ms: int, message: Any) -> Iterator[_Row]:
        yield ts_ms, CLEAR, 0.0, 0.0, False
        yield from _levels(ts_ms, message["bids"], message["asks"])
        self._update = int(message["lastUpdateId"])
        early, self._early = self._early, []
        for _, diff in early:
            yield from self._diff(ts_ms, diff)

    def _diff(self, ts_ms: int, message: Any) -> Iterator[_Row]:
        if not self._update:
            self._early.append((ts_ms, message))
            return
        if message["u"] <= self._update:
            return
        if message["U"] > self._update + 1:
            self.holes += 1
            self._update = 0
            self._early = []
            yield ts_ms, CLEAR, 0.0, 0.0, True
            return
        self._update = int(message["u"])
        yield from _levels(ts_ms, message["b"], message["a"])


def _levels(ts_ms: int, bids: Any, asks: Any) -> Iterator[_Row]:
    rows = [(BID, level) for level in bids] + [(ASK, level) for level in asks]
    for number, (kind, level) in enumerate(rows, 1):
        yield ts_ms, kind, float(level[0]), float(level[1]), number == len(rows)
