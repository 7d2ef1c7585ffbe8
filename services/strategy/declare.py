"""The indicators that a strategy may declare. Periods count candles; the source is the close unless it is
given.
"""

from typing import NamedTuple

from .lines import CLOSE, HIGH, LOW, VOLUME, Line, Number
from .parameters import Parameter

Period = int | Parameter[int]


class Bands(NamedTuple):
    """Three lines around a price."""

    upper: Line
    middle: Line
    lower: Line


class Macd(NamedTuple):
    """Moving average convergence and divergence."""

    macd: Line
    signal: Line
    histogram: Line


class Stochastic(NamedTuple):
    """Place of the close between the lowest low and the highest high, 0 to 100, and its average."""

    k: Line
    d: Line


def sma(period: Period, source: Line = CLOSE) -> Line:
    """Simple moving average."""
    return Line("sma", (source,), (period,))


def ema(period: Period, source: Line = CLOSE) -> Line:
    """Exponential moving average, seeded with the simple average of the first `period` values."""
    return Line("ema", (source,), (period,))


def rma(period: Period, source: Line = CLOSE) -> Line:
    """Wilder's moving average, seeded with the simple average of the first `period` values."""
    return Line("rma", (source,), (period,))


def rsi(period: Period = 14, source: Line = CLOSE) -> Line:
    """Relative strength index, 0 to 100, after Wilder."""
    return Line("rsi", (source,), (period,))


def true_range() -> Line:
    """The candle's range, a gap from the close before included."""
    return Line("true_range", (HIGH, LOW, CLOSE))


def atr(period: Period = 14) -> Line:
    """Average true range after Wilder, in price units."""
    return Line("atr", (HIGH, LOW, CLOSE), (period,))


def stddev(period: Period, source: Line = CLOSE) -> Line:
    """Standard deviation of the last `period` values (of the population)."""
    return Line("stddev", (source,), (period,))


def zscore(period: Period, source: Line = CLOSE) -> Line:
    """Distance from the average of the last `period` values, in standard deviations."""
    return (source - sma(period, source)) / stddev(period, source)


def bollinger(period: Period = 20, width: Number = 2.0, source: Line = CLOSE) -> Bands:
    """Bollinger bands: the average, and `width` standard deviations around it."""
    middle, reach = sma(period, source), stddev(period, source) * width
    return Bands(middle + reach, middle, middle - reach)


def macd(fast: Period = 12, slow: Period = 26, signal: Period = 9, source: Line = CLOSE) -> Macd:
    """MACD, its signal line and their difference."""
    values = tuple(Line("macd", (source,), (fast, slow, signal), output) for output in range(3))
    return Macd(*values)


def highest(period: Period, source: Line = HIGH) -> Line:
    """Highest of the last `period` values, the current one included."""
    return Line("highest", (source,), (period,))


def lowest(period: Period, source: Line = LOW) -> Line:
    """Lowest of the last `period` values, the current one included."""
    return Line("lowest", (source,), (period,))


def donchian(period: Period = 20) -> Bands:
    """Donchian channel of the `period` candles *before* the current one, so that a close can break out of
    it.
    """
    upper, lower = highest(period).shift(1), lowest(period).shift(1)
    return Bands(upper, (upper + lower) / 2.0, lower)


def roc(period: Period, source: Line = CLOSE) -> Line:
    """Rate of change over `period` candles, in percent."""
    return Line("roc", (source,), (period,))


def vwap(period: Period) -> Line:
    """Average price of the last `period` candles, weighted by volume."""
    typical = (HIGH + LOW + CLOSE) / 3.0
    return sma(period, typical * VOLUME) / sma(period, VOLUME)


def stochastic(period: Period = 14, smooth: Period = 3) -> Stochastic:
    """Fast stochastic oscillator."""
    floor = lowest(period)
    k = (CLOSE - floor) / (highest(period) - floor) * 100.0
    return Stochastic(k, sma(smooth, k))
