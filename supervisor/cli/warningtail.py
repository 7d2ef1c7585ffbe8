"""The newest warnings and errors of all logs of a home, read on as they are written."""

import os
from collections import deque
from pathlib import Path

from .logview import Line

_FROM_THE_END = 65_536
_LOUD = frozenset({"warning", "error", "critical"})


class WarningTail:
    """Keeps the newest loud lines; each `read` takes what came since.

    Args:
        folder: of the logs.
        count: lines kept.
    """

    def __init__(self, folder: Path, count: int) -> None:
        self._folder = folder
        self._places: dict[Path, tuple[int, int]] = {}  # inode and offset
        self._kept: deque[tuple[float, str, Line]] = deque(maxlen=count)

    def read(self) -> list[tuple[str, Line]]:
        """(service, line), oldest first. A log that cannot be read is left out."""
        found = [
            (line.moment or 0.0, path.stem, line)
            for path in sorted(self._folder.glob("*.log"))
            if not path.stem.startswith("cli-")
            for line in self._new_lines(path)
            if line.level in _LOUD
        ]
        self._kept.extend(sorted(found, key=lambda one: one[0]))
        return [(service, line) for _, service, line in self._kept]

    def _new_lines(self, path: Path) -> list[Line]:
        try:
            with path.open("rb") as file:
                status = os.fstat(file.fileno())
                inode, offset = self._places.get(path, (0, max(0, status.st_size - _FROM_THE_END)))
                if path in self._places and (inode != status.st_ino or offset > status.st_size):
                    offset = 0  # rotated
                file.seek(offset)
                whole, newline, _ = file.read().rpartition(b"\n")
        except OSError:
            return []
        self._places[path] = (status.st_ino, offset + len(whole) + len(newline))
        return [Line.parse(text) for text in whole.decode("utf-8", "replace").split("\n") if text]
