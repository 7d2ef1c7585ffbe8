"""Longer candles made of shorter ones, and candles made of trades."""

import numpy as np
from numpy.typing import NDArray

from ...bus.contracts.market import timeframe_ms, timeframe_phase_ms
from ...configs.errors import SettingsError
from .columns import Columns


def resample(columns: Columns, timeframe: str, to: str) -> Columns:
    """Candles of a longer timeframe. Only whole ones: the last is left out while candles of it are to come.

    A candle that misses some of its shorter ones is made of those that are there; one that misses all is
    missing.

    Raises:
        SettingsError: the longer timeframe is no multiple of the shorter.
    """
    step, target = timeframe_ms(timeframe), timeframe_ms(to)
    if target % step or target < step:
        raise SettingsError(f"{to} candles cannot be made of {timeframe} candles: {to} is no multiple of it.")
    if not len(columns):
        return columns
    opens = _opens(columns.open_ms, to)
    whole = int(columns.open_ms[-1]) + step
    starts = np.flatnonzero(np.diff(opens, prepend=opens[0] - 1))
    made = Columns(
        opens[starts],
        columns.open[starts],
        np.maximum.reduceat(columns.high, starts),
        np.minimum.reduceat(columns.low, starts),
        columns.close[np.append(starts[1:], len(opens)) - 1],
        np.add.reduceat(columns.volume, starts),
    )
    return made if int(made.open_ms[-1]) + target <= whole else made.first(len(made) - 1)


def of_trades(
    ts_ms: NDArray[np.int64], price: NDArray[np.float64], amount: NDArray[np.float64], timeframe: str
) -> Columns:
    """Candles of trades in the order of their times; a candle without a trade is missing. The last candle,
    in which the trades end, is left out: it may not be whole.
    """
    if not len(ts_ms):
        return Columns.empty()
    opens = _opens(ts_ms, timeframe)
    starts = np.flatnonzero(np.diff(opens, prepend=opens[0] - 1))
    made = Columns(
        opens[starts],
        price[starts],
        np.maximum.reduceat(price, starts),
        np.minimum.reduceat(price, starts),
        price[np.append(starts[1:], len(opens)) - 1],
        np.add.reduceat(amount, starts),
    )
    return made.first(len(made) - 1)


def _opens(times: NDArray[np.int64], timeframe: str) -> NDArray[np.int64]:
    length, phase = timeframe_ms(timeframe), timeframe_phase_ms(timeframe)
    return np.asarray((times - phase) // length * length + phase, dtype=np.int64)
