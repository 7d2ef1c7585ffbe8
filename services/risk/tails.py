"""Value at risk and expected shortfall of what is held.

Losses are positive. Value at risk at confidence c is the loss that is exceeded with probability 1 - c; the
expected shortfall is the mean of the worst 1 - c of outcomes. Historical: the empirical distribution, with
VaR as its lower quantile and ES by Acerbi and Tasche, "On the coherence of expected shortfall", Journal of
Banking & Finance 26 (2002), definition 2.6, which counts the outcome at the quantile in part. Parametric: a
normal distribution; McNeil, Frey and Embrechts, "Quantitative Risk Management" (2015), examples 2.11 and
2.14.
"""

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from ..accounting.returns import LEAST

Vector = NDArray[np.float64]


def losses(returns: NDArray[np.float64], values: Vector, horizon: int) -> Vector:
    """Losses of a portfolio over each span of `horizon` candles of the past.

    Args:
        returns: simple returns, shape (candles, assets).
        values: money in each asset, shape (assets,).
    """
    if len(returns) < horizon:
        return np.empty(0)
    growth = np.cumprod(np.vstack([np.ones(returns.shape[1]), 1.0 + returns]), axis=0)
    spans = growth[horizon:] / growth[:-horizon] - 1.0
    return np.asarray(-(spans @ values), dtype=np.float64)


def historical(found: Vector, confidence: float) -> tuple[float, float] | None:
    """(value at risk, expected shortfall) of losses that were; None with fewer than 20."""
    count = len(found)
    if count < LEAST:
        return None
    worst_first = np.sort(found)[::-1]
    tail = count * (1.0 - confidence)
    # 20 losses at 0.95 are a tail of one, whatever binary fractions make of it.
    tail = round(tail) if math.isclose(tail, round(tail), abs_tol=1e-9) else tail
    whole = math.floor(tail)
    at_risk = float(worst_first[min(whole, count - 1)])
    if tail <= 0:
        return at_risk, at_risk
    shortfall = (float(worst_first[:whole].sum()) + (tail - whole) * at_risk) / tail
    return at_risk, shortfall


def parametric(
    returns: NDArray[np.float64], values: Vector, confidence: float, horizon: int
) -> tuple[float, float] | None:
    """(value at risk, expected shortfall) of a normal distribution; None with fewer than 20 returns.

    Mean and variance of one candle grow with the number of candles ahead.
    """
    if len(returns) < LEAST:
        return None
    one = returns @ values
    mean, deviation = float(one.mean()) * horizon, float(one.std(ddof=1)) * math.sqrt(horizon)
    return normal(mean, deviation, confidence)


def normal(mean: float, deviation: float, confidence: float) -> tuple[float, float]:
    """(value at risk, expected shortfall) of normally distributed profits."""
    standard = NormalDist()
    quantile = standard.inv_cdf(confidence)
    at_risk = deviation * quantile - mean
    shortfall = deviation * standard.pdf(quantile) / (1.0 - confidence) - mean
    return at_risk, shortfall
