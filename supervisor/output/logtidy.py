"""Rotated logs are compressed and, when they are old, removed; a piece at a time, so that nobody waits."""

import contextlib
import os
import time
import zlib
from collections import deque
from pathlib import Path

_CHUNK = 65_536
_FIRST_COMPRESSED = 2  # .1 stays plain: who follows the log may still be reading it
_GZIP = 31  # zlib's number for a gzip header and trailer
PART = ".part"
_TAKEN = ".taken"


class LogTidier:
    """Looks through a folder of logs when told to, and then works in steps of a millisecond or two.

    Args:
        max_age_s: rotated files last written longer ago are removed; 0 keeps them.
    """

    def __init__(self, folder: Path, max_age_s: float = 0.0) -> None:
        self._folder, self.max_age_s = folder, max_age_s
        self._todo: deque[Path] = deque()
        self._work: _Compression | None = None

    @property
    def busy(self) -> bool:
        """Whether `step` has something to do."""
        return self._work is not None or bool(self._todo)

    def look(self) -> None:
        """Find what is to be compressed; remove what is too old, and what a death has left half done."""
        known = {*self._todo, self._work.source if self._work else None}
        oldest = time.time() - self.max_age_s if self.max_age_s else 0.0
        for path in self._rotated():
            if path.name.endswith(_TAKEN):
                _give_back(path)
            elif path.name.endswith(PART):
                if self._work is None or path != self._work.part:
                    _remove(path)
            elif _mtime(path) < oldest:
                _remove(path)
            elif path.suffix != ".gz" and _number(path) >= _FIRST_COMPRESSED and path not in known:
                self._todo.append(path)

    def _rotated(self) -> list[Path]:
        try:
            return sorted(path for path in self._folder.iterdir() if ".log." in path.name)
        except OSError:
            return []

    def step(self) -> None:
        """Compress one piece."""
        if self._work is None and self._todo:
            self._work = _Compression.of(self._todo.popleft())
        if self._work is not None and not self._work.step():
            self._work = None


class _Compression:
    """One file on its way to `.gz`. It may be renamed by a rotation meanwhile: its inode names it."""

    def __init__(self, source: Path, reader: int, part: Path, writer: int) -> None:
        self.source, self.part = source, part
        self._reader, self._writer = reader, writer
        self._stat = os.fstat(reader)
        self._packer = zlib.compressobj(6, zlib.DEFLATED, _GZIP)

    @classmethod
    def of(cls, source: Path) -> "_Compression | None":
        part = source.with_name(f"{source.name}.gz{PART}")
        try:
            reader = os.open(source, os.O_RDONLY)
        except OSError:
            return None
        try:
            writer = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError:
            os.close(reader)
            return None
        return cls(source, reader, part, writer)

    def step(self) -> bool:
        """One piece; False when it is done, or cannot be done now."""
        try:
            data = os.read(self._reader, _CHUNK)
            if data:
                _write_all(self._writer, self._packer.compress(data))
                return True
            _write_all(self._writer, self._packer.flush())
            os.fsync(self._writer)
            os.utime(self._writer if os.utime in os.supports_fd else self.part, times=self._times())
            self._put_in_place()
        except OSError:
            _remove(self.part)  # the disk is full: the plain file stays
        os.close(self._reader)
        os.close(self._writer)
        return False

    def _times(self) -> tuple[float, float]:
        return self._stat.st_atime, self._stat.st_mtime

    def _put_in_place(self) -> None:
        """Take the source out of the row before its number can change, then put the other in its place."""
        source = self._where()
        if source is None:
            _remove(self.part)
            return
        taken = source.with_name(source.name + _TAKEN)
        source.rename(taken)
        if taken.stat().st_ino != self._stat.st_ino:
            taken.rename(source)  # a rotation came between: try again another time
            _remove(self.part)
            return
        self.part.replace(source.with_name(f"{source.name}.gz"))
        taken.unlink()

    def _where(self) -> Path | None:
        base = self.source.name.rpartition(".")[0]
        for path in self.source.parent.glob(f"{base}.*"):
            with contextlib.suppress(OSError):
                if path.suffix[1:].isdigit() and path.stat().st_ino == self._stat.st_ino:
                    return path
        return None


def _number(path: Path) -> int:
    """2 of `data.log.2`; -1 of what is no rotated log."""
    return int(path.suffix[1:]) if path.suffix[1:].isdigit() else -1


def _give_back(taken: Path) -> None:
    """A death came between taking a file out of its row and its `.gz` being there, or after that."""
    source = taken.with_name(taken.name.removesuffix(_TAKEN))
    if source.with_name(f"{source.name}.gz").exists():
        _remove(taken)
    elif not source.exists():
        with contextlib.suppress(OSError):
            taken.rename(source)


def _mtime(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return time.time()


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
