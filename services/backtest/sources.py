"""What a run reads beside its own candles: further markets, trades, funding rates."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...configs.errors import SettingsError
from ..data.columns import Columns
from ..data.files import Series, read_series
from ..data.parquet.reader import ParquetFile
from ..data.resample import resample
from ..strategy.feeds import FeedKey

_TIMES = ("timestamp", "ts_ms", "ts", "time", "date", "funding_time", "calc_time")
_LARGEST_RATE = 0.5
_RATES = ("funding_rate", "fundingrate", "rate", "open", "last_funding_rate")


def further(
    wanted: Iterable[FeedKey], own: FeedKey, candles: Columns, given: Mapping[str, Series]
) -> dict[FeedKey, Columns]:
    """The candles of the further series that a strategy declares.

    Args:
        given: series by market, as read from files; longer timeframes are made from shorter ones.

    Raises:
        SettingsError: a market is not given, or its candles are too long.
    """
    found: dict[FeedKey, Columns] = {}
    for key in wanted:
        if key.symbol in given:
            source, timeframe = given[key.symbol].columns, given[key.symbol].timeframe
        elif key.symbol == own.symbol:
            source, timeframe = candles, own.timeframe
        else:
            raise SettingsError(
                f"The strategy reads {key.symbol} too; give its candles with --also {key.symbol}=FILE."
            )
        try:
            found[key] = source if timeframe == key.timeframe else resample(source, timeframe, key.timeframe)
        except SettingsError as error:
            raise SettingsError(f"The strategy reads {key.symbol} {key.timeframe}: {error}") from error
    return found


def read_trades(path: Path) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Times in ms, prices and amounts of the trades in a Parquet file, in the order of time.

    Raises:
        SettingsError: the file cannot be used.
    """
    names, column = _parquet(path)
    time = next((name for name in _TIMES if name in names), None)
    amount = next((name for name in ("amount", "qty", "quantity", "size") if name in names), None)
    if time is None or amount is None or "price" not in names:
        raise SettingsError(f"{path} is no file of trades: it needs the columns timestamp, price, amount.")
    ts_ms = _milliseconds(np.asarray(column(names[time])))
    order = np.argsort(ts_ms, kind="stable")
    prices = np.asarray(column(names["price"]), dtype=np.float64)
    amounts = np.asarray(column(names[amount]), dtype=np.float64)
    return ts_ms[order], prices[order], amounts[order]


def read_funding(path: Path) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Times in ms and rates of a Parquet file of funding rates, in the order of time.

    Raises:
        SettingsError: the file cannot be used.
    """
    names, column = _parquet(path)
    time = next((name for name in _TIMES if name in names), None)
    rate = next((name for name in _RATES if name in names), None)
    if time is None or rate is None:
        raise SettingsError(
            f"{path} is no file of funding rates: it needs the columns timestamp and funding_rate."
        )
    ts_ms = _milliseconds(np.asarray(column(names[time])))
    order = np.argsort(ts_ms, kind="stable")
    rates = np.asarray(column(names[rate]), dtype=np.float64)[order]
    largest = float(np.abs(rates).max(initial=0.0))
    if not largest <= _LARGEST_RATE:
        raise SettingsError(
            f"{path} is no file of funding rates: its column {names[rate]} reaches {largest:g}; "
            "a rate is a fraction such as 0.0001."
        )
    return ts_ms[order], rates


def _parquet(path: Path):  # type: ignore[no-untyped-def]
    try:
        file = ParquetFile(path)
    except OSError as error:
        raise SettingsError(f"{path} cannot be read ({error.strerror or error}).") from error
    except (ValueError, EOFError) as error:
        raise SettingsError(f"{path} is no usable Parquet file: {str(error).rstrip('.')}.") from error
    return {name.lower(): name for name in file.names}, file.column


def read_others(texts: Iterable[str]) -> dict[str, Series]:
    """Series by market from texts such as ETH/USDT=FILE.

    Raises:
        SettingsError: a text is written in another way, or a file cannot be used.
    """
    found: dict[str, Series] = {}
    for text in texts:
        symbol, equals, path = text.partition("=")
        if not equals or not symbol.strip() or not path.strip():
            raise SettingsError(f"--also {text} must be MARKET=FILE, such as ETH/USDT=eth.parquet.")
        found[symbol.strip()] = read_series(Path(path))
    return found


def _milliseconds(times: NDArray[np.generic]) -> NDArray[np.int64]:
    """Times of any unit as milliseconds."""
    if times.dtype.kind == "M":
        return times.astype("datetime64[ms]").astype(np.int64)
    numbers = times.astype(np.float64)
    largest = float(np.nanmax(numbers)) if len(numbers) else 0.0
    for limit, factor in ((1e11, 1e3), (1e14, 1.0), (1e17, 1e-3), (np.inf, 1e-6)):
        if largest < limit:
            return np.rint(numbers * factor).astype(np.int64)
    raise AssertionError("unreachable")
