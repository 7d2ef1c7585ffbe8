"""Reading the journal back, whether or not the platform runs."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..configs.errors import ProtocolError
from ..configs.paths import Home
from . import archive, codec, conditions, frames, patterns, segments

_EVER_NS = 2**63 - 1
_COPY_BYTES = 1_048_576


def plain(frame: bytes) -> dict[str, Any]:
    """A published frame as data: topic, source, epoch, seq, ts_ns, correlation_id, schema_id, payload.

    Raises:
        ProtocolError: it is not a frame of this protocol.
    """
    envelope = frames.parse(frame)
    return {
        "topic": envelope.topic,
        "source": envelope.source,
        "epoch": envelope.epoch,
        "seq": envelope.seq,
        "ts_ns": envelope.ts_ns,
        "correlation_id": envelope.correlation_id,
        "schema_id": envelope.schema_id,
        "payload": codec.decode_plain(frame[envelope.payload_at :]),
    }


def replay(
    home: Home,
    pattern: str = "*",
    *,
    from_ns: int = 0,
    to_ns: int = _EVER_NS,
    where: str | None = None,
    correlation_id: str = "",
) -> Iterator[dict[str, Any]]:
    """The journalled messages that were sent between two times (ns since 1970), as `tail` gives them.

    Args:
        pattern: a topic, the start of one, or with `*` and `?` a pattern.
        where: a condition (bus/conditions.py).
        correlation_id: only messages with this cause; as with `publish`, any text may name one.

    Raises:
        UsageError: the condition cannot be read.
    """
    condition = conditions.parse(where) if where else None
    for frame in frames_between(home, pattern, from_ns, to_ns, correlation_id):
        try:
            message = plain(frame)
        except ProtocolError:
            continue  # a payload that was no msgpack when it passed
        if condition is None or condition(message):
            yield message


def frames_between(
    home: Home, pattern: str, from_ns: int, to_ns: int, correlation_id: str = ""
) -> Iterator[bytes]:
    """The journalled frames themselves."""
    matches = patterns.matcher(pattern)
    wanted = frames.correlation_text(frames.correlation_bytes(correlation_id))
    for frame in archive.between(home, from_ns, to_ns):
        envelope = frames.parse(frame)
        if matches(envelope.topic) and (not wanted or envelope.correlation_id == wanted):
            yield frame


def copy(home: Home, folder: Path, pattern: str = "*", *, from_ns: int = 0, to_ns: int = _EVER_NS) -> int:
    """Write the journalled frames of a time span as one segment into a folder; return how many.

    The file can be read like a journal of its own (docs/protocol.md, "Segments").
    """
    folder.mkdir(parents=True, exist_ok=True)
    segment = segments.Segment(folder / f"{time.time_ns():020d}{segments.SUFFIX}")
    waiting: list[bytes] = []
    number = size = 0
    try:
        for frame in frames_between(home, pattern, from_ns, to_ns):
            waiting.append(segments.record(frame))
            number, size = number + 1, size + len(frame)
            if size > _COPY_BYTES:
                segment.append(b"".join(waiting))
                waiting, size = [], 0
        segment.append(b"".join(waiting))
    finally:
        segment.close()
    return number
