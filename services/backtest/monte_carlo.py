"""How much of a result was luck: the same trades in other orders, and drawn anew.

Each trade counts as a return on the equity before it. Shuffling their order leaves the product and shows
what drawdowns the same trades could have brought; drawing them with replacement shows what other months of
the same kind could have ended with.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...configs.errors import UsageError
from .result import Result

_CHUNK = 200
LEVELS = (5, 25, 50, 75, 95)


@dataclass(frozen=True, slots=True)
class MonteCarlo:
    """What the runs came to.

    Args:
        drawdowns: worst drawdown of each shuffled order, as fractions at or below 0.
        returns: total return of each draw.
        losing: share of the draws that lost money.
        ruined: share of the draws that lost more than half.
        fan: equity (1 is the start) after each trade, at the percentiles LEVELS.
    """

    runs: int
    seed: int
    trades: int
    drawdown: dict[str, float]
    total_return: dict[str, float]
    losing: float
    ruined: float
    actual_drawdown: float
    fan: list[list[float]]


def trade_returns(result: Result) -> NDArray[np.float64]:
    """Each closed trade's gain as a fraction of the equity before its entry."""
    trips = result.outcome.books.trips
    entries, gains = trips.entry_bar, trips.gain
    before = result.equity[np.maximum(entries - 1, 0)]
    returns: NDArray[np.float64] = gains / np.where(before > 0, before, np.nan)
    return returns[np.isfinite(returns)]


def monte_carlo(
    returns: Sequence[float] | NDArray[np.float64],
    runs: int,
    seed: int,
    told: Callable[[int, int], None] = lambda done, all_: None,
) -> MonteCarlo:
    """Shuffle and draw.

    Args:
        returns: of the trades, in their order.
        seed: the same seed gives the same numbers.

    Raises:
        UsageError: there are fewer than two trades.
    """
    actual = np.asarray(returns, dtype=np.float64)
    if len(actual) < 2:
        raise UsageError(f"There are {len(actual)} closed trades; a Monte Carlo needs at least two.")
    random = np.random.default_rng(seed)
    worst: list[NDArray[np.float64]] = []
    ends: list[NDArray[Any]] = []
    paths: list[NDArray[Any]] = []
    places = np.unique(np.linspace(0, len(actual) - 1, 120).astype(int))
    for start in range(0, runs, _CHUNK):
        count = min(_CHUNK, runs - start)
        shuffled = random.permuted(np.tile(actual, (count, 1)), axis=1)
        worst.append(_worst(shuffled))
        drawn = np.cumprod(1.0 + random.choice(actual, (count, len(actual))), axis=1)
        ends.append(drawn[:, -1] - 1.0)
        paths.append(drawn[:, places])
        told(start + count, runs)
    falls, totals = np.concatenate(worst), np.concatenate(ends)
    fan = np.percentile(np.concatenate(paths), LEVELS, axis=0)
    return MonteCarlo(
        runs,
        seed,
        len(actual),
        _levels(falls),
        _levels(totals),
        float(np.mean(totals < 0)),
        float(np.mean(totals < -0.5)),
        float(_worst(actual[None, :])[0]),
        fan.tolist(),
    )


def _worst(returns: NDArray[np.float64]) -> NDArray[np.float64]:
    equity = np.cumprod(1.0 + returns, axis=1)
    high = np.maximum(np.maximum.accumulate(equity, axis=1), 1.0)
    found: NDArray[np.float64] = np.minimum(equity / high - 1.0, 0.0).min(axis=1)
    return found


def _levels(values: NDArray[np.float64]) -> dict[str, float]:
    return {
        f"p{level}": float(value) for level, value in zip(LEVELS, np.percentile(values, LEVELS), strict=True)
    }
