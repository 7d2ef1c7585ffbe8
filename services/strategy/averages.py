"""Averages that remember: each value is made of the one before. Loops over plain floats, in both forms.

The seed is TA-Lib's: the plain average of the first values. What a seed leaves behind fades by (1 -
weight) a candle. NaN (a division by zero further up, or not enough candles yet) is passed over: the
average stays as it was.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from .windows import NAN, Column


def _total(values: list[float]) -> float:
    """The sum, added in order: `sum` compensates from Python 3.12 on and would differ from the streaming
    form.
    """
    total = 0.0
    for value in values:
        total += value
    return total


def _ema_from(values: list[float], seed_at: int, period: int) -> list[float]:
    """Values from `seed_at` on; the seed is the average of the `period` values that end there."""
    if len(values) <= seed_at:
        return []
    average = _total(values[seed_at - period + 1 : seed_at + 1]) / period
    weight = 2.0 / (period + 1)
    made = [average]
    keep = made.append
    for value in values[seed_at + 1 :]:
        average = (value - average) * weight + average
        keep(average)
    return made


def _rma_from(values: list[float], period: int) -> list[float]:
    if len(values) < period:
        return []
    average = _total(values[:period]) / period
    before = period - 1
    made = [average]
    keep = made.append
    for value in values[period:]:
        average = (average * before + value) / period
        keep(average)
    return made


def _spread_out(column: Column, compute: Callable[[list[float]], list[float]]) -> Column:
    """`compute` over the numbers of a column, laid back on its places; a place without a number repeats
    the last.
    """
    numbers = column == column
    made = compute(column[numbers].tolist())
    spread = np.full(len(column), NAN)
    if not made:
        return spread
    if numbers[len(column) - len(made) :].all():
        spread[len(column) - len(made) :] = made
        return spread
    places = np.flatnonzero(numbers)[-len(made) :]
    spread[places] = made
    last = np.maximum.accumulate(np.where(numbers, np.arange(len(column)), places[0]))
    filled: Column = np.where(np.arange(len(column)) >= places[0], spread[last], NAN)
    return filled


def ema_columns(arguments: Any, column: Column) -> Column:
    period = arguments[0]
    return _spread_out(column, lambda values: _ema_from(values, period - 1, period))


class EmaStream:
    """`skip` numbers at the head are left out of the seed."""

    def __init__(self, period: int, skip: int = 0) -> None:
        self._period, self._skip = period, skip
        self._weight = 2.0 / (period + 1)
        self._seen, self._total, self._average = 0, 0.0, NAN

    def push(self, value: float) -> float:
        if value != value:
            return self._average
        if self._seen >= self._period:
            self._average = (value - self._average) * self._weight + self._average
        elif self._skip:
            self._skip -= 1
        else:
            self._seen += 1
            self._total += value
            if self._seen == self._period:
                self._average = self._total / self._period
        return self._average


def rma_columns(arguments: Any, column: Column) -> Column:
    return _spread_out(column, lambda values: _rma_from(values, arguments[0]))


class RmaStream:
    def __init__(self, period: int) -> None:
        self._period = period
        self._seen, self._total, self._average = 0, 0.0, NAN

    def push(self, value: float) -> float:
        if value != value:
            return self._average
        if self._seen >= self._period:
            self._average = (self._average * (self._period - 1) + value) / self._period
            return self._average
        self._seen += 1
        self._total += value
        if self._seen == self._period:
            self._average = self._total / self._period
        return self._average


def rsi_columns(arguments: Any, column: Column) -> Column:
    changes = np.diff(column, prepend=NAN)
    unknown = changes != changes
    gains = rma_columns(arguments, np.where(unknown, NAN, np.where(changes > 0.0, changes, 0.0)))
    losses = rma_columns(arguments, np.where(unknown, NAN, np.where(changes < 0.0, -changes, 0.0)))
    both = gains + losses
    with np.errstate(divide="ignore", invalid="ignore"):
        strength: Column = np.where(both == 0.0, 0.0, 100.0 * (gains / both))
    return strength


class RsiStream:
    def __init__(self, period: int) -> None:
        self._last = NAN
        self._gains, self._losses = RmaStream(period), RmaStream(period)

    def push(self, value: float) -> float:
        change, self._last = value - self._last, value
        up, down = (change, 0.0) if change > 0.0 else (0.0, -change if change < 0.0 else 0.0)
        known = change == change
        gain, loss = self._gains.push(up if known else NAN), self._losses.push(down if known else NAN)
        both = gain + loss
        return 100.0 * (gain / both) if both != 0.0 else 0.0


def true_range_columns(_arguments: Any, high: Column, low: Column, close: Column) -> Column:
    column = np.full(len(high), NAN)
    before = close[:-1]
    gaps = np.maximum(np.abs(high[1:] - before), np.abs(low[1:] - before))
    column[1:] = np.maximum(high[1:] - low[1:], gaps)
    return column


class TrueRangeStream:
    def __init__(self) -> None:
        self._close = NAN

    def push(self, high: float, low: float, close: float) -> float:
        before, self._close = self._close, close
        if before != before:
            return NAN
        return max(high - low, abs(high - before), abs(low - before))


def atr_columns(arguments: Any, high: Column, low: Column, close: Column) -> Column:
    return rma_columns(arguments, true_range_columns((), high, low, close))


class AtrStream:
    def __init__(self, period: int) -> None:
        self._range, self._average = TrueRangeStream(), RmaStream(period)

    def push(self, high: float, low: float, close: float) -> float:
        return self._average.push(self._range.push(high, low, close))


def _macd_from(values: list[float], fast: int, slow: int, signal: int) -> tuple[list[float], list[float]]:
    """TA-Lib seeds the fast average from the values just before the slow one's first value."""
    quick, steady = _ema_from(values, slow - 1, fast), _ema_from(values, slow - 1, slow)
    apart = [one - other for one, other in zip(quick, steady, strict=True)]
    return apart[signal - 1 :], _ema_from(apart, signal - 1, signal)


def macd_columns(arguments: Any, column: Column) -> tuple[Column, Column, Column]:
    fast, slow, signal = min(arguments[:2]), max(arguments[:2]), arguments[2]
    macd = _spread_out(column, lambda values: _macd_from(values, fast, slow, signal)[0])
    smooth = _spread_out(column, lambda values: _macd_from(values, fast, slow, signal)[1])
    return macd, smooth, macd - smooth


class MacdStream:
    def __init__(self, first: int, second: int, signal: int) -> None:
        fast, slow = min(first, second), max(first, second)
        self._quick, self._steady = EmaStream(fast, slow - fast), EmaStream(slow)
        self._signal = EmaStream(signal)
        self._latest = (NAN, NAN, NAN)

    def push(self, value: float) -> tuple[float, float, float]:
        if value == value:
            apart = self._quick.push(value) - self._steady.push(value)
            smooth = self._signal.push(apart)
            if smooth == smooth:
                self._latest = (apart, smooth, apart - smooth)
        return self._latest
