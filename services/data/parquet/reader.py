"""Columns of a Parquet file as numpy arrays."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .encodings import (
    BYTE_ARRAY,
    DTYPES,
    Values,
    byte_stream_split,
    delta_binary_packed,
    hybrid,
    plain,
)
from .thrift import Reader

_MAGIC = b"PAR1"
_UNCOMPRESSED = 0
_CODECS = {1: "snappy", 2: "gzip", 4: "brotli", 6: "zstd", 7: "lz4"}
_PLAIN, _DICTIONARIES, _DELTA, _SPLIT = 0, (2, 8), 5, 9
_OPTIONAL, _REPEATED = 1, 2
_DATA, _DICTIONARY, _DATA_2 = 0, 2, 3
_UNITS = {1: 1_000_000, 2: 1_000, 3: 1}
_CONVERTED_UNITS = {9: 1_000_000, 10: 1_000}


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A column of the schema. `unit_ns` is a timestamp's unit, 0 for other columns; `days`: it counts
    days.
    """

    name: str
    physical: int
    optional: bool
    unit_ns: int
    days: bool


class ParquetFile:
    """A file that is read whole.

    Raises:
        ValueError: it is no Parquet file, it is damaged, or it holds what is not read here; in one sentence.
        OSError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._data = path.read_bytes()
        if len(self._data) < 12 or self._data[:4] != _MAGIC or self._data[-4:] != _MAGIC:
            raise ValueError("it is no Parquet file, or its end is missing")
        size = int.from_bytes(self._data[-8:-4], "little")
        if size > len(self._data) - 12:
            raise ValueError("its metadata are damaged")
        with _told_as_damage():
            self._meta = Reader(self._data[-8 - size : -8]).struct()
            self._leaves = {leaf.name: leaf for leaf in _leaves(self._meta[2])}

    @property
    def names(self) -> list[str]:
        """Columns that can be read."""
        return list(self._leaves)

    def column(self, name: str) -> Values:
        """One column whole: numbers, str, or datetime64 for timestamps and days; missing numbers are NaN.

        Raises:
            KeyError: there is no such column.
        """
        leaf = self._leaves[name]
        with _told_as_damage():
            parts = [part for group in self._meta[4] for part in self._chunk(group, leaf)]
            values = np.concatenate(parts) if parts else np.empty(0)
        if leaf.unit_ns:
            return _times(values, leaf.unit_ns)
        return values.astype("datetime64[D]") if leaf.days else values

    def _chunk(self, group: dict[int, Any], leaf: _Leaf) -> Iterator[Values]:
        for chunk in group[1]:
            meta = chunk[3]
            if [part.decode() for part in meta[3]] == [leaf.name]:
                yield from self._pages(meta, leaf)

    def _pages(self, meta: dict[int, Any], leaf: _Leaf) -> Iterator[Values]:
        dictionary: Values | None = None
        at = min(meta[9], meta.get(11) or meta[9])
        left = meta[5]
        while left > 0:
            reader = Reader(self._data, at)
            head = reader.struct()
            at = reader.at + head[3]
            if at < reader.at:
                raise ValueError("a page is damaged")
            body = self._data[reader.at : at]
            if head[1] == _DICTIONARY:
                dictionary = plain(_decompress(body, meta[4], head[2]), leaf.physical, head[7][1])
            elif head[1] in (_DATA, _DATA_2):
                page = _Page(head, body, meta[4], leaf)
                if page.count <= 0:
                    raise ValueError("a page is damaged")
                yield page.values(dictionary)
                left -= page.count


class _Page:
    """One page of data, of either version of the format."""

    def __init__(self, head: dict[int, Any], body: bytes, codec: int, leaf: _Leaf) -> None:
        self._leaf = leaf
        if head[1] == _DATA:
            self.count, self._encoding = head[5][1], head[5][2]
            self._body = _decompress(body, codec, head[2])
            self._levels = self._cut_levels() if leaf.optional else None
        else:
            fields = head[8]
            self.count, self._encoding = fields[1], fields[4]
            levels, nested = fields[5], fields[6]
            packed = body[levels + nested :]
            whole = head[2] - levels - nested
            self._body = _decompress(packed, codec if fields.get(7, True) else _UNCOMPRESSED, whole)
            self._levels = hybrid(body[nested:], 0, 1, self.count) if leaf.optional else None

    def _cut_levels(self) -> Values:
        size = int.from_bytes(self._body[:4], "little")
        levels = hybrid(self._body[4 : 4 + size], 0, 1, self.count)
        self._body = self._body[4 + size :]
        return levels

    def values(self, dictionary: Values | None) -> Values:
        """The page's values, missing ones put in as NaN (None for text)."""
        count = self.count if self._levels is None else int(self._levels.sum())
        values = self._decode(count, dictionary)
        if self._levels is None or count == self.count:
            return values
        if values.dtype == object:
            holes: Values = np.full(self.count, None, dtype=object)
        else:
            holes = np.full(self.count, np.nan)
        holes[self._levels == 1] = values
        return holes

    def _decode(self, count: int, dictionary: Values | None) -> Values:
        physical = self._leaf.physical
        if self._encoding == _PLAIN:
            return plain(self._body, physical, count)
        if self._encoding in _DICTIONARIES and dictionary is not None:
            if not count:
                return dictionary[:0]
            places = hybrid(self._body, 1, self._body[0], count)
            if len(places) and int(places.max()) >= len(dictionary):
                raise ValueError("a page is damaged")
            return dictionary[places]
        if self._encoding == _DELTA and physical in (1, 2):
            return delta_binary_packed(self._body, count)
        if self._encoding == _SPLIT and physical in DTYPES:
            return byte_stream_split(self._body, physical, count)
        raise ValueError(f"column {self._leaf.name} has encoding {self._encoding}, which is not read here")


