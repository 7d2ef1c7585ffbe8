"""Putting what a file holds into the local history, and giving series out as files."""

import csv
import io
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ...bus.contracts.market import timeframe_ms, timeframe_phase_ms
from ...configs import files
from ...configs.errors import SettingsError, UsageError
from .columns import NAMES, Columns
from .files import cut
from .incoming import CANDLES, TRADES, Incoming, Trades, read, trades_to_candles
from .library import Library, SeriesName, merged
from .parquet import writer
from .resample import resample
from .store import rewrite
from .text import decimal_text


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one file. `differ`: candles that the history had otherwise; the history's stay."""

    file: str
    kind: str
    series: str
    rows: int
    added: int = 0
    differ: int = 0
    missing: int = 0


def take_in(library: Library, path: Path, exchange: str, symbol: str, timeframe: str) -> Imported:
    """Import one file.

    Args:
        symbol: "" takes what the file's name tells.
        timeframe: of the candles that trades are made into; "" keeps trades as trades.

    Raises:
        SettingsError: the file cannot be used.
        UsageError: its market is not known, or somebody else writes the series.
    """
    found = read(path)
    market = symbol or found.symbol
    if not market:
        raise UsageError(f"{path} does not tell its market; say it with --symbol BTC/USDT.")
    if found.candles is not None:
        name = SeriesName(exchange, market, found.candles.timeframe)
        _on_grid(path, name.timeframe, found.candles.columns)
        added, differ = _join(library, name, found.candles.columns)
        return Imported(
            file=str(path),
            kind=CANDLES,
            series=str(name),
            rows=found.rows,
            added=added,
            differ=differ,
            missing=found.candles.missing,
        )
    if found.trades is not None and timeframe:
        name = SeriesName(exchange, market, timeframe)
        made = trades_to_candles(found.trades, timeframe)
        added, differ = _join(library, name, made)
        told = f"{name} (made of trades)"
        return Imported(file=str(path), kind=TRADES, series=told, rows=found.rows, added=added, differ=differ)
    return _keep(library, path, exchange, market, found)


def export(library: Library, name: SeriesName, path: Path, from_ms: int, to_ms: int, timeframe: str) -> int:
    """Write a series, or longer candles made of it, as .parquet or .csv; how many candles.

    Raises:
        UsageError: there is no such series, or the file's kind is not known.
        SettingsError: the longer timeframe is no multiple, or there is no candle in the range.
    """
    columns = library.read(name)
    if timeframe and timeframe != name.timeframe:
        columns = resample(columns, name.timeframe, timeframe)
    columns = cut(columns, from_ms, to_ms)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        times = np.asarray(columns.open_ms).astype("datetime64[ms]")
        writer.write(path, {"timestamp": times, **{name: getattr(columns, name) for name in NAMES}})
    elif path.suffix == ".csv":
        files.replace(path, _csv(columns), mode=0o644)
    else:
        raise UsageError(f"{path}: the name must end with .parquet or .csv.")
    return len(columns)


def _on_grid(path: Path, timeframe: str, columns: Columns) -> None:
    """Candles begin at whole multiples of their length in UTC; those of another timezone may not."""
    off = (np.asarray(columns.open_ms) - timeframe_phase_ms(timeframe)) % timeframe_ms(timeframe)
    if off.any():
        row = int(np.argmax(off != 0)) + 1
        minutes = int(off[row - 1]) / 60_000
        raise SettingsError(
            f"{path}, row {row}: a candle of {timeframe} opens {minutes:g} minutes after the whole; "
            "are its times of another timezone? Write them in UTC."
        )


def _join(library: Library, name: SeriesName, columns: Columns) -> tuple[int, int]:
    with library.writing(name) as store:
        whole, added, differ = merged(store.columns(), columns)
        if added:
            rewrite(library.folder(name), name.timeframe, whole)
    return added, differ


def _keep(library: Library, path: Path, exchange: str, market: str, found: Incoming) -> Imported:
    """Trades, funding rates and recordings lie as files beside the candles of their market."""
    folder = library.folder(SeriesName(exchange, market, "1m")).parent / found.kind
    folder.mkdir(parents=True, exist_ok=True)
    if found.trades is not None:
        target = folder / f"{path.name.split('.')[0]}.parquet"
        writer.write(target, _trade_columns(found.trades))
    elif found.funding is not None:
        target = folder / f"{path.name.split('.')[0]}.parquet"
        times = found.funding.ts_ms.astype("datetime64[ms]")
        writer.write(target, {"timestamp": times, "funding_rate": found.funding.rate})
    else:
        target = folder / path.name
        files.replace(target, path.read_bytes(), mode=0o644)
    told = f"{exchange} {market} {found.kind}"
    return Imported(file=str(path), kind=found.kind, series=told, rows=found.rows, added=found.rows)


def _trade_columns(trades: Trades) -> dict[str, Any]:
    return {
        "timestamp": trades.ts_ms.astype("datetime64[ms]"),
        "price": trades.price,
        "amount": trades.amount,
        "side": np.array(trades.side, dtype=object),
    }


def _csv(columns: Columns) -> bytes:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("timestamp", *NAMES))
    parts = [getattr(columns, name).tolist() for name in NAMES]
    for open_ms, *prices in zip(columns.open_ms.tolist(), *parts, strict=True):
        rows.writerow((open_ms, *(decimal_text(price) for price in prices)))
    return text.getvalue().encode()
