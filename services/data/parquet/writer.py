"""Writing columns as a Parquet file: one row group, plain encoding, zstd; readable by every Parquet reader.

https://parquet.apache.org/docs/file-format/ and, for the metadata, Thrift's compact protocol (thrift.py).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ....configs import files

_MAGIC = b"PAR1"
_INT64, _DOUBLE, _BYTE_ARRAY = 2, 5, 6
_ZSTD, _PLAIN, _REQUIRED = 6, 0, 0
_I32, _I64, _BINARY, _LIST, _STRUCT, _TRUE = 5, 6, 8, 9, 12, 1
_ROWS_A_PAGE = 1_000_000

Field = tuple[int, int, Any]
"""(number, kind, value) of a Thrift struct; a list's value is (kind of its items, items)."""


def write(path: Path, columns: Mapping[str, Any]) -> None:
    """Write columns of one length: int64 and float64, datetime64[ms] as UTC timestamps, and text.

    The file is there whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    body = bytearray(_MAGIC)
    chunks = [_chunk(body, name, np.asarray(values)) for name, values in columns.items()]
    rows = len(next(iter(columns.values()))) if columns else 0
    size = sum(len(one) for one in columns.values()) * 8
    schema = [_struct([(4, _BINARY, b"schema"), (5, _I32, len(columns))])]
    schema += [_element(name, np.asarray(values)) for name, values in columns.items()]
    group = _struct([(1, _LIST, (_STRUCT, chunks)), (2, _I64, size), (3, _I64, rows)])
    meta = _struct(
        [
            (1, _I32, 2),
            (2, _LIST, (_STRUCT, schema)),
            (3, _I64, rows),
            (4, _LIST, (_STRUCT, [group])),
            (6, _BINARY, b"cryptobot"),
        ]
    )
    body += meta + len(meta).to_bytes(4, "little") + _MAGIC
    files.replace(path, bytes(body))


def _chunk(body: bytearray, name: str, values: Any) -> bytes:
    """Append a column's pages; return its metadata."""
    import cramjam

    start, whole = len(body), 0
    for at in range(0, max(1, len(values)), _ROWS_A_PAGE):
        part = values[at : at + _ROWS_A_PAGE]
        plain = _plain(part)
        packed = bytes(cramjam.zstd.compress(plain, level=3))
        levels = [(1, _I32, len(part)), (2, _I32, _PLAIN), (3, _I32, 3), (4, _I32, 3)]
        head = _struct(
            [(1, _I32, 0), (2, _I32, len(plain)), (3, _I32, len(packed)), (5, _STRUCT, _struct(levels))]
        )
        body += head + packed
        whole += len(head) + len(plain)
    meta = _struct(
        [
            (1, _I32, _physical(values)),
            (2, _LIST, (_I32, [_PLAIN])),
            (3, _LIST, (_BINARY, [name.encode()])),
            (4, _I32, _ZSTD),
            (5, _I64, len(values)),
            (6, _I64, whole),
            (7, _I64, len(body) - start),
            (9, _I64, start),
        ]
    )
    return _struct([(2, _I64, start), (3, _STRUCT, meta)])


def _element(name: str, values: Any) -> bytes:
    fields: list[Field] = [(1, _I32, _physical(values)), (3, _I32, _REQUIRED), (4, _BINARY, name.encode())]
    if values.dtype.kind == "M":
        millis = _struct([(1, _STRUCT, _struct([]))])
        stamp = _struct([(1, _TRUE, None), (2, _STRUCT, millis)])
        fields += [(6, _I32, 9), (10, _STRUCT, _struct([(8, _STRUCT, stamp)]))]
    elif _physical(values) == _BYTE_ARRAY:
        fields += [(6, _I32, 0), (10, _STRUCT, _struct([(1, _STRUCT, _struct([]))]))]
    return _struct(fields)


def _physical(values: Any) -> int:
    return {"M": _INT64, "i": _INT64, "f": _DOUBLE}.get(values.dtype.kind, _BYTE_ARRAY)


def _plain(values: Any) -> bytes:
    kind = values.dtype.kind
    if kind == "M":
        return bytes(values.astype("datetime64[ms]").astype("<i8").tobytes())
    if kind in "if":
        return bytes(values.astype("<i8" if kind == "i" else "<f8").tobytes())
    texts = [str(text).encode() for text in values.tolist()]
    return b"".join(len(text).to_bytes(4, "little") + text for text in texts)


def _struct(fields: list[Field]) -> bytes:
    made, last = bytearray(), 0
    for number, kind, value in fields:
        made.append((number - last) << 4 | kind)
        last = number
        if kind == _LIST:
            item, items = value
            made += (
                bytes([len(items) << 4 | item])
                if len(items) < 15
                else bytes([0xF0 | item]) + _varint(len(items))
            )
            for one in items:
                made += _value(item, one)
        elif kind != _TRUE:
            made += _value(kind, value)
    return bytes(made) + b"\0"


def _value(kind: int, value: Any) -> bytes:
    if kind in (_I32, _I64):
        return _varint((value << 1) ^ (value >> 63))
    if kind == _BINARY:
        return _varint(len(value)) + bytes(value)
    return bytes(value)


def _varint(number: int) -> bytes:
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    made.append(number)
    return bytes(made)