@contextmanager
def _told_as_damage() -> Iterator[None]:
    """Metadata come from a file: a field that is missing or of another kind is damage, whatever Python
    says of it.
    """
    import cramjam

    try:
        yield
    except (LookupError, TypeError, AttributeError, OverflowError, MemoryError, RuntimeError) as error:
        raise ValueError("its metadata are damaged") from error
    except cramjam.DecompressionError as error:
        raise ValueError("a page is damaged") from error


def _decompress(data: bytes, codec: int, size: int) -> bytes:
    if codec == _UNCOMPRESSED:
        return data
    import cramjam

    name = _CODECS.get(codec)
    if name is None:
        raise ValueError(f"it is compressed with method {codec}, which is not read here")
    if name == "snappy":
        made = bytes(cramjam.snappy.decompress_raw(data))
    elif name == "lz4":
        made = bytes(cramjam.lz4.decompress_block(data, output_len=size))
    else:
        made = bytes(getattr(cramjam, name).decompress(data))
    if len(made) != size:
        raise ValueError("a page is damaged")
    return made


def _leaves(schema: Iterable[dict[int, Any]]) -> Iterator[_Leaf]:
    """Columns of the top level that hold one number, text or time a row; others are left out."""
    skip = 0
    for place, element in enumerate(schema):
        children = element.get(5, 0)
        if place == 0:
            continue
        if skip or children:
            skip = max(0, skip - 1) + children
            continue
        physical = element.get(1, -1)
        if physical not in (*DTYPES, BYTE_ARRAY) or element.get(3) == _REPEATED:
            continue
        yield _Leaf(
            element[4].decode(),
            physical,
            element.get(3) == _OPTIONAL,
            _unit_ns(element),
            element.get(6) == 6 or 6 in element.get(10, {}),
        )


def _unit_ns(element: dict[int, Any]) -> int:
    stamp = element.get(10, {}).get(8)
    if stamp is not None:
        return _UNITS[min(stamp[2])]
    return _CONVERTED_UNITS.get(element.get(6, -1), 0)


def _times(values: Values, unit_ns: int) -> Values:
    """Timestamps as datetime64 in their own unit, which keeps any date."""
    unit = {1_000_000: "ms", 1_000: "us", 1: "ns"}[unit_ns]
    if values.dtype.kind == "f":
        raise ValueError("a time is missing")
    return values.astype(f"datetime64[{unit}]")
