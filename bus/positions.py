"""Where a durable consumer stands: the last number it handled on each topic of each source, kept on disk."""

import os
import time
from pathlib import Path

from ..configs.files import replace
from ..configs.paths import Home
from .epochs import file_name

_COMPACT_BYTES = 1_048_576


class FilePositions:
    """Positions in one file, a line for each message handled, rewritten when it has grown.

    `since_ns` is when this consumer began: what was sent before is not for it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.since_ns = 0
        self._table: dict[tuple[str, str], tuple[int, int]] = {}
        self._load()
        self._compact()

    def _load(self) -> None:
        try:
            lines = self._path.read_text().splitlines(keepends=True)
        except FileNotFoundError:
            self.since_ns = time.time_ns()
            return
        for line in lines:
            fields = line.rstrip("\n").split("\t")
            if not line.endswith("\n"):
                break  # a crash while writing
            if fields[0] == "since":
                self.since_ns = int(fields[1])
            elif len(fields) == 4:
                self._table[fields[0], fields[1]] = (int(fields[2]), int(fields[3]))

    def _compact(self) -> None:
        lines = [f"since\t{self.since_ns}\n"]
        lines += [f"{key[0]}\t{key[1]}\t{epoch}\t{seq}\n" for key, (epoch, seq) in self._table.items()]
        replace(self._path, "".join(lines).encode())
        self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0))
        self._size = os.fstat(self._file).st_size

    def get(self, source: str, topic: str) -> tuple[int, int] | None:
        """Epoch and number of the last message handled."""
        return self._table.get((source, topic))

    def record(self, source: str, topic: str, epoch: int, seq: int) -> None:
        """A message was handled."""
        self._table[source, topic] = (epoch, seq)
        self._size += os.write(self._file, f"{source}\t{topic}\t{epoch}\t{seq}\n".encode())
        if self._size > _COMPACT_BYTES:
            os.close(self._file)
            self._compact()

    def close(self) -> None:
        os.close(self._file)


class MemoryPositions:
    """Positions that live as long as their hub."""

    def __init__(self) -> None:
        self.since_ns = time.time_ns()
        self._table: dict[tuple[str, str], tuple[int, int]] = {}

    def get(self, source: str, topic: str) -> tuple[int, int] | None:
        return self._table.get((source, topic))

    def record(self, source: str, topic: str, epoch: int, seq: int) -> None:
        self._table[source, topic] = (epoch, seq)

    def close(self) -> None:
        """Kept by the hub."""


def path_of(home: Home, consumer: str, durable: str) -> Path:
    """The file of one durable subscription of one client."""
    return home.state / "positions" / f"{file_name(consumer)}.{file_name(durable)}"
