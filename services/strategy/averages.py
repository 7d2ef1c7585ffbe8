"""Averages whose weights fade: exponential and Wilder's, and what is made of them.

An average is the sum of all values, each weighed by (1 - weight) to the power of its age. Values so old
that their weight is below the last bit of a float are left out, so an average is a function of a bounded
window: the same bits from whatever candle the history begins, in columns and streamed. Only in the first
window after the beginning is there a seed beside it, TA-Lib's: the plain average of the first `period`
values. NaN (a division by zero further up, or not enough candles yet) is passed over: the average stays
as it was.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from .windows import NAN, Column, Part, Window, over_column

_LAST_BIT = 2.0**-60
_BLOCK = 16_384


class Fade:
    """A period's weight, how far back it reaches, and how two windows are joined."""

    def __init__(self, period: int, weight: float) -> None:
        self.period, self.weight, self.keep = period, weight, 1.0 - weight
        reach = math.log(_LAST_BIT) / math.log(self.keep) if self.keep > 0.0 else 1.0
        self.size = 1 << max(1, math.ceil(math.log2(max(2.0, reach))))
        self.powers = [1.0]
        for _ in range(self.size):
            self.powers.append(self.powers[-1] * self.keep)

    def join(self, older: Part, _older_size: int, newer: Part, newer_size: int) -> Part:
        """The faded sum of two neighbouring windows."""
        return (newer[0] + older[0] * self.powers[newer_size],)


@lru_cache(maxsize=4096)
def ema_fade(period: int) -> Fade:
    """The exponential average's."""
    return Fade(period, 2.0 / (period + 1))


@lru_cache(maxsize=4096)
def rma_fade(period: int) -> Fade:
    """Wilder's."""
    return Fade(period, 1.0 / period)


def _total(values: list[float]) -> float:
    """The sum, added in order: `sum` compensates from Python 3.12 on and would differ from streaming."""
    total = 0.0
    for value in values:
        total += value
    return total


def _faded(values: Column, fade: Fade, seed_at: int) -> Column:
    """Averages from `seed_at` on, of values without NaN; the seed is the average of `period` values that
    end there.
    """
    if len(values) <= seed_at:
        return values[:0]
    seed = _total(values[seed_at - fade.period + 1 : seed_at + 1].tolist()) / fade.period
    later = values[seed_at + 1 :]
    averages = np.empty(len(later) + 1)
    averages[0] = seed
    for start in range(0, len(later), _BLOCK):
        # Block by block, so that the passes stay in the processor's cache.
        before = max(0, start - fade.size)
        block = over_column((later[before : start + _BLOCK],), fade.size, fade.join, 0.0)[0]
        averages[start + 1 : start + 1 + _BLOCK] = block[start - before :] * fade.weight
    head = min(fade.size, len(later))
    averages[1 : head + 1] += np.array(fade.powers[1 : head + 1]) * seed
    return averages


def _spread_out(column: Column, compute: Callable[[Column], Column]) -> Column:
    """`compute` over the numbers of a column, laid back on its places; a place without a number repeats
    the last.
    """
    numbers = column == column
    whole = bool(numbers.all())
    made = compute(column if whole else column[numbers])
    spread = np.full(len(column), NAN)
    if not len(made):
        return spread
    if whole or numbers[len(column) - len(made) :].all():
        spread[len(column) - len(made) :] = made
        return spread
    places = np.flatnonzero(numbers)[-len(made) :]
    spread[places] = made
    last = np.maximum.accumulate(np.where(numbers, np.arange(len(column)), places[0]))
    filled: Column = np.where(np.arange(len(column)) >= places[0], spread[last], NAN)
    return filled


class AverageStream:
    """One fading average, value by value; `skip` numbers at the head are left out of the seed."""

    def __init__(self, fade: Fade, skip: int = 0) -> None:
        self._fade, self._skip = fade, skip
        self._window = Window(fade.size, 1, fade.join, 0.0)
        self._seen, self._total, self._average = 0, 0.0, NAN
        self._seed, self._age = 0.0, 0

    def push(self, value: float) -> float:
        if value != value:
            return self._average
        if self._seen >= self._fade.period:
            self._average = self._later(value)
        elif self._skip:
            self._skip -= 1
        else:
            self._seen += 1
            self._total += value
            if self._seen == self._fade.period:
                self._average = self._seed = self._total / self._fade.period
        return self._average

    def _later(self, value: float) -> float:
        average: float = self._window.push((value,))[0] * self._fade.weight
        self._age += 1
        if self._age <= self._fade.size:
            average += self._fade.powers[self._age] * self._seed
        return average


def ema_columns(arguments: Any, column: Column) -> Column:
    fade = ema_fade(arguments[0])
    return _spread_out(column, lambda values: _faded(values, fade, fade.period - 1))


def ema_stream(period: int) -> AverageStream:
    return AverageStream(ema_fade(period))


def rma_columns(arguments: Any, column: Column) -> Column:
    fade = rma_fade(arguments[0])
    return _spread_out(column, lambda values: _faded(values, fade, fade.period - 1))


def rma_stream(period: int) -> AverageStream:
    return AverageStream(rma_fade(period))


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
        self._gains, self._losses = rma_stream(period), rma_stream(period)

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
        self._range, self._average = TrueRangeStream(), rma_stream(period)

    def push(self, high: float, low: float, close: float) -> float:
        return self._average.push(self._range.push(high, low, close))


def _macd_from(values: Column, fast: int, slow: int, signal: int) -> tuple[Column, Column]:
    """TA-Lib seeds the fast average from the values just before the slow one's first value."""
    apart = _faded(values, ema_fade(fast), slow - 1) - _faded(values, ema_fade(slow), slow - 1)
    return apart[signal - 1 :], _faded(apart, ema_fade(signal), signal - 1)


def macd_columns(arguments: Any, column: Column) -> tuple[Column, Column, Column]:
    fast, slow, signal = min(arguments[:2]), max(arguments[:2]), arguments[2]
    macd = _spread_out(column, lambda values: _macd_from(values, fast, slow, signal)[0])
    smooth = _spread_out(column, lambda values: _macd_from(values, fast, slow, signal)[1])
    return macd, smooth, macd - smooth


class MacdStream:
    def __init__(self, first: int, second: int, signal: int) -> None:
        fast, slow = min(first, second), max(first, second)
        self._quick, self._steady = AverageStream(ema_fade(fast), slow - fast), ema_stream(slow)
        self._signal = ema_stream(signal)
        self._latest = (NAN, NAN, NAN)

    def push(self, value: float) -> tuple[float, float, float]:
        if value == value:
            apart = self._quick.push(value) - self._steady.push(value)
            smooth = self._signal.push(apart)
            if smooth == smooth:
                self._latest = (apart, smooth, apart - smooth)
        return self._latest
