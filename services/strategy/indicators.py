"""How each kind of node is computed: over whole columns at once, and candle by candle.

Both forms of one kind stand side by side and give the same bits (tests/unit/strategy prove it). Seeds are
those of TA-Lib. A value is NaN until there are enough candles; NaN at the head of an input counts as "not
there yet".
"""

import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...bus.contracts.market import timeframe_ms
from . import talib_lines, windows
from .averages import (
    AtrStream,
    MacdStream,
    RsiStream,
    TrueRangeStream,
    atr_columns,
    ema_columns,
    ema_stream,
    macd_columns,
    rma_columns,
    rma_stream,
    rsi_columns,
    true_range_columns,
)
from .windows import NAN, Column

Result = Column | NDArray[np.bool_]


class Stream(Protocol):
    """The streaming form of one node."""

    def push(self, *inputs: Any) -> Any:
        """Take the inputs' values on this candle; return this node's value, a tuple when it has several."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of node.

    Args:
        columns: (arguments, *input columns) to a column, or a tuple of columns.
        stream: arguments to a fresh streaming form.
        lookback: arguments to the number of candles that are needed before the first value.
    """

    columns: Callable[..., Any]
    stream: Callable[..., Stream]
    lookback: Callable[..., int] = lambda *arguments: 0


class _Each:
    """A streaming form without memory."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.push = function


def _stateless(columns: Callable[..., Any], one: Callable[..., Any]) -> Kind:
    return Kind(lambda arguments, *inputs: columns(*inputs), lambda: _Each(one))


def _divide(first: float, second: float) -> float:
    try:
        return first / second
    except ZeroDivisionError:
        if first == 0.0 or first != first:
            return NAN
        return math.copysign(math.inf, first) * math.copysign(1.0, second)


def _divide_columns(first: Column, second: Column) -> Column:
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient: Column = np.divide(first, second)
    return quotient


class _Shift:
    def __init__(self, places: int) -> None:
        self._past: deque[float] = deque([NAN] * (places + 1), maxlen=places + 1)

    def push(self, value: float) -> float:
        self._past.append(value)
        return self._past[0]


class _Cross:
    def __init__(self) -> None:
        self._below = False

    def push(self, first: float, second: float) -> bool:
        crossed = self._below and first > second
        self._below = first <= second
        return crossed


def _cross_columns(_arguments: Any, first: Column, second: Column) -> NDArray[np.bool_]:
    above, below = first > second, first <= second
    crossed = np.zeros(len(above), dtype=np.bool_)
    np.logical_and(above[1:], below[:-1], out=crossed[1:])
    return crossed


class _Every:
    """Reads (open time, length of a candle): true when the candle's end is a whole number of periods."""

    def __init__(self, period: str) -> None:
        self._period = timeframe_ms(period)

    def push(self, open_ms: int, candle_ms: int) -> bool:
        return (open_ms + candle_ms) % self._period == 0


def _every_columns(arguments: Any, open_ms: NDArray[np.int64], candle_ms: int) -> NDArray[np.bool_]:
    ends: NDArray[np.bool_] = (open_ms + candle_ms) % timeframe_ms(arguments[0]) == 0
    return ends


class _Sma:
    def __init__(self, period: int) -> None:
        self._period = period
        self._window = windows.Window(period, 1, windows.add)

    def push(self, value: float) -> float:
        total: float = self._window.push((value,))[0]
        return total / self._period


class _Deviation:
    def __init__(self, period: int) -> None:
        self._period = period
        self._window = windows.Window(period, 2, windows.spread)

    def push(self, value: float) -> float:
        squares: float = self._window.push((value, value - value))[1]
        return math.sqrt(squares / self._period)


class _Extreme:
    def __init__(self, period: int, combine: windows.Combine) -> None:
        self._window = windows.Window(period, 1, combine)

    def push(self, value: float) -> float:
        extreme: float = self._window.push((value,))[0]
        return extreme


class _Roc:
    def __init__(self, period: int) -> None:
        self._shift = _Shift(period)

    def push(self, value: float) -> float:
        return (_divide(value, self._shift.push(value)) - 1.0) * 100.0


def _roc_columns(arguments: Any, column: Column) -> Column:
    return (_divide_columns(column, windows.shift(column, arguments[0])) - 1.0) * 100.0


def _deviation_columns(arguments: Any, column: Column) -> Column:
    squares = windows.over_column((column, column - column), arguments[0], windows.spread)[1]
    deviation: Column = np.sqrt(squares / arguments[0])
    return deviation


def _period_less_one(period: int) -> int:
    return period - 1


KINDS: Mapping[str, Kind] = {
    "add": _stateless(np.add, lambda first, second: first + second),
    "subtract": _stateless(np.subtract, lambda first, second: first - second),
    "multiply": _stateless(np.multiply, lambda first, second: first * second),
    "divide": _stateless(_divide_columns, _divide),
    "greater": _stateless(np.greater, lambda first, second: first > second),
    "greater_equal": _stateless(np.greater_equal, lambda first, second: first >= second),
    "both": _stateless(np.logical_and, lambda first, second: first and second),
    "either": _stateless(np.logical_or, lambda first, second: first or second),
    "negate": _stateless(np.logical_not, lambda value: not value),
    "shift": Kind(
        lambda arguments, column: windows.shift(column, arguments[0]), _Shift, lambda places: places
    ),
    "cross_up": Kind(_cross_columns, _Cross, lambda: 1),
    "every": Kind(_every_columns, _Every),
    "sma": Kind(
        lambda arguments, column: windows.over_column((column,), arguments[0], windows.add)[0] / arguments[0],
        _Sma,
        _period_less_one,
    ),
    "stddev": Kind(_deviation_columns, _Deviation, _period_less_one),
    "highest": Kind(
        lambda arguments, column: windows.over_column((column,), arguments[0], windows.largest)[0],
        lambda period: _Extreme(period, windows.largest),
        _period_less_one,
    ),
    "lowest": Kind(
        lambda arguments, column: windows.over_column((column,), arguments[0], windows.smallest)[0],
        lambda period: _Extreme(period, windows.smallest),
        _period_less_one,
    ),
    "roc": Kind(_roc_columns, _Roc, lambda period: period),
    "ema": Kind(ema_columns, ema_stream, _period_less_one),
    "rma": Kind(rma_columns, rma_stream, _period_less_one),
    "rsi": Kind(rsi_columns, RsiStream, lambda period: period),
    talib_lines.KIND: Kind(talib_lines.columns, talib_lines.Streamed, talib_lines.lookback),
    "true_range": Kind(true_range_columns, TrueRangeStream, lambda: 1),
    "atr": Kind(atr_columns, AtrStream, lambda period: period),
    "macd": Kind(macd_columns, MacdStream, lambda fast, slow, signal: max(fast, slow) + signal - 2),
}
"""Kinds that are computed. The columns of the candle and constants are given, not computed (graph.py)."""
