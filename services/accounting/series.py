"""Figures of a curve of values: by day, 365 days a year, UTC. Checked against empyrical in tests.

A day ends at 00:00 UTC; a year has 365 of them, because these markets never close. Ratios are None where
there is nothing to divide by. Statistics are floats; money is not computed here.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

DAYS_A_YEAR = 365.0
DAY_MS = 86_400_000


def daily_returns(open_ms: NDArray[np.int64], equity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns from one day's last equity to the next one's."""
    if len(equity) < 2:
        return np.empty(0)
    days = open_ms // DAY_MS
    ends = np.append(np.flatnonzero(np.diff(days)), len(days) - 1)
    values = np.concatenate((equity[:1], equity[ends]))
    returns: NDArray[np.float64] = values[1:] / values[:-1] - 1.0
    return returns


def drawdown(equity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance from the highest equity so far, as a fraction at or below 0."""
    below: NDArray[np.float64] = equity / np.maximum.accumulate(equity) - 1.0
    return below


def yearly(returns: NDArray[np.float64], worst: float | None) -> dict[str, float | int | None]:
    """Figures over a year; of a run shorter than two days there are none."""
    names = ("annual_return", "annual_volatility", "sharpe", "sortino", "calmar")
    if len(returns) < 2:
        return dict.fromkeys(names)
    growth = float(np.prod(1.0 + returns))
    annual = growth ** (DAYS_A_YEAR / len(returns)) - 1.0 if growth > 0 else -1.0
    volatility = float(np.std(returns, ddof=1))
    downside = float(np.sqrt(np.mean(np.minimum(returns, 0.0) ** 2)))
    mean = float(np.mean(returns))
    year = float(np.sqrt(DAYS_A_YEAR))
    values = (
        annual,
        volatility * year,
        mean / volatility * year if volatility else None,
        mean / downside * year if downside else None,
        annual / -worst if worst else None,
    )
    return {name: None if value is None else float(value) for name, value in zip(names, values, strict=True)}


def longest_drawdown(times: NDArray[np.int64], curve: NDArray[np.float64]) -> float:
    """Longest time below an earlier height, in days."""
    heights = np.flatnonzero(curve >= np.maximum.accumulate(curve))
    # From one height to the last candle before the next one, or to the end.
    ends = np.append(heights[1:] - 1, len(curve) - 1)
    return float((times[ends] - times[heights]).max() / DAY_MS)


def months(times: NDArray[np.int64], equity: NDArray[np.float64]) -> Iterator[tuple[int, int, float]]:
    """(year, month, return) of each calendar month, UTC."""
    if not len(times):
        return
    numbers = times.astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64)
    ends = np.append(np.flatnonzero(np.diff(numbers)), len(numbers) - 1)
    before = equity[0]
    for end in ends.tolist():
        month = int(numbers[end])
        value = float(equity[end] / before - 1.0) if before else 0.0
        yield 1970 + month // 12, month % 12 + 1, value
        before = equity[end]


def falls(times: NDArray[np.int64], drawdown: NDArray[np.float64], most: int = 5) -> list[list[float | None]]:
    """The deepest drawdowns: depth, and times of the height, the bottom and the next height, and days."""
    if not len(times):
        return []
    below = drawdown < 0
    edges = np.flatnonzero(np.diff(below.astype(np.int8), prepend=0, append=0))
    found: list[list[float | None]] = []
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        bottom = start + int(np.argmin(drawdown[start:end]))
        high, over = int(times[max(0, start - 1)]), end < len(times)
        last = int(times[end]) if over else int(times[-1])
        found.append(
            [
                float(drawdown[bottom]),
                high,
                int(times[bottom]),
                last if over else None,
                (last - high) / DAY_MS,
            ]
        )
    return sorted(found, key=lambda row: row[0] or 0.0)[:most]
