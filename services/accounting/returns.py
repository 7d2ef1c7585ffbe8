"""Returns of the watched markets over a rolling window, and their volatility and correlation.

Statistics are floats; they become money only where a limit is made of them.
"""

import math
from collections import deque
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
LEAST = 20
"""Fewer returns than this say nothing."""
_DAY_MS = 86_400_000


class Window:
    """Closes of finished candles by symbol, the newest `size` + 1 of each."""

    def __init__(self, size: int, step_ms: int) -> None:
        self._size, self._step_ms = size, step_ms
        self._closes: dict[str, deque[tuple[int, float]]] = {}

    def add(self, symbol: str, open_ms: int, close: float) -> None:
        """A finished candle; one that is not newer than the last is dropped."""
        closes = self._closes.setdefault(symbol, deque(maxlen=self._size + 1))
        if close > 0 and (not closes or open_ms > closes[-1][0]):
            closes.append((open_ms, close))

    def last_ms(self, symbol: str) -> int:
        """Open time of the newest candle; 0 before the first."""
        closes = self._closes.get(symbol)
        return closes[-1][0] if closes else 0

    def closes(self, symbol: str) -> list[tuple[int, float]]:
        """(open time, close) of the candles that are kept, oldest first."""
        return list(self._closes.get(symbol, ()))

    def returns(self, symbols: Sequence[str]) -> Matrix:
        """Simple returns, one row for each candle that all of the symbols have, oldest first.

        Shape (candles, symbols); no rows when they have too few in common. A return spans from one common
        candle to the next.
        """
        if not symbols:
            return np.empty((0, 0))
        by_symbol = [dict(self._closes.get(symbol, ())) for symbol in symbols]
        shared = set(by_symbol[0]).intersection(*by_symbol[1:])
        times = sorted(shared)
        if len(times) < 2:
            return np.empty((0, len(symbols)))
        prices = np.array([[closes[when] for closes in by_symbol] for when in times])
        found: Matrix = prices[1:] / prices[:-1] - 1.0
        return found

    def daily_volatility(self, symbol: str) -> float | None:
        """Standard deviation of a day's return, by the square root of time; None with too few candles."""
        found = self.returns([symbol])
        if len(found) < LEAST:
            return None
        per_day = _DAY_MS / self._step_ms
        return float(np.std(found[:, 0], ddof=1)) * math.sqrt(per_day)

    def correlation(self, left: str, right: str) -> float | None:
        """Pearson's correlation of returns; None when it cannot be told (too few, or one does not move)."""
        if left == right:
            return 1.0
        found = self.returns([left, right])
        if len(found) < LEAST:
            return None
        spread = found.std(axis=0)
        if not (spread > 0).all():
            return None
        return float(np.corrcoef(found[:, 0], found[:, 1])[0, 1])


def moving_together(window: Window, symbol: str, others: Iterable[str], threshold: float) -> list[str]:
    """Those of the others that move with a symbol; one whose correlation is not known counts as moving."""
    found = []
    for other in others:
        correlation = window.correlation(symbol, other)
        if correlation is None or correlation >= threshold:
            found.append(other)
    return found
