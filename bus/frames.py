"""Bytes on the wire (docs/protocol.md). Nothing here opens a socket.

A published message is one physical frame: `topic NUL source NUL constant variable [trace] payload`. Topic,
source and the constant part are packed once a publisher, and are the receiver's key for everything it
remembers about a publisher's topic: one slice, one dictionary look-up.
"""

import hashlib
import struct
from collections.abc import Iterator
from typing import NamedTuple

from ..configs.errors import ProtocolError

VERSION = 1
CODEC_MSGPACK = 1
FLAG_EVENT = 1
"""The message is of the event class."""
FLAG_CANCEL = 1
"""In a request: its caller no longer waits."""
FLAG_TRACED = 2
"""Correlation id and trace id, 16 bytes each, stand before the payload."""

FLAG_BATCH = 4
"""Several messages of one publisher: each a u32 length and its payload, numbered from the frame's on."""

CONSTANT = struct.Struct("<BBHHHI")
"""Protocol version, codec, flags, schema id, schema version, epoch."""
VARIABLE = struct.Struct("<QQ")
"""Sequence number, time of sending in nanoseconds since 1970."""
REQUEST = struct.Struct("<BBHHHIQ16s")
"""Protocol version, codec, flags, schema id, schema version, attempt, deadline in ns, request id."""
ITEM = struct.Struct("<I")
"""Before each message of a batch: its length."""
TRACE_BYTES = 32
MAX_FRAME_BYTES = 16 * 1024 * 1024
MAX_NAME_BYTES = 255
NO_ID = bytes(16)


class Envelope(NamedTuple):
    """Everything of a published frame but the payload, which begins at `payload_at`."""

    topic: str
    source: str
    schema_id: int
    schema_version: int
    flags: int
    epoch: int
    seq: int
    ts_ns: int
    correlation_id: str
    payload_at: int


class Call(NamedTuple):
    """Everything of a request or reply frame but the payload, which begins at `payload_at`."""

    source: str
    flags: int
    schema_id: int
    schema_version: int
    attempt: int
    deadline_ns: int
    id: bytes
    payload_at: int


def name_bytes(name: str) -> bytes:
    """A topic or source as it stands in a frame.

    Raises:
        ProtocolError: it is empty, longer than 255 bytes, or holds a control character.
    """
    encoded = name.encode()
    if not 0 < len(encoded) <= MAX_NAME_BYTES or not name.isprintable():
        raise ProtocolError(
            f"{name!r} cannot be a topic or source: 1 to {MAX_NAME_BYTES} printable characters are allowed."
        )
    return encoded


def head(topic: str, source: str, schema_id: int, schema_version: int, epoch: int, flags: int) -> bytes:
    """Everything before the variable part, packed once for each publisher."""
    constant = CONSTANT.pack(VERSION, CODEC_MSGPACK, flags, schema_id, schema_version, epoch)
    return name_bytes(topic) + b"\0" + name_bytes(source) + b"\0" + constant


def singles(frame: bytes) -> Iterator[bytes]:
    """The frame itself, or each message of a batch as a frame of its own.

    Raises:
        ProtocolError: it is no frame, or a batch that does not add up.
    """
    envelope = parse(frame)
    if not envelope.flags & FLAG_BATCH:
        yield frame
        return
    facts = (envelope.topic, envelope.source, envelope.schema_id, envelope.schema_version, envelope.epoch)
    start = head(*facts, envelope.flags & ~FLAG_BATCH)
    for number, payload in enumerate(items(frame, envelope.payload_at), envelope.seq):
        yield start + VARIABLE.pack(number, envelope.ts_ns) + payload


def items(frame: bytes, at: int) -> Iterator[bytes]:
    """The payloads of a batch whose first item begins at `at`.

    Raises:
        ProtocolError: it does not add up.
    """
    end, unpack = len(frame), ITEM.unpack_from
    while at < end:
        if at + 4 > end or at + 4 + (length := unpack(frame, at)[0]) > end:
            raise ProtocolError("A batch ends within a message.")
        yield frame[at + 4 : at + 4 + length]
        at += 4 + length


