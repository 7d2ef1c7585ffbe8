"""Several series of candles on one clock: what of one is known when a candle of another closes.

This is the only place that decides it, for backtests and for live runs: a candle is known from the moment
it closes (open time plus length), never before.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...bus.contracts.market import timeframe_ms
from .feeds import FeedKey
from .windows import NAN, Column

PRICES = ("open", "high", "low", "close", "volume")


class Columns(Protocol):
    """Candles as columns of one length: open times in UTC milliseconds, rising; prices and volume as
    float64.
    """

    @property
    def open_ms(self) -> NDArray[np.int64]: ...
    @property
    def open(self) -> Column: ...
    @property
    def high(self) -> Column: ...
    @property
    def low(self) -> Column: ...
    @property
    def close(self) -> Column: ...
    @property
    def volume(self) -> Column: ...


def finished(
    open_ms: NDArray[np.int64], length_ms: int, other_open_ms: NDArray[np.int64], other_length_ms: int
) -> NDArray[np.intp]:
    """For each candle the index of the newest candle of another series that was finished when it closed;
    -1 when there was none.
    """
    closes, other_closes = open_ms + length_ms, other_open_ms + other_length_ms
    return np.searchsorted(other_closes, closes, side="right") - 1


def seen(column: NDArray[Any], at: NDArray[np.intp]) -> NDArray[Any]:
    """Values of another series at the indices of `finished`; NaN, or False, where there is none yet."""
    nothing: Any = False if column.dtype == np.bool_ else NAN
    if not len(column):
        return np.full(len(at), nothing, dtype=column.dtype)
    values: NDArray[Any] = column[np.maximum(at, 0)]
    values[at < 0] = nothing
    return values


def merged(series: Mapping[FeedKey, Columns]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """All candles of several series as one stream in the order of their closes.

    Of candles that close at one moment, those of a series that is given later come first: give the
    strategy's own series first, and it decides when all others of that moment are known.

    Returns:
        number of the series and index in it, of each candle.
    """
    closes = [columns.open_ms + timeframe_ms(key.timeframe) for key, columns in series.items()]
    numbers = np.concatenate([np.full(len(times), -number) for number, times in enumerate(closes)])
    order = np.lexsort((numbers, np.concatenate(closes)))
    indices = np.concatenate([np.arange(len(times)) for times in closes])
    return -numbers[order], indices[order]
