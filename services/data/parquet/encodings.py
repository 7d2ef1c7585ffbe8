"""How values lie in a page: https://parquet.apache.org/docs/file-format/data-pages/encodings/"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[Any]

DTYPES: dict[int, np.dtype[Any]] = {
    1: np.dtype("<i4"),
    2: np.dtype("<i8"),
    4: np.dtype("<f4"),
    5: np.dtype("<f8"),
}
"""Physical types of Parquet that are plain numbers."""

BYTE_ARRAY = 6


def plain(data: bytes, physical: int, count: int) -> Values:
    """Values one after the other; byte arrays become an array of str."""
    if physical == BYTE_ARRAY:
        return _texts(data, count)
    dtype = DTYPES[physical]
    _need(len(data) >= count * dtype.itemsize)
    return np.frombuffer(data, dtype, count)


def _texts(data: bytes, count: int) -> Values:
    texts, at = [], 0
    for _ in range(count):
        size = int.from_bytes(data[at : at + 4], "little")
        _need(at + 4 + size <= len(data))
        texts.append(data[at + 4 : at + 4 + size].decode())
        at += 4 + size
    return np.array(texts, dtype=object)


def byte_stream_split(data: bytes, physical: int, count: int) -> Values:
    """First bytes of all values, then second bytes, and so on."""
    dtype = DTYPES[physical]
    _need(len(data) >= count * dtype.itemsize)
    rows = np.frombuffer(data, np.uint8, count * dtype.itemsize).reshape(dtype.itemsize, count)
    return np.ascontiguousarray(rows.T).view(dtype).ravel()


def hybrid(data: bytes, at: int, width: int, count: int) -> NDArray[np.int64]:
    """Runs of one value and bit-packed groups in turns, `width` bits a value."""
    values = np.zeros(count, np.int64)
    done = 0
    value_size = (width + 7) // 8
    while done < count:
        head, at = varint(data, at)
        if head & 1:
            groups = head >> 1
            _need(groups > 0 and at + groups * width <= len(data))
            unpacked = _unpack(data[at : at + groups * width], width, min(groups * 8, count - done))
            values[done : done + len(unpacked)] = unpacked
            done += groups * 8
            at += groups * width
        else:
            run = head >> 1
            _need(run > 0 and at + value_size <= len(data))
            values[done : done + run] = int.from_bytes(data[at : at + value_size], "little")
            done += run
            at += value_size
    return values


def delta_binary_packed(data: bytes, count: int) -> NDArray[np.int64]:
    """Differences, packed in blocks with a smallest difference and a width each."""
    block_size, at = varint(data, 0)
    miniblocks, at = varint(data, at)
    total, at = varint(data, at)
    first, at = _zigzag(data, at)
    _need(miniblocks > 0 and block_size % miniblocks == 0 and total >= count)
    each = block_size // miniblocks
    deltas = np.zeros(max(total - 1, 0), np.int64)
    done = 0
    while done < len(deltas):
        least, at = _zigzag(data, at)
        widths = data[at : at + miniblocks]
        _need(len(widths) == miniblocks)
        at += miniblocks
        for width in widths:
            if done >= len(deltas):
                break
            take = min(each, len(deltas) - done)
            size = each * width // 8
            _need(at + size <= len(data) and width <= 64)
            packed = _unpack(data[at : at + size], width, take)
            deltas[done : done + take] = packed + np.int64(least)
            at += size
            done += take
    return np.concatenate(([first], first + np.cumsum(deltas)))[:count].astype(np.int64)


def _unpack(data: bytes, width: int, count: int) -> NDArray[np.int64]:
    """`count` numbers of `width` bits, least significant bit first."""
    if width == 0:
        return np.zeros(count, np.int64)
    if width in (8, 16, 32, 64):
        return np.frombuffer(data, f"<u{width // 8}", count).astype(np.int64)
    bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")[: count * width]
    _need(len(bits) == count * width)
    weights = np.left_shift(np.int64(1), np.arange(width, dtype=np.int64))
    numbers: NDArray[np.int64] = bits.reshape(count, width).astype(np.int64) @ weights
    return numbers


def varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of 7-bit groups, and where it ends."""
    value = shift = 0
    while True:
        _need(at < len(data) and shift < 70)
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _zigzag(data: bytes, at: int) -> tuple[int, int]:
    value, at = varint(data, at)
    return (value >> 1) ^ -(value & 1), at


def _need(true: bool) -> None:
    if not true:
        raise ValueError("a page is damaged")
