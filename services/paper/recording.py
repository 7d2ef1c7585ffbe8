"""Recorded candles: the bundled ones, packed, and candle files of the user's.

The packed form is one JSON line (names, scales, counts) and then LZMA of the columns. A column is the
differences from a guess that is mostly right (the open is the last close, ...), as 64-bit numbers split into
byte planes. The number of decimals of each source text is kept too, so the texts come back as they were.
`build/pack_prices.py` makes it.
"""

import json
import lzma
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources

from . import units

COLUMNS = ("open", "high", "low", "close", "volume", "quote_volume")
STEP_MS = 3_600_000
BUNDLED = "coinbase-btcusd-1h.prices"
BUNDLED_NOTE = "recorded: hourly Coinbase BTC/USD candles of 2017-07 to 2019-10"
_SOURCE_SCALE = 5
_SOURCE_UNIT = 100_000


@dataclass(frozen=True, slots=True)
class Bar:
    """One recorded candle, in units of 1e-8. `time_ms` is when it was recorded."""

    time_ms: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    quote_volume: int


class Recording:
    """A run of recorded candles without a gap in its numbering.

    Args:
        columns: open, high, low, close, volume and quote volume, in units of 1e-8, oldest first.
        times_ms: open times, same length.
    """

    def __init__(self, columns: Sequence[Sequence[int]], times_ms: Sequence[int], note: str) -> None:
        self._columns = tuple(columns)
        self._times = times_ms
        self.note = note

    def __len__(self) -> int:
        return len(self._times)

    def __getitem__(self, index: int) -> Bar:
        """The bar of a number that counts on over the end: after the last comes the first again."""
        index %= len(self._times)
        return Bar(self._times[index], *(column[index] for column in self._columns))


def bundled() -> Recording:
    """The prices that come with the program."""
    packed = resources.files(__package__).joinpath("prices", BUNDLED).read_bytes()
    columns, _, times = unpack(packed)
    factor = units.UNIT // _SOURCE_UNIT
    return Recording([array("q", (v * factor for v in c)) for c in columns], times, BUNDLED_NOTE)


def texts(packed: bytes) -> list[tuple[str, ...]]:
    """The source's own decimal texts, one tuple of COLUMNS a row."""
    columns, decimals, _ = unpack(packed)
    pairs = zip(columns, decimals, strict=True)
    written = [[_text(value, digits) for value, digits in zip(*pair, strict=True)] for pair in pairs]
    return list(zip(*written, strict=True))


def _text(value: int, decimals: int) -> str:
    whole, fraction = divmod(value, _SOURCE_UNIT)
    digits = f"{fraction:0{_SOURCE_SCALE}d}"[:decimals]
    return f"{whole}.{digits}" if decimals else str(whole)


def pack(rows: Sequence[Sequence[str]], first_ms: int, step_ms: int = STEP_MS) -> bytes:
    """Pack source texts (COLUMNS each, oldest first, evenly spaced in time)."""
    values = [[_scaled(row[i]) for row in rows] for i in range(len(COLUMNS))]
    decimals = [[len(row[i].partition(".")[2]) for row in rows] for i in range(len(COLUMNS))]
    planes = b"".join(_planes(array("q", column)) for column in _differences(values))
    counts = b"".join(bytes(column) for column in decimals)
    head = {"format": 1, "rows": len(rows), "first_ms": first_ms, "step_ms": step_ms, "scale": _SOURCE_SCALE}
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME}]
    return json.dumps(head).encode() + b"\n" + lzma.compress(planes + counts, filters=filters)


def unpack(packed: bytes) -> "tuple[list[array[int]], list[bytes], array[int]]":
    """Columns scaled by 1e5, decimals of each text, open times in ms."""
    line, _, body = packed.partition(b"\n")
    head = json.loads(line)
    rows, width = head["rows"], array("q").itemsize
    raw = lzma.decompress(body)
    size = rows * width
    differences = [_whole(raw[i * size : (i + 1) * size], rows) for i in range(len(COLUMNS))]
    counts = raw[len(COLUMNS) * size :]
    decimals = [counts[i * rows : (i + 1) * rows] for i in range(len(COLUMNS))]
    times = array("q", range(head["first_ms"], head["first_ms"] + rows * head["step_ms"], head["step_ms"]))
    return _restored(differences), decimals, times


def _scaled(text: str) -> int:
    whole, _, fraction = text.partition(".")
    return int(whole) * _SOURCE_UNIT + int(fraction.ljust(_SOURCE_SCALE, "0") or "0")


def _differences(values: Sequence[Sequence[int]]) -> list[list[int]]:
    opens, highs, lows, closes, volumes, quotes = values
    before = [0, *closes[:-1]]
    return [
        [o - b for o, b in zip(opens, before, strict=True)],
        [h - max(o, c) for h, o, c in zip(highs, opens, closes, strict=True)],
        [min(o, c) - low for low, o, c in zip(lows, opens, closes, strict=True)],
        [c - o for c, o in zip(closes, opens, strict=True)],
        list(volumes),
        [q - v * c // _SOURCE_UNIT for q, v, c in zip(quotes, volumes, closes, strict=True)],
    ]


def _restored(differences: Sequence[Iterable[int]]) -> "list[array[int]]":
    opens, highs, lows, closes, volumes, quotes = (array("q") for _ in COLUMNS)
    last = 0
    for d_open, d_high, d_low, d_close, volume, d_quote in zip(*differences, strict=True):
        open_ = last + d_open
        close = last = open_ + d_close
        opens.append(open_)
        highs.append(max(open_, close) + d_high)
        lows.append(min(open_, close) - d_low)
        closes.append(close)
        volumes.append(volume)
        quotes.append(d_quote + volume * close // _SOURCE_UNIT)
    return [opens, highs, lows, closes, volumes, quotes]


def _planes(numbers: "array[int]") -> bytes:
    raw = numbers.tobytes()
    return b"".join(raw[i :: numbers.itemsize] for i in range(numbers.itemsize))


def _whole(planes: bytes, rows: int) -> "array[int]":
    numbers = array("q", bytes(len(planes)))
    view = memoryview(numbers).cast("B")
    for i in range(numbers.itemsize):
        view[i :: numbers.itemsize] = planes[i * rows : (i + 1) * rows]
    return numbers
