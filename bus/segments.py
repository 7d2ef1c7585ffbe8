"""Append-only files of records: what outboxes and the journal are made of.

A segment is the magic, then records `u32 length, u32 CRC-32 of the body, body`. A record that is not whole
(a crash while writing) is cut off when the segment is opened for writing, and ends the reading otherwise.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from ..configs.errors import BusError
from .frames import MAX_FRAME_BYTES

MAGIC = b"CBSEG01\n"
HEADER = struct.Struct("<II")
SUFFIX = ".seg"
_MAX_RECORD = MAX_FRAME_BYTES + 1_048_576


def record(body: bytes) -> bytes:
    """A body with its length and checksum."""
    return HEADER.pack(len(body), zlib.crc32(body)) + body


def scan(data: bytes | memoryview, at: int = len(MAGIC)) -> Iterator[tuple[int, bytes]]:
    """Offset and body of each whole record from the one at offset `at` on; by default from the first."""
    end = len(data)
    unpack, crc32 = HEADER.unpack_from, zlib.crc32
    while at + 8 <= end:
        length, checksum = unpack(data, at)
        after = at + 8 + length
        if after > end or length > _MAX_RECORD:
            return
        body = bytes(data[at + 8 : after])
        if crc32(body) != checksum:
            return
        yield at, body
        at = after


def good_end(data: bytes) -> int:
    """Where the last whole record ends."""
    end = len(MAGIC)
    for offset, body in scan(data):
        end = offset + HEADER.size + len(body)
    return end


def paths(folder: Path) -> list[Path]:
    """The segments of a folder, oldest first."""
    return sorted(folder.glob(f"*{SUFFIX}"))


class Segment:
    """One segment open for appending. `append` returns when the operating system has the data."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = path
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        self._file = os.open(path, flags, 0o600)
        self.size = os.fstat(self._file).st_size
        if self.size:
            self._cut_torn_tail()
        if self.size < len(MAGIC):
            os.ftruncate(self._file, 0)
            self.size = 0
            self.append(MAGIC)

    def _cut_torn_tail(self) -> None:
        data = self.path.read_bytes()
        if not data.startswith(MAGIC[: len(data)]):
            raise BusError(f"{self.path} is not a segment of the bus; move it away and start again.")
        end = min(good_end(data), len(data))
        if end < self.size:
            os.ftruncate(self._file, end)
            self.size = end

    def append(self, data: bytes) -> None:
        """Add whole records. On an error nothing of them stays.

        Raises:
            OSError: the disk is full or broken.
        """
        try:
            written = os.write(self._file, data)
            if written != len(data):
                raise OSError(28, "No space left on device")
        except OSError:
            os.ftruncate(self._file, self.size)
            raise
        self.size += written

    def sync(self) -> None:
        """Put on the medium what was appended."""
        getattr(os, "fdatasync", os.fsync)(self._file)

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
