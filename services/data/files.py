"""Candle files: Parquet, CSV (also zipped or gzipped, as data.binance.vision has them), freqtrade's JSON
and Feather.

A file is taken whole or refused with one sentence that says where and what to do. Nothing is repaired in
silence: only a file that is sorted newest first is turned round.
"""

import csv
import gzip
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...configs.errors import SettingsError
from .columns import NAMES, Columns
from .parquet.reader import ParquetFile
from .store import read_store

Table = dict[str, Any]
"""Columns by lower-case name, all of one length."""

TIME_NAMES = ("open_time", "timestamp", "ts", "time", "date", "datetime", "open time", "unix", "ts_ms")
_VISION = ("open_time", "open", "high", "low", "close", "volume")
_WANTED = frozenset({*NAMES, *TIME_NAMES})
_ZONE = re.compile(r"(Z|[+-]\d\d:?\d\d)$")
_UNITS = (("s", 1e8, 1000.0), ("ms", 1e11, 1.0), ("us", 1e14, 1e-3), ("ns", 1e17, 1e-6))
_SPANS = (("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000))
_NAMED = re.compile(
    r"^(?P<base>[A-Z0-9]{2,12})[-_]?(?P<quote>USDT|USDC|USD|EUR|BTC|ETH)(?![A-Z])"
    r"(?:[-_](?P<settle>USDT|USDC|USD|BTC|ETH)(?![A-Z0-9]))?"
)


@dataclass(frozen=True, slots=True)
class Series:
    """The candles of a file.

    Args:
        symbol: told by the file's name, else "" (nothing in a candle file says it).
        missing: candles absent between the first and the last.
    """

    symbol: str
    timeframe: str
    columns: Columns
    missing: int


def read_series(path: Path) -> Series:
    """The candles of a file, or of a folder of the local store, checked.

    Raises:
        SettingsError: the file cannot be used; the sentence says why, where, and what to do.
    """
    try:
        columns = read_store(path) if path.is_dir() else _columns(_table(path, _WANTED))
        if path.is_dir():
            _check(columns)
        step = _step(columns.open_ms)
    except OSError as error:
        raise SettingsError(f"{path} cannot be read ({error.strerror or error}).") from error
    except (ValueError, UnicodeDecodeError, zipfile.BadZipFile, EOFError) as error:
        raise SettingsError(f"{path} is no usable candle file: {str(error).rstrip('.')}.") from error
    spanned = int(columns.open_ms[-1] - columns.open_ms[0]) // step + 1
    return Series(symbol_of(path), timeframe_text(step), columns, spanned - len(columns))


def symbol_of(path: Path) -> str:
    """The market that a file's name tells: BTC-USDT_1m_2025.parquet, BTCUSDT-1h.zip; "" when it tells
    none.
    """
    name = (path.parent if path.is_dir() else path).name.removeprefix("spot-").removeprefix("klines-")
    found = _NAMED.match(name)
    if not found:
        return ""
    settle = found["settle"]
    return f"{found['base']}/{found['quote']}" + (f":{settle}" if settle else "")


def timeframe_text(step_ms: int) -> str:
    """60000 is "1m"."""
    for unit, length in _SPANS:
        if step_ms % length == 0:
            return f"{step_ms // length}{unit}"
    raise ValueError(f"candles {step_ms} ms apart are not supported; the shortest are 1s")


def cut(columns: Columns, from_ms: int | None, to_ms: int | None) -> Columns:
    """Candles that open at or after `from_ms` and before `to_ms`.

    Raises:
        SettingsError: there are none.
    """
    start = 0 if from_ms is None else int(np.searchsorted(columns.open_ms, from_ms))
    stop = len(columns) if to_ms is None else int(np.searchsorted(columns.open_ms, to_ms))
    if start >= stop:
        raise SettingsError(
            f"There are no candles in this range; the series holds {_iso(columns.open_ms[0])} "
            f"to {_iso(columns.open_ms[-1])}."
        )
    return columns.part(start, stop)


Headers = Callable[[list[str]], tuple[str, ...] | None]
"""The columns of a CSV file without a header, by its first row; None when it is not of that kind."""


def read_table(path: Path, headers: Headers | None = None) -> Table:
    """All columns of a file, by lower-case name, unchecked.

    Args:
        headers: for CSV files of other kinds than candles, which have no header.

    Raises:
        SettingsError: it cannot be read, or its kind is not known.
    """
    try:
        return _table(path, None, headers)
    except OSError as error:
        raise SettingsError(f"{path} cannot be read ({error.strerror or error}).") from error
    except (ValueError, UnicodeDecodeError, zipfile.BadZipFile, EOFError) as error:
        raise SettingsError(f"{path} cannot be read: {str(error).rstrip('.')}.") from error


def times_of(table: Table) -> NDArray[np.int64]:
    """The times of a table's rows in UTC milliseconds.

    Raises:
        ValueError: it has none, or they are no times.
    """
    name = next((name for name in TIME_NAMES if name in table), None)
    if name is None:
        raise ValueError(f"it has no time column; one of {', '.join(TIME_NAMES)} is needed")
    return _times(table[name])


def _table(path: Path, wanted: frozenset[str] | None, headers: Headers | None = None) -> Table:
    name = path.name.lower()
    if name.endswith((".parquet", ".pq")):
        file = ParquetFile(path)
        chosen = [column for column in file.names if wanted is None or column.lower() in wanted]
        return {column.lower(): file.column(column) for column in chosen}
    if name.endswith(".feather"):
        return _feather(path)
    data = path.read_bytes()
    if name.endswith(".gz"):
        data, name = gzip.decompress(data), name.removesuffix(".gz")
    elif name.endswith(".zip"):
        name, data = _unzip(data)
    if name.endswith(".json"):
        return _from_rows(json.loads(data))
    if name.endswith((".csv", ".txt")):
        return _from_csv(data.decode("utf-8-sig"), headers)
    raise ValueError(
        "its kind is not known; known are .parquet, .csv, .json, .feather, .zip and .gz of those"
    )


def _unzip(data: bytes) -> tuple[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [member for member in archive.namelist() if not member.endswith("/")]
        if len(members) != 1:
            raise ValueError(f"it must hold one file; it holds {len(members)}")
        return members[0].lower(), archive.read(members[0])


def _feather(path: Path) -> Table:
    try:
        import pyarrow.feather as feather
    except ImportError:
        raise ValueError(
            'Feather files need pyarrow: pip install "cryptobot[feather]", or convert the file to Parquet'
        ) from None
    table = feather.read_table(path)
    return {name.lower(): table[name].to_numpy() for name in table.column_names}


def _from_csv(text: str, headers: Headers | None) -> Table:
    rows = [row for row in csv.reader(io.StringIO(text)) if row]
    while rows and len(rows[0]) == 1 and len(rows) > 1 and len(rows[1]) > 1:
        rows.pop(0)  # a line of thanks above the header, as CryptoDataDownload has it
    if rows and not _is_number(rows[0][1] if len(rows[0]) > 1 else ""):
        header, body, first = [name.strip().lower() for name in rows[0]], rows[1:], 2
    else:
        told = headers(rows[0]) if headers is not None and rows else None
        header, body, first = list(told or _VISION), rows, 1
    for number, row in enumerate(body, first):
        if (len(row) < len(header) and header != list(_VISION)) or len(row) < 6:
            raise ValueError(f"row {number} has {len(row)} values, expected {max(6, len(header))}")
    return {name: [row[place].strip() for row in body] for place, name in enumerate(header)}


def _from_rows(rows: Any) -> Table:
    if not isinstance(rows, list) or not all(isinstance(row, list) and len(row) >= 6 for row in rows):
        raise ValueError("it must be a list of [time, open, high, low, close, volume]")
    return {name: [row[place] for row in rows] for place, name in enumerate(_VISION)}


def _columns(table: Table) -> Columns:
    time_name = next((name for name in TIME_NAMES if name in table), None)
    if time_name is None:
        raise ValueError(f"it has no time column; one of {', '.join(TIME_NAMES)} is needed")
    volume = (
        "volume" if "volume" in table else next((name for name in table if name.startswith("volume")), "")
    )
    lacking = [name for name in NAMES[:4] if name not in table] + ([] if volume else ["volume"])
    if lacking:
        raise ValueError(f"it lacks the column {lacking[0]}; it has {', '.join(table)}")
    times = _times(table[time_name])
    if not len(times):
        raise ValueError("it holds no candle")
    prices = {name: _numbers(table[volume if name == "volume" else name], name) for name in NAMES}
    if len(times) > 1 and bool((np.diff(times) < 0).all()):
        times, prices = times[::-1], {name: values[::-1] for name, values in prices.items()}
    columns = Columns(np.ascontiguousarray(times), *(np.ascontiguousarray(prices[name]) for name in NAMES))
    _check(columns)
    return columns


def _times(values: Any) -> NDArray[np.int64]:
    """Open times in UTC milliseconds, from datetimes, numbers of any usual unit, or ISO 8601 text."""
    array = np.asarray(values)
    if array.dtype.kind == "M":
        return array.astype("datetime64[ms]").astype(np.int64)
    if array.dtype.kind in "UO" and len(array) and not _is_number(str(array[0])):
        zoned = [_ZONE.search(str(text)) is not None for text in array]
        if any(zoned) != all(zoned):
            row = zoned.index(not zoned[0]) + 1
            raise ValueError(
                f"row {row}: some times have an offset from UTC, some have none; write all alike"
            )
        return np.array([_moment(str(text), row) for row, text in enumerate(array, 1)], np.int64)
    return _from_epoch(_numbers(values, "time"))


def _from_epoch(numbers: NDArray[np.float64]) -> NDArray[np.int64]:
    if not len(numbers):
        return np.empty(0, np.int64)
    units = {_unit(float(edge)) for edge in (numbers.min(), numbers.max())}
    if len(units) > 1:
        raise ValueError("its times mix units (seconds, milliseconds, …); write all of them in one")
    return np.round(numbers * units.pop()).astype(np.int64)


def _unit(number: float) -> float:
    for _, least, factor in reversed(_UNITS):
        if number >= least:
            return factor
    raise ValueError(f"its time {number:g} is no time since 1970 in s, ms, us or ns")


def _moment(text: str, row: int) -> int:
    parsers: Iterable[Callable[[str], datetime]] = (
        datetime.fromisoformat,
        lambda value: datetime.strptime(value, "%Y-%m-%d %I-%p"),  # noqa: DTZ007 - UTC is put in below
    )
    for parse in parsers:
        try:
            moment = parse(text)
        except ValueError:
            continue
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return int(moment.timestamp() * 1000)
    raise ValueError(f"row {row}: {text!r} is no time; write ISO 8601 or a number")


def _numbers(values: Any, name: str) -> NDArray[np.float64]:
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        row = next(row for row, value in enumerate(values, 1) if not _is_number(str(value)))
        raise ValueError(f"row {row}: {name} is {values[row - 1]!r}, not a number") from None
    wrong = ~np.isfinite(numbers)
    if wrong.any():
        raise ValueError(f"row {int(np.argmax(wrong)) + 1}: {name} is missing")
    return numbers


def _check(columns: Columns) -> None:
    steps = np.diff(columns.open_ms)
    if (steps == 0).any():
        row = int(np.argmax(steps == 0)) + 2
        raise ValueError(
            f"row {row}: a second candle of {_iso(columns.open_ms[row - 1])}; remove one of them"
        )
    if (steps < 0).any():
        row = int(np.argmax(steps < 0)) + 2
        raise ValueError(
            f"row {row}: {_iso(columns.open_ms[row - 1])} is earlier than the row before; sort by time"
        )
    highest = np.maximum(columns.open, columns.close)
    lowest = np.minimum(columns.open, columns.close)
    wrong = (columns.high < highest) | (columns.low > lowest) | (columns.low <= 0) | (columns.volume < 0)
    if wrong.any():
        row = int(np.argmax(wrong)) + 1
        raise ValueError(
            f"row {row} ({_iso(columns.open_ms[row - 1])}): low, open, close and high do not fit together, "
            "or a price or volume is not positive"
        )


def _step(times: NDArray[np.int64]) -> int:
    """Distance of candles: the commonest one, of which all others must be multiples."""
    if len(times) < 2:
        raise ValueError("it holds one candle; at least two are needed to tell their length")
    steps, counts = np.unique(np.diff(times), return_counts=True)
    step = int(steps[np.argmax(counts)])
    odd = np.diff(times) % step != 0
    if odd.any():
        row = int(np.argmax(odd)) + 2
        raise ValueError(
            f"row {row}: {_iso(times[row - 1])} does not lie on the grid of {step / 1000:g} s candles; "
            "one file holds one timeframe"
        )
    return step


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _iso(time_ms: Any) -> str:
    return datetime.fromtimestamp(int(time_ms) / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