def correlation_bytes(correlation_id: str) -> bytes:
    """The 16 bytes of a correlation id: 32 hex digits as they are, any other text by its BLAKE2b hash."""
    if not correlation_id:
        return NO_ID
    if len(correlation_id) == 32:
        try:
            return bytes.fromhex(correlation_id)
        except ValueError:
            pass
    return hashlib.blake2b(correlation_id.encode(), digest_size=16).digest()


def correlation_text(raw: bytes) -> str:
    """32 hex digits, "" for the id that means none."""
    return "" if raw == NO_ID else raw.hex()


def parse(frame: bytes) -> Envelope:
    """Read the envelope of a published frame.

    Raises:
        ProtocolError: it does not follow docs/protocol.md; the text says how.
    """
    try:
        source_at = frame.index(0) + 1
        constant_at = frame.index(0, source_at) + 1
        version, codec, flags, schema_id, schema_version, epoch = CONSTANT.unpack_from(frame, constant_at)
        variable_at = constant_at + CONSTANT.size
        seq, ts_ns = VARIABLE.unpack_from(frame, variable_at)
        topic, source = frame[: source_at - 1].decode(), frame[source_at : constant_at - 1].decode()
    except (ValueError, struct.error) as error:
        raise ProtocolError(f"A frame of {len(frame)} bytes has no complete envelope ({error}).") from error
    check_version(version, codec)
    if not topic or not source:
        raise ProtocolError("A frame has an empty topic or source.")
    if flags & FLAG_BATCH and flags & (FLAG_EVENT | FLAG_TRACED):
        raise ProtocolError("A frame is a batch with a trace or of events, which no batch has.")
    payload_at = variable_at + VARIABLE.size
    correlation = ""
    if flags & FLAG_TRACED:
        correlation = correlation_text(frame[payload_at : payload_at + 16])
        payload_at += TRACE_BYTES
        if payload_at > len(frame):
            raise ProtocolError("A frame ends within its trace.")
    return Envelope(
        topic, source, schema_id, schema_version, flags, epoch, seq, ts_ns, correlation, payload_at
    )


def seq_of(frame: bytes) -> int:
    """The number of a published frame, without a look at the rest.

    Raises:
        ProtocolError: it ends before its number.
    """
    try:
        at = frame.index(0, frame.index(0) + 1) + 1 + CONSTANT.size
        return int(VARIABLE.unpack_from(frame, at)[0])
    except (ValueError, struct.error) as error:
        raise ProtocolError(f"A frame of {len(frame)} bytes has no complete envelope ({error}).") from error


def check_version(version: int, codec: int) -> None:
    """Raise ProtocolError unless this program reads such frames."""
    if version != VERSION:
        raise ProtocolError(f"A frame has protocol version {version}; this program reads version {VERSION}.")
    if codec != CODEC_MSGPACK:
        raise ProtocolError(f"A frame has codec {codec}; this program reads codec {CODEC_MSGPACK} (msgpack).")


def call(
    source: bytes,
    schema_id: int,
    schema_version: int,
    attempt: int,
    deadline_ns: int,
    call_id: bytes,
    payload: bytes,
    flags: int = 0,
) -> bytes:
    """The one frame of a request or of its reply."""
    header = REQUEST.pack(
        VERSION, CODEC_MSGPACK, flags, schema_id, schema_version, attempt, deadline_ns, call_id
    )
    return source + b"\0" + header + payload


def parse_call(frame: bytes) -> Call:
    """Read the envelope of a request or reply.

    Raises:
        ProtocolError: it does not follow docs/protocol.md; the text says how.
    """
    try:
        header_at = frame.index(0) + 1
        version, codec, flags, schema_id, schema_version, attempt, deadline_ns, call_id = REQUEST.unpack_from(
            frame, header_at
        )
        source = frame[: header_at - 1].decode()
    except (ValueError, struct.error) as error:
        raise ProtocolError(f"A request of {len(frame)} bytes has no complete envelope ({error}).") from error
    check_version(version, codec)
    if not source:
        raise ProtocolError("A request has no source.")
    payload_at = header_at + REQUEST.size
    return Call(source, flags, schema_id, schema_version, attempt, deadline_ns, call_id, payload_at)
