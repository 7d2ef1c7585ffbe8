"""Reading back what was written: outboxes for events, the journal for streams, by topic, number and time."""

import contextlib
import struct
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..configs.errors import ProtocolError
from ..configs.paths import Home
from . import frames, segments
from .contracts.bus import Replay, ReplayChunk
from .outbox import folder_of, is_table, table

CHUNK_MESSAGES = 4096
CHUNK_BYTES = 4 * 1024 * 1024
_CURSORS = 256
_HEADER = struct.Struct(frames.CONSTANT.format + frames.VARIABLE.format.removeprefix("<"))


@dataclass(frozen=True, slots=True)
class _Cursor:
    segment: Path
    offset: int


class Archive:
    """Answers `Replay`. Remembers where a replay stopped, so that the next chunk is not searched for."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._cursors: OrderedDict[tuple[str, str, bool, int, int], _Cursor] = OrderedDict()

    def replay(self, wish: Replay) -> ReplayChunk:
        """The next chunk of what was asked for."""
        folder = folder_of(self._home, wish.source)
        if wish.event and segments.paths(folder):
            begin = self._begin(wish) or _segment_of(folder, wish.topic, wish.first_seq)
        else:
            # A publisher on another machine has no outbox here: what reached the broker is journalled.
            folder = self._home.journal / "stream"
            begin = self._begin(wish) or _first_since(folder, wish.after_ns)
        return self._read(wish, folder, begin) if begin else ReplayChunk(frames=[], next_seq=wish.first_seq)

    def _begin(self, wish: Replay) -> _Cursor | None:
        return self._cursors.pop(_key(wish, wish.first_seq), None)

    def _read(self, wish: Replay, folder: Path, begin: _Cursor) -> ReplayChunk:
        found: list[bytes] = []
        size, expected = 0, wish.first_seq
        start = wish.topic.encode() + b"\0" + wish.source.encode() + b"\0"
        at, unpack = len(start), _HEADER.unpack_from
        for path, offset, body in _singles(folder, begin, start):
            _, _, flags, _, _, epoch, seq, ts_ns = unpack(body, at)
            if bool(flags & frames.FLAG_EVENT) != wish.event or (not wish.event and epoch != wish.epoch):
                continue
            if seq > wish.last_seq:
                return ReplayChunk(frames=found, next_seq=wish.last_seq + 1)
            if seq < expected:
                continue
            if ts_ns < wish.after_ns:
                expected = seq + 1
                continue
            if len(found) >= CHUNK_MESSAGES or size >= CHUNK_BYTES:
                self._remember(wish, expected, _Cursor(path, offset))
                break
            found.append(body)
            size += len(body)
            expected = seq + 1
        return ReplayChunk(frames=found, next_seq=expected)

    def _remember(self, wish: Replay, next_seq: int, cursor: _Cursor) -> None:
        self._cursors[_key(wish, next_seq)] = cursor
        if len(self._cursors) > _CURSORS:
            self._cursors.popitem(last=False)


def _key(wish: Replay, seq: int) -> tuple[str, str, bool, int, int]:
    return wish.source, wish.topic, wish.event, wish.epoch, seq


def _singles(folder: Path, begin: _Cursor, start: bytes) -> Iterator[tuple[Path, int, bytes]]:
    """The messages that begin so; of a batch each, at the place of the batch."""
    flags_at, least = len(start) + 2, len(start) + _HEADER.size
    for path in segments.paths(folder):
        if path.name < begin.segment.name:
            continue
        offset = begin.offset if path == begin.segment else len(segments.MAGIC)
        for at, body in segments.scan(_content(path, offset), 0):
            if not body.startswith(start) or len(body) < least:
                continue
            if not body[flags_at] & frames.FLAG_BATCH:
                yield path, offset + at, body
                continue
            with contextlib.suppress(ProtocolError):  # the journal keeps what it received
                for single in frames.singles(body):
                    yield path, offset + at, single


def _content(path: Path, offset: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read()
    except FileNotFoundError:
        return b""  # removed by retention meanwhile


def _segment_of(folder: Path, topic: str, seq: int) -> _Cursor | None:
    """The newest segment of an outbox that begins before a number of a topic."""
    existing = segments.paths(folder)
    for path in reversed(existing):
        head = next((body for _, body in segments.scan(_head_of(path))), None)
        if head is not None and is_table(head) and table(head).get(topic, 0) < seq:
            return _Cursor(path, len(segments.MAGIC))
    return _Cursor(existing[0], len(segments.MAGIC)) if existing else None


def _head_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(1_048_576)
    except FileNotFoundError:
        return b""


def _first_since(folder: Path, ts_ns: int) -> _Cursor | None:
    """The newest journal segment that begins not after a time: they are named by their first time."""
    existing = segments.paths(folder)
    if not existing:
        return None
    before = [path for path in existing if int(path.stem) <= ts_ns]
    return _Cursor(before[-1] if before else existing[0], len(segments.MAGIC))


def between(home: Home, from_ns: int, to_ns: int) -> Iterator[bytes]:
    """Every journalled frame that was sent between two times, in the journal's order."""
    folder = home.journal / "stream"
    begin = _first_since(folder, from_ns)
    if begin is None:
        return
    heads: dict[bytes, int] = {}
    for path in segments.paths(folder):
        if path.name < begin.segment.name:
            continue
        if int(path.stem) > to_ns + _LATE_NS:
            return
        for _, body in segments.scan(_content(path, begin.offset), 0):
            try:
                flags, ts_ns = _flags_and_time(body, heads)
                if not from_ns <= ts_ns <= to_ns:
                    continue
                if flags & frames.FLAG_BATCH:
                    yield from frames.singles(body)
                else:
                    yield body
            except (ProtocolError, ValueError, struct.error):
                continue  # the journal keeps what it received, malformed frames included


def _flags_and_time(body: bytes, heads: dict[bytes, int]) -> tuple[int, int]:
    """What a reader by time needs of a frame; what comes before the time is checked once a publisher."""
    at = body.index(0, body.index(0) + 1) + 1 + frames.CONSTANT.size
    head = body[:at]
    flags = heads.get(head)
    if flags is None:
        if len(heads) >= _HEADS:
            heads.clear()
        flags = heads[head] = frames.parse(body).flags
    if flags & frames.FLAG_TRACED and len(body) < at + frames.VARIABLE.size + frames.TRACE_BYTES:
        raise ProtocolError("A frame ends within its trace.")
    return flags, frames.VARIABLE.unpack_from(body, at)[1]


_HEADS = 10_000
_LATE_NS = 60_000_000_000
"""Messages are journalled in order of arrival; none arrives later than this."""
