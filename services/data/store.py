"""The local history of one market: one file a column, appended to, read through a memory map.

A folder `<exchange>/<symbol>/<timeframe>` holds `open_ms.i64` and five `.f64` files of plain
little-endian numbers. The open times are written last, so a candle counts once all its values are there;
what a crash or a full disk left half written is cut off on opening. `gaps.jsonl` beside them says which
candles the venue could not give.
"""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ...bus import topics
from ...bus.contracts.market import timeframe_ms, timeframe_phase_ms
from ...configs import files
from ...configs.errors import SettingsError
from .columns import NAMES, Columns

Row = tuple[int, float, float, float, float, float]
"""open_ms, open, high, low, close, volume."""

_TIMES = "open_ms.i64"
_FILES = (*(f"{name}.f64" for name in NAMES), _TIMES)
"""In the order of writing."""
_WIDTH = 8
_FRESH, _WHOLE = "new", "whole"
_ROWS_AT_A_TIME = 100_000


class Gap(msgspec.Struct, frozen=True):
    """Candles from `first_ms` to `last_ms` (open times, both included) that the venue did not have when
    asked.
    """

    first_ms: int
    last_ms: int
    reason: str
    asked_ms: int


def series_folder(root: Path, exchange: str, symbol: str, timeframe: str) -> Path:
    """Where the history of one market lies."""
    return root / topics.part(exchange) / topics.part(symbol) / timeframe


