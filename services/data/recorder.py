"""Trades and books of a market as they were told, kept on disk: one file of JSON lines a day, compressed.

Lines are gathered for a few seconds and appended as one piece (a gzip member), so a crash loses those
seconds at most; a piece that a crash left half written is cut off before the next is appended.
"""

import gzip
import os
import time
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import structlog

FLUSH_S = 5.0
_MOST_LINES = 2000
_ENDING = ".jsonl.gz"


class Recorder:
    """Keeps messages of one kind of one market.

    Args:
        folder: made when it is missing.
        clock: seconds that only go forward.
    """

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder, self._clock = folder, clock
        self._day, self._lines = "", bytearray()
        self._count, self._due = 0, 0.0
        self._mended: set[Path] = set()
        self._log = structlog.get_logger(component="recorder", folder=str(folder))

    def add(self, ts_ms: int, message: Any) -> None:
        """Keep a message that belongs to this time."""
        day = datetime.fromtimestamp(ts_ms / 1000, UTC).strftime("%Y-%m-%d")
        if day != self._day or self._count >= _MOST_LINES or (self._count and self._clock() >= self._due):
            self.flush()
            self._day = day
        if not self._count:
            self._due = self._clock() + FLUSH_S
        self._lines += msgspec.json.encode(message) + b"\n"
        self._count += 1

    def flush(self) -> None:
        """Write what was gathered. A full disk loses it, and says so: nothing else must suffer from it."""
        if not self._count:
            return
        path = self._folder / f"{self._day}{_ENDING}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if path not in self._mended and path.exists():
                os.truncate(path, _whole(path))
            self._mended = {path}
            with path.open("ab") as file:
                file.write(gzip.compress(bytes(self._lines), 5))
        except OSError as error:
            self._log.error("not recorded", reason=str(error), lines=self._count)
        self._lines.clear()
        self._count = 0


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The messages of one file, oldest first; a half-written end is left out."""
    data = path.read_bytes()[: _whole(path)]
    for line in gzip.decompress(data).splitlines() if data else ():
        yield msgspec.json.decode(line)


def remove_older(folder: Path, days: float, now: datetime) -> int:
    """Remove the files of days that ended more than so many days ago; how many."""
    oldest = (now - timedelta(days=days)).strftime("%Y-%m-%d")
    old = [path for path in folder.rglob(f"*{_ENDING}") if path.name.removesuffix(_ENDING) < oldest]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _whole(path: Path) -> int:
    """Length of the pieces at the beginning of a file that are whole."""
    data, at = path.read_bytes(), 0
    while at < len(data):
        piece = zlib.decompressobj(wbits=31)
        try:
            piece.decompress(data[at:])
        except zlib.error:
            break
        if not piece.eof:
            break
        at = len(data) - len(piece.unused_data)
    return at
