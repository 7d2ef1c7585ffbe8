"""The account beside a market that was simply held: alpha, beta and the like, as empyrical has them."""

import numpy as np
from numpy.typing import NDArray

from ..accounting.series import DAYS_A_YEAR, drawdown, yearly

Array = NDArray[np.float64]
Figures = dict[str, float | None]
NAMES = (
    "alpha",
    "beta",
    "correlation",
    "tracking_error",
    "information_ratio",
    "excess_return",
)


def against(returns: Array, benchmark: Array, total: float | None, held: Array) -> Figures:
    """Figures of the benchmark, and of the account against it.

    Args:
        returns, benchmark: of the same days.
        total: the account's total return.
        held: the benchmark's curve, beginning at 1.
    """
    worst = float(drawdown(held).min()) if len(held) else None
    found: Figures = {f"benchmark_{name}": value for name, value in yearly(benchmark, worst).items()}
    found["benchmark_return"] = float(held[-1] / held[0] - 1.0) if len(held) else None
    found["benchmark_max_drawdown"] = worst
    found.update(_relations(returns, benchmark))
    known = total is not None and found["benchmark_return"] is not None
    found["excess_return"] = (total or 0.0) - (found["benchmark_return"] or 0.0) if known else None
    return found


def _relations(returns: Array, benchmark: Array) -> Figures:
    """None where the benchmark does not move, or where there are too few days."""
    found: Figures = dict.fromkeys(NAMES)
    if len(returns) < 2 or len(returns) != len(benchmark):
        return found
    active = returns - benchmark
    spread = float(np.std(active, ddof=1))
    year = float(np.sqrt(DAYS_A_YEAR))
    found["tracking_error"] = spread * year
    found["information_ratio"] = float(np.mean(active)) / spread * year if spread else None
    variance = float(np.var(benchmark, ddof=1))
    if not variance:
        return found
    beta = float(np.cov(returns, benchmark, ddof=1)[0, 1]) / variance
    found["beta"] = beta
    found["alpha"] = float((1.0 + np.mean(returns - beta * benchmark)) ** DAYS_A_YEAR - 1.0)
    if np.std(returns):
        found["correlation"] = float(np.corrcoef(returns, benchmark)[0, 1])
    return found