class CandleStore:
    """The history of one market in one timeframe. One process writes; any number may read.

    Args:
        folder: made when it is missing.
        timeframe: length of a candle; open times are whole multiples of it.
    """

    def __init__(self, folder: Path, timeframe: str) -> None:
        self._folder, self._timeframe, self._step = folder, timeframe, timeframe_ms(timeframe)
        self._phase = timeframe_phase_ms(timeframe)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _settle(folder)
            self._count = self._mend()
        except OSError as error:
            raise SettingsError(
                f"The history in {folder} cannot be opened ({error.strerror or error})."
            ) from error
        self._last = int(self._map(_TIMES, np.int64)[-1]) if self._count else 0

    def __len__(self) -> int:
        return self._count

    @property
    def last_open_ms(self) -> int:
        """Open time of the newest candle, 0 when there is none."""
        return self._last

    def append(self, rows: Sequence[Row]) -> int:
        """Add candles that follow the newest one; return how many were new. Older ones are passed over.

        Raises:
            ValueError: an open time off the grid, or not rising.
            OSError: the disk is full or gone; nothing of the rows counts.
        """
        fresh = [row for row in rows if row[0] > self._last]
        for before, row in zip([self._last, *(row[0] for row in fresh)], fresh, strict=False):
            if (row[0] - self._phase) % self._step or row[0] <= before:
                raise ValueError(f"candle {row[0]} does not follow {before} on a grid of {self._step} ms")
        if not fresh:
            return 0
        try:
            for place, name in enumerate(NAMES, start=1):
                self._write(f"{name}.f64", np.array([row[place] for row in fresh], dtype="<f8").tobytes())
            self._write(_TIMES, np.array([row[0] for row in fresh], dtype="<i8").tobytes())
        except OSError:
            self._count = self._mend()
            raise
        self._count += len(fresh)
        self._last = fresh[-1][0]
        return len(fresh)

    def columns(self) -> Columns:
        """The whole history as memory-mapped columns, read-only."""
        if not self._count:
            return Columns.empty()
        return Columns(self._map(_TIMES, np.int64), *(self._map(f"{name}.f64", np.float64) for name in NAMES))

    def newest(self, limit: int, since_ms: int | None = None, before_ms: int | None = None) -> Columns:
        """The newest `limit` candles, at or after `since_ms` and before `before_ms` where given."""
        whole = self.columns()
        start = 0 if since_ms is None else int(np.searchsorted(whole.open_ms, since_ms))
        end = len(whole) if before_ms is None else int(np.searchsorted(whole.open_ms, before_ms))
        return whole.part(max(min(start, end), end - limit), end)

    def forget_before(self, open_ms: int) -> int:
        """Remove the candles that open before a moment; how many.

        Raises:
            OSError: the disk is full or gone; the candles stay.
        """
        whole = self.columns()
        start = int(np.searchsorted(whole.open_ms, open_ms))
        if start:
            rewrite(self._folder, self._timeframe, whole.part(start, len(whole)))
            self._count = self._mend()
        return start

    def note_gap(self, gap: Gap) -> None:
        """Remember that the venue could not give these candles."""
        with (self._folder / "gaps.jsonl").open("ab") as file:
            file.write(msgspec.json.encode(gap) + b"\n")

    def keep_gaps(self, gaps: Sequence[Gap]) -> None:
        """Remember these gaps instead of those that were noted."""
        lines = b"".join(msgspec.json.encode(gap) + b"\n" for gap in gaps)
        files.replace(self._folder / "gaps.jsonl", lines)

    def gaps(self) -> list[Gap]:
        """Everything that was noted; a half-written last line is left out."""
        return gaps_of(self._folder)

    def _write(self, name: str, data: bytes) -> None:
        with (self._folder / name).open("ab") as file:
            file.write(data)

    def _map(self, name: str, kind: type[Any]) -> NDArray[Any]:
        return np.memmap(self._folder / name, dtype=kind, mode="r", shape=(self._count,))

    def _mend(self) -> int:
        """Cut all files to the candles that are whole; return how many those are."""
        files = [self._folder / name for name in (_TIMES, *(f"{name}.f64" for name in NAMES))]
        sizes = [file.stat().st_size if file.exists() else 0 for file in files]
        count = self._rising(min(sizes) // _WIDTH)
        for file, size in zip(files, sizes, strict=True):
            if size != count * _WIDTH:
                os.truncate(file, count * _WIDTH)
        return count

    def _rising(self, count: int) -> int:
        """How many of the first `count` open times lie on the grid and rise: a crash may leave zeros at
        the end.
        """
        if not count:
            return 0
        times = np.fromfile(self._folder / _TIMES, dtype="<i8", count=count)
        wrong = ((times - self._phase) % self._step != 0) | (np.diff(times, prepend=0) <= 0)
        return int(np.argmax(wrong)) if wrong.any() else count


def gaps_of(folder: Path) -> list[Gap]:
    """The gaps that were noted in a store; a half-written last line is left out."""
    try:
        lines = (folder / "gaps.jsonl").read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return []
    return [msgspec.json.decode(line, type=Gap) for line in lines]


def read_store(folder: Path) -> Columns:
    """The history that a store holds, while its owner may be writing: nothing is mended, only whole
    candles count.

    Raises:
        OSError: there is no store in this folder.
    """
    fresh = folder / _FRESH
    moving = (fresh / _WHOLE).exists()
    names = (_TIMES, *_FILES[:-1])
    paths = [fresh / name if moving and (fresh / name).exists() else folder / name for name in names]
    count = min(path.stat().st_size for path in paths) // _WIDTH
    if not count:
        return Columns.empty()
    kinds: tuple[type[Any], ...] = (np.int64, *[np.float64] * len(NAMES))
    maps: list[NDArray[Any]] = [
        np.memmap(path, dtype=kind, mode="r", shape=(count,)) for path, kind in zip(paths, kinds, strict=True)
    ]
    return Columns(*maps)


def rewrite(folder: Path, timeframe: str, columns: Columns) -> None:
    """Put other candles in the place of a store's own; the gaps noted stay. Only for who alone writes it.

    A crash leaves the old candles or the new ones: the new ones lie beside the old until they are whole,
    and moving them over them is gone on with when the store is opened.

    Raises:
        OSError: the disk is full or gone; the old candles stay.
    """
    fresh = folder / _FRESH
    shutil.rmtree(fresh, ignore_errors=True)
    made = CandleStore(fresh, timeframe)
    for name in _FILES:
        (fresh / name).touch()
    for start in range(0, len(columns), _ROWS_AT_A_TIME):
        made.append(rows_of(columns.part(start, min(start + _ROWS_AT_A_TIME, len(columns)))))
    (fresh / _WHOLE).touch()
    _settle(folder)


def _settle(folder: Path) -> None:
    """Finish what a `rewrite` began, or forget what it did not get ready."""
    fresh = folder / _FRESH
    if not fresh.exists():
        return
    if (fresh / _WHOLE).exists():
        for name in _FILES:
            if (fresh / name).exists():
                (fresh / name).replace(folder / name)
    shutil.rmtree(fresh, ignore_errors=True)


def rows_of(columns: Columns) -> list[Row]:
    """Candles as rows."""
    parts = (columns.open_ms.tolist(), *(getattr(columns, name).tolist() for name in NAMES))
    return list(zip(*parts, strict=True))
