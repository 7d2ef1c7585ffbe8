"""One log file, rotated by size and age at the end of a line, that survives a full disk and its removal."""

import os
import time
from pathlib import Path

_LOOK_EVERY_S = 1.0


class LogFile:
    """Appends bytes. Nothing here raises for the disk's sake: what cannot be written is counted.

    Args:
        path: the file; rotated ones are `path.1` (newest) to `path.<keep>`, the older ones with `.gz`.
        max_bytes: rotated before it would grow above this.
        keep: how many rotated files stay.
        every_s: also rotated when such a period of the wall clock ends (86400: at midnight UTC); 0 is never.
    """

    def __init__(self, path: Path, max_bytes: int, keep: int, every_s: float = 0.0) -> None:
        self.path, self.max_bytes, self.keep, self.every_s = path, max_bytes, keep, every_s
        self.rotations = 0
        self._period = 0
        self.dropped_bytes = 0
        self.fault = ""
        self._descriptor = -1
        self._size = 0
        self._looked = 0.0
        self.ends_line = True

    def write(self, data: bytes) -> None:
        """Append, rotating at a line's end when the file is full."""
        if b"\0" in data:
            data = data.replace(b"\0", b"\\0")
        while data:
            if self._descriptor < 0 or self._moved():
                self._open()
            if self._size and self.ends_line and self._period_is_over():
                self.rotate()
            if self._size + len(data) <= self.max_bytes or self._size == 0:
                self._append(data)
                return
            room = max(0, self.max_bytes - self._size)
            cut = data.rfind(b"\n", 0, room) + 1
            if cut == 0 and not self.ends_line:
                cut = data.find(b"\n") + 1 or len(data)
            self._append(data[:cut])
            data = data[cut:]
            if self.ends_line:
                self.rotate()

    def end_line(self) -> None:
        """End a line that its writer left half done."""
        if not self.ends_line:
            self.write(b"\n")

    def _append(self, data: bytes) -> None:
        if not data:
            return
        self.ends_line = data.endswith(b"\n")
        if self._descriptor < 0:
            self.dropped_bytes += len(data)
            return
        try:
            written = os.write(self._descriptor, data)
        except OSError as error:
            written = 0
            self.fault = error.strerror or str(error)
        else:
            if written == len(data):
                self.fault = ""
        self._size += written
        self.dropped_bytes += len(data) - written

    def _period_is_over(self) -> bool:
        # Forward only: a clock that was set back does not rotate again.
        return self.every_s > 0 and int(time.time() / self.every_s) > self._period

    def _moved(self) -> bool:
        now = time.monotonic()
        if now - self._looked < _LOOK_EVERY_S:
            return False
        self._looked = now
        try:
            there, ours = self.path.stat(), os.fstat(self._descriptor)
        except OSError:
            return True
        return (there.st_ino, there.st_dev) != (ours.st_ino, ours.st_dev)

    def _open(self) -> None:
        self.close()
        try:
            self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            there = os.fstat(self._descriptor)
            self._size = there.st_size
            if self.every_s > 0:
                self._period = int((there.st_mtime if self._size else time.time()) / self.every_s)
            self._looked = time.monotonic()
        except OSError as error:
            self.fault = error.strerror or str(error)
            self._size = 0

    def rotate(self) -> None:
        """Move the file to `.1`, that to `.2` and so on, and begin a new one."""
        self.close()
        self.rotations += 1
        try:
            for number in range(self.keep, 0, -1):
                self._shift(number)
            if self.keep == 0:
                self.path.unlink(missing_ok=True)
        except OSError as error:
            self.fault = error.strerror or str(error)
        self._size = 0
        self._open()
        if self._size >= self.max_bytes:
            # Rotation failed: go on in the same file rather than spin.
            self._size = 0

    def _shift(self, number: int) -> None:
        """What stands at `number` gives way to what stands before it, compressed or not."""
        for end in ("", ".gz"):
            older = self._numbered(number, end)
            newer = self._numbered(number - 1, end)
            if newer.exists():
                newer.replace(older)
            elif number == self.keep:
                older.unlink(missing_ok=True)

    def _numbered(self, number: int, end: str) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}{end}" if number else f"{self.path.name}{end}")

    def close(self) -> None:
        """Close the descriptor; the next write opens it again."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
