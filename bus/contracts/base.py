"""What every message is, and the table of all of them.

A message class is a frozen msgspec Struct with an explicit number and version. Numbers never change and
are never used twice; new optional fields may be added, nothing else (docs/protocol.md, "Evolution").
"""

from collections.abc import Callable
from enum import Enum
from typing import Any, ClassVar, TypeVar

import msgspec

M = TypeVar("M", bound="Message")


class Delivery(Enum):
    """What the bus promises for a message.

    STREAM: at most once, gaps are detected and told. EVENT: written ahead by the publisher, at least once
    on the wire, duplicates dropped by (source, epoch, seq). REQUEST and REPLY travel between two processes.
    """

    STREAM = "stream"
    EVENT = "event"
    REQUEST = "request"
    REPLY = "reply"


class Message(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Base of all messages. Encoded as a msgpack map; unknown keys are ignored when decoding."""

    SCHEMA_ID: ClassVar[int] = 0
    SCHEMA_VERSION: ClassVar[int] = 0
    DELIVERY: ClassVar[Delivery] = Delivery.STREAM
    REPLY: ClassVar[type["Message"] | None] = None
    PERMISSION: ClassVar[str] = ""


SCHEMAS: dict[int, type[Message]] = {}


def message(
    schema_id: int, *, version: int = 1, delivery: Delivery = Delivery.STREAM
) -> Callable[[type[M]], type[M]]:
    """Register a message class under its number.

    Raises:
        ValueError: the number is taken. Two messages with one number would be read as each other.
    """

    def register(cls: type[M]) -> type[M]:
        taken = SCHEMAS.get(schema_id)
        if taken is not None and taken.__qualname__ != cls.__qualname__:
            raise ValueError(f"schema id {schema_id:#06x} is used by {taken.__name__} and {cls.__name__}")
        cls.SCHEMA_ID, cls.SCHEMA_VERSION, cls.DELIVERY = schema_id, version, delivery
        SCHEMAS[schema_id] = cls
        return cls

    return register


def request(
    schema_id: int, *, reply: type[Message], permission: str, version: int = 1
) -> Callable[[type[M]], type[M]]:
    """Register a request class with the class of its answer and the permission a caller needs.

    Args:
        permission: name of the permission that a *person* needs to cause this request through the
            dashboard or the API; "" when services alone send it.
    """
    register = message(schema_id, version=version, delivery=Delivery.REQUEST)

    def decorate(cls: type[M]) -> type[M]:
        target: Any = register(cls)
        target.REPLY, target.PERMISSION = reply, permission
        return cls

    return decorate


@message(0x0001, delivery=Delivery.REPLY)
class ErrorReply(Message, frozen=True, kw_only=True, gc=False):
    """The answer to a request that failed; the caller's `request` raises RequestFailedError from it."""

    code: str
    message: str


@message(0x0002, delivery=Delivery.REPLY)
class Done(Message, frozen=True, kw_only=True, gc=False):
    """The answer of a request that returns nothing but a sentence."""

    message: str = ""
