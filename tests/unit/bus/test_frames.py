"""Frames: what is packed is read back, and what is not a frame is refused."""

import struct

import pytest
from cryptobot.bus import frames
from cryptobot.configs.errors import ProtocolError
from hypothesis import given
from hypothesis import strategies as st

NAMES = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=60)


@given(
    NAMES, NAMES, st.integers(0, 65535), st.integers(0, 65535), st.integers(0, 2**32 - 1),
    st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.binary(max_size=100), st.booleans(),
)  # fmt: skip
def test_an_envelope_is_read_as_it_was_packed(
    topic: str,
    source: str,
    schema: int,
    version: int,
    epoch: int,
    seq: int,
    ts_ns: int,
    payload: bytes,
    traced: bool,
) -> None:
    """Every field comes back, and the payload begins where the envelope says."""
    flags = frames.FLAG_TRACED if traced else 0
    trace = frames.correlation_bytes("cause") + frames.NO_ID if traced else b""
    head = frames.head(topic, source, schema, version, epoch, flags)
    found = frames.parse(head + frames.VARIABLE.pack(seq, ts_ns) + trace + payload)
    assert (found.topic, found.source, found.schema_id, found.schema_version) == (
        topic,
        source,
        schema,
        version,
    )
    assert (found.epoch, found.seq, found.ts_ns) == (epoch, seq, ts_ns)
    assert (head + frames.VARIABLE.pack(seq, ts_ns) + trace + payload)[found.payload_at :] == payload


@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_read_or_refused(data: bytes) -> None:
    """No bytes raise anything but ProtocolError."""
    for reader in (frames.parse, frames.parse_call):
        try:
            reader(data)
        except ProtocolError as error:
            assert str(error)


@pytest.mark.parametrize(
    ("at", "value", "text"),
    [(0, 9, "protocol version 9; this program reads version 1"), (1, 7, "codec 7")],
)
def test_another_version_is_refused_with_a_reason(at: int, value: int, text: str) -> None:
    """The error says which version came and which one is read."""
    head = bytearray(frames.head("a", "b", 1, 1, 1, 0))
    head[4 + at] = value
    with pytest.raises(ProtocolError, match=text):
        frames.parse(bytes(head) + bytes(16))


@pytest.mark.parametrize("name", ["", "a\0b", "x" * 256, "line\nbreak"])
def test_impossible_names_are_refused(name: str) -> None:
    """A topic or source is 1 to 255 bytes of printable text."""
    with pytest.raises(ProtocolError, match="cannot be a topic or source"):
        frames.head(name, "source", 1, 1, 1, 0)


def test_correlation_ids_are_hex_or_hashed() -> None:
    """32 hex digits stand for themselves, other text for its hash, nothing for nothing."""
    assert frames.correlation_bytes("0f" * 16) == b"\x0f" * 16
    assert frames.correlation_text(frames.correlation_bytes("0f" * 16)) == "0f" * 16
    assert frames.correlation_bytes("") == bytes(16)
    assert frames.correlation_text(bytes(16)) == ""
    assert frames.correlation_bytes("ema-cross:BTC") == frames.correlation_bytes("ema-cross:BTC") != bytes(16)
    assert len(frames.correlation_bytes("z" * 32)) == 16


def test_sizes_are_those_of_the_protocol() -> None:
    """docs/protocol.md: constant 12, variable 16, request header 36 bytes, little-endian."""
    assert (frames.CONSTANT.size, frames.VARIABLE.size, frames.REQUEST.size) == (12, 16, 36)
    assert frames.head("t", "s", 0x0102, 3, 4, 1) == b"t\0s\0" + struct.pack("<BBHHHI", 1, 1, 1, 0x0102, 3, 4)
