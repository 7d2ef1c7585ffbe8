"""Candle and trade files of the user's: CSV with a header, and Parquet where pyarrow is installed.

Columns: a time (`timestamp`, `open_time`, `time` or `date`: ms, s or ISO 8601), then `open`, `high`, `low`,
`close`, `volume`, or `price`, `amount`, `side` (the taker's). Rows are sorted by time; two candles of one
time are an error.
"""

import csv
from array import array
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from ...configs.errors import StartError
from . import units
from .recording import Recording
from .scripts import Trades

_TIMES = ("timestamp", "open_time", "time", "date", "datetime")
_PRICES = ("open", "high", "low", "close")
_SECONDS_END = 100_000_000_000
"""Numbers below are seconds, above milliseconds."""
_MICROSECONDS = 100_000_000_000_000


def read(path: Path) -> Recording | Trades:
    """The candles, or the trades, of a file.

    Raises:
        StartError: names file, row and what is wrong with it.
        OSError: the file cannot be opened.
    """
    rows = list(_parquet(path) if path.suffix in (".parquet", ".pq") else _csv(path))
    if not rows:
        raise StartError(f"The candle file {path} (paper.file) has no candles.")
    if "amount" in rows[0] and "price" in rows[0]:
        return _trades(path, rows)
    bars = sorted((_bar(path, number, row) for number, row in enumerate(rows, 1)))
    for before, after in pairwise(bars):
        if before[0] == after[0]:
            raise StartError(f"The candle file {path} (paper.file) has two candles of {_iso(after[0])}.")
    times, *columns = zip(*bars, strict=True)
    note = f"recorded: candles of {path.name}, {_iso(times[0])} to {_iso(times[-1])}"
    return Recording(columns, times, note)


def _trades(path: Path, rows: Sequence[Mapping[str, object]]) -> Trades:
    """Rows with `price`, `amount` and `side` (the taker's)."""
    found = []
    for number, row in enumerate(rows, 1):
        try:
            when = next(row[name] for name in _TIMES if row.get(name) is not None)
            seller = str(row.get("side", "sell")).lower() == "sell"
            line = (_time(when), _amount(row["price"]), _amount(row["amount"]), seller)
        except (StopIteration, ValueError, TypeError, KeyError) as error:
            raise _wrong(path, number, str(error) or "it has no time") from None
        if line[1] <= 0 or line[2] < 0:
            raise _wrong(path, number, "the price is not above zero, or the amount is negative")
        found.append(line)
    found.sort(key=lambda line: line[0])
    times, prices, amounts, sellers = zip(*found, strict=True)
    return Trades(array("q", times), array("q", prices), array("q", amounts), sellers)


def _csv(path: Path) -> Iterable[Mapping[str, object]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            yield {(name or "").strip().lower(): value for name, value in row.items()}


def _parquet(path: Path) -> Iterable[Mapping[str, object]]:
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise StartError(
            f"{path} (paper.file) is a Parquet file; install pyarrow, or give a CSV file instead."
        ) from None
    found: list[Mapping[str, object]] = parquet.read_table(path).to_pylist()
    return found


def _bar(path: Path, number: int, row: Mapping[str, object]) -> tuple[int, ...]:
    """(time, open, high, low, close, volume, quote volume) of one row."""
    try:
        time_ms = _time(next(row[name] for name in _TIMES if row.get(name) is not None))
        open_, high, low, close = (_amount(row[name]) for name in _PRICES)
        volume = _amount(row["volume"])
    except StopIteration:
        raise _wrong(path, number, f"it has none of the columns {', '.join(_TIMES)}") from None
    except KeyError as error:
        raise _wrong(path, number, f"it has no column {error.args[0]}") from None
    except (ValueError, TypeError) as error:
        raise _wrong(path, number, str(error)) from None
    if not 0 < low <= min(open_, close) <= max(open_, close) <= high or volume < 0:
        raise _wrong(path, number, "low, open, close and high are not in order, or the volume is negative")
    return time_ms, open_, high, low, close, volume, units.multiply(close, volume)


def _amount(value: object) -> int:
    """Units of a number; more than eight decimals are rounded."""
    if isinstance(value, str):
        try:
            return units.parse(value.strip())
        except units.PrecisionError:
            return round(float(value) * units.UNIT)
    if isinstance(value, int | float):
        return units.parse(f"{value:.8f}")
    raise ValueError(f"{value!r} is not a number")


def _time(value: object) -> int:
    if isinstance(value, datetime):
        return int((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp() * 1000)
    text = str(value).strip()
    try:
        number = int(float(text))
    except ValueError:
        return _time(datetime.fromisoformat(text))
    if number < _SECONDS_END:
        return number * 1000
    return number // 1000 if number > _MICROSECONDS else number


def _wrong(path: Path, number: int, reason: str) -> StartError:
    return StartError(f"The candle file {path} (paper.file) cannot be played: row {number}: {reason}.")


def _iso(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
