"""Candles as columns: what the store keeps, files hold and a backtest reads."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NAMES = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True)
class Columns:
    """Candles of one market as columns of one length.

    Args:
        open_ms: open times in UTC milliseconds, strictly rising.
        open: price, as are high, low and close.
        volume: in base units.
    """

    open_ms: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.open_ms)

    @classmethod
    def empty(cls) -> "Columns":
        """No candles."""
        return cls(np.empty(0, np.int64), *(np.empty(0) for _ in NAMES))

    def part(self, start: int, stop: int) -> "Columns":
        """Candles start..stop-1, without a copy."""
        return Columns(self.open_ms[start:stop], *(getattr(self, name)[start:stop] for name in NAMES))

    def first(self, count: int) -> "Columns":
        """The first `count` candles, without a copy."""
        return self.part(0, count)
