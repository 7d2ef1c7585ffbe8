"""Golden frames: one for each message, written once, and readable for ever without our code.

python tests/unit/bus/test_golden_frames.py     adds the frames of new messages, never changes an old one
"""

import json
import sys
import types
import typing
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import msgpack
import msgspec
import pytest
from cryptobot.bus import codec, contracts, frames
from cryptobot.bus.contracts.base import SCHEMAS, Delivery, Message

STORE = Path(__file__).with_name("golden_frames.json")
_SIMPLE: dict[Any, Any] = {
    str: "text",
    int: 7,
    float: 1.5,
    bool: True,
    bytes: b"\x00\xff",
    Decimal: Decimal("0.00010000"),
}


def schemas() -> list[type[Message]]:
    """Every message class of the product, by number."""
    for module in iter_modules(contracts.__path__):
        import_module(f"{contracts.__name__}.{module.name}")
    return [SCHEMAS[number] for number in sorted(SCHEMAS) if number < 0x7F00]


def example(schema: type[Any]) -> Any:
    """A message with every field filled."""
    return schema(**{field.name: _value(field.type) for field in msgspec.structs.fields(schema)})


def _value(kind: Any) -> Any:
    if kind in _SIMPLE:
        return _SIMPLE[kind]
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return _value(next(each for each in arguments if each is not type(None)))
    if origin is list:
        return [_value(arguments[0])]
    if origin is dict:
        return {_value(arguments[0]): _value(arguments[1])}
    if origin is tuple:
        return tuple(_value(each) for each in arguments if each is not Ellipsis)
    if origin is typing.Literal:
        return arguments[0]
    if origin is typing.Annotated:
        return _value(arguments[0])
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return example(kind)
    raise TypeError(f"No example for {kind}.")


def frame(schema: type[Message]) -> bytes:
    """The frame as it travels: published, or as request or reply."""
    payload = codec.encode(example(schema))
    if schema.DELIVERY in (Delivery.REQUEST, Delivery.REPLY):
        return frames.call(
            b"golden",
            schema.SCHEMA_ID,
            schema.SCHEMA_VERSION,
            1,
            1_700_000_000_000_000_001,
            bytes(range(16)),
            payload,
        )
    event = schema.DELIVERY is Delivery.EVENT
    flags = frames.FLAG_EVENT | frames.FLAG_TRACED if event else 0
    head = frames.head("golden.topic", "golden", schema.SCHEMA_ID, schema.SCHEMA_VERSION, 3, flags)
    trace = bytes(range(32)) if event else b""
    return head + frames.VARIABLE.pack(42, 1_700_000_000_000_000_001) + trace + payload


def name(schema: type[Message]) -> str:
    """The key of a message in the store."""
    return f"{schema.SCHEMA_ID:04x} {schema.__name__} v{schema.SCHEMA_VERSION}"


def golden() -> dict[str, str]:
    """The frames as they were first written, in hex."""
    found: dict[str, str] = json.loads(STORE.read_text()) if STORE.exists() else {}
    return found


def kept(schema: type[Message]) -> bytes:
    """The golden frame of a message."""
    store = golden()
    assert name(schema) in store, "a new message: run python tests/unit/bus/test_golden_frames.py"
    return bytes.fromhex(store[name(schema)])


def payload_of(schema: type[Message], data: bytes) -> bytes:
    """The payload, found as docs/protocol.md says."""
    if schema.DELIVERY in (Delivery.REQUEST, Delivery.REPLY):
        return data[data.index(0) + 1 + 36 :]
    topic_end = data.index(0)
    constant_at = data.index(0, topic_end + 1) + 1
    flags = int.from_bytes(data[constant_at + 2 : constant_at + 4], "little")
    return data[constant_at + 28 + (32 if flags & 2 else 0) :]


def holds(today: Any, then: Any) -> bool:
    """Whether everything of then is there, new optional fields beside it allowed."""
    if isinstance(then, dict):
        return all(key in today and holds(today[key], value) for key, value in then.items())
    if isinstance(then, list):
        return len(today) == len(then) and all(map(holds, today, then))
    return bool(today == then)


@pytest.mark.parametrize("schema", schemas(), ids=name)
def test_every_message_has_a_golden_frame_that_plain_msgpack_reads(schema: type[Message]) -> None:
    """The payload is a map whose keys are fields of the class, in any msgpack reader."""
    data = kept(schema)
    fields = msgpack.unpackb(payload_of(schema, data))
    assert set(fields) <= set(schema.__struct_fields__)
    required = {each.name for each in msgspec.structs.fields(schema) if each.required}
    assert required <= set(fields), "a field without a default was added: old frames can no longer be read"


@pytest.mark.parametrize("schema", schemas(), ids=name)
def test_golden_frames_are_still_read_and_written(schema: type[Message]) -> None:
    """The class of today reads the frame of then, and writes the same values under the same keys."""
    data = payload_of(schema, kept(schema))
    then = msgpack.unpackb(data)
    again = msgpack.unpackb(codec.encode(codec.decode(data, schema)))
    assert holds(again, then), f"{again} does not hold {then}"


def test_no_golden_frame_is_of_a_message_that_is_gone() -> None:
    """A message is not taken away while a release may still send it."""
    assert set(golden()) <= {name(schema) for schema in schemas()}


def main() -> int:
    """Add what is missing."""
    store = golden()
    for schema in schemas():
        store.setdefault(name(schema), frame(schema).hex())
    STORE.write_text(json.dumps(store, indent=1, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
