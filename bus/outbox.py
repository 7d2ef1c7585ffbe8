"""What a publisher wrote ahead: every event-class frame of one source, before it is sent.

The numbers of a topic go on from life to life of a source, because they are read back from here: a consumer
sees a message that was written but never sent as a gap. Each segment begins with a table of the last
number of each topic before it, so old segments can be removed and a number can be found quickly.
"""

import contextlib
import logging
import threading
import time
from pathlib import Path

import msgspec

from ..configs.paths import Home
from . import frames, segments
from .epochs import file_name

SEGMENT_BYTES = 4 * 1024 * 1024
KEEP_SEGMENTS = 16
_SYNC_INTERVAL_S = 0.1
_TABLE = b"\0"
_log = logging.getLogger("cryptobot.bus")
_encode_table = msgspec.msgpack.Encoder().encode
_decode_table = msgspec.msgpack.Decoder(dict[str, int]).decode


def folder_of(home: Home, source: str) -> Path:
    """Where the outbox of a source lives."""
    return home.journal / "outbox" / file_name(source)


def is_table(body: bytes) -> bool:
    """Whether a record is the table at the head of a segment: frames never begin with NUL."""
    return body.startswith(_TABLE)


def table(body: bytes) -> dict[str, int]:
    """The last number of each topic before a segment."""
    return _decode_table(body[1:])


def last_numbers(data: bytes) -> dict[str, int]:
    """The last number of each topic at the end of a segment."""
    found: dict[str, int] = {}
    for _, body in segments.scan(data):
        if is_table(body):
            found.update(table(body))
        else:
            envelope = frames.parse(body)
            found[envelope.topic] = envelope.seq
    return found


def _restore(existing: list[Path]) -> tuple[dict[str, int], bool]:
    """The last number of each topic, and whether the newest segment has its table (a crash may cost it)."""
    found: dict[str, int] = {}
    complete = True
    for path in reversed(existing):
        data = path.read_bytes()
        found = {**last_numbers(data), **found}
        if any(is_table(body) for _, body in segments.scan(data)):
            return found, complete
        complete = False
    return found, False


class Outbox:
    """One source's outbox, open for writing by its only living process. Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._dirty = threading.Event()
        self._closed = threading.Event()
        existing = segments.paths(folder)
        number = int(existing[-1].stem, 16) if existing else 1
        self._number = number
        self._segment = segments.Segment(self._path(number))
        self.last, complete = _restore(segments.paths(folder))
        if not complete:
            self._write_table()
        self.unwritten = 0
        self._syncer = threading.Thread(target=self._sync, name="outbox-sync", daemon=True)
        self._syncer.start()

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:016x}{segments.SUFFIX}"

    def _write_table(self) -> None:
        self._segment.append(segments.record(_TABLE + _encode_table(self.last)))

    def append(self, topic: str, seq: int, frame: bytes) -> None:
        """Write a frame ahead of its sending.

        A full disk does not stop trading: the frame is sent without being written, counted and logged.
        """
        with self._lock:
            try:
                if self._segment.size >= SEGMENT_BYTES:
                    self._roll()
                self._segment.append(segments.record(frame))
            except OSError as error:
                self.unwritten += 1
                if self.unwritten % 1000 == 1:
                    _log.error("%s cannot be written: %s; events are sent unwritten", self._folder, error)
            self.last[topic] = seq
        self._dirty.set()

    def _roll(self) -> None:
        fresh = segments.Segment(self._path(self._number + 1))
        self._segment.close()
        self._segment, self._number = fresh, self._number + 1
        self._write_table()
        for old in segments.paths(self._folder)[:-KEEP_SEGMENTS]:
            with contextlib.suppress(OSError):  # a reader has it open (Windows): the next roll removes it
                old.unlink(missing_ok=True)

    def _sync(self) -> None:
        while not self._closed.is_set():
            self._dirty.wait()
            self._dirty.clear()
            with self._lock:
                if self._closed.is_set():
                    return
                segment = self._segment
            try:
                segment.sync()
            except OSError:
                continue  # the segment was rolled and closed meanwhile, or the disk is broken: `append` tells
            time.sleep(_SYNC_INTERVAL_S)

    def close(self) -> None:
        with self._lock:
            if self._closed.is_set():
                return
            self._closed.set()
        self._dirty.set()
        self._syncer.join()
        self._segment.close()
