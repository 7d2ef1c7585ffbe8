"""Message classes to msgpack maps and back."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from ..configs.errors import ProtocolError
from .contracts.base import Message

M = TypeVar("M", bound=Message)

encode: Callable[[Message], bytes] = msgspec.msgpack.Encoder().encode
_decoders: dict[type[Message], Callable[[bytes], Any]] = {}
_decode_any = msgspec.msgpack.Decoder().decode


def decoder(schema: type[M]) -> Callable[[bytes], M]:
    """The function that reads payloads of one class; made once for each class.

    It raises msgspec.DecodeError (ValidationError included) on a payload that is not such a message.
    """
    found = _decoders.get(schema)
    if found is None:
        found = _decoders[schema] = msgspec.msgpack.Decoder(schema).decode
    return found


def decode(payload: bytes, schema: type[M]) -> M:
    """Read one payload.

    Raises:
        ProtocolError: it is not a message of this class; the text says which field is wrong.
    """
    try:
        return decoder(schema)(payload)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ProtocolError(f"A payload is not a {schema.__name__}: {error}.") from error


def decode_plain(payload: bytes) -> Any:
    """Read one payload without knowing its class: dicts, lists, text and numbers.

    Raises:
        ProtocolError: it is not msgpack.
    """
    try:
        return _decode_any(payload)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ProtocolError(f"A payload is not msgpack: {error}.") from error
