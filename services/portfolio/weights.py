"""How a portfolio is divided: equal, inverse volatility, risk parity, minimum variance, or as the user says.

Risk parity: each market contributes the same part of the variance. Found as the minimum of
x'Cx / 2 - sum(log x) / n, which is convex and has one solution (Spinu, "An algorithm for computing risk
parity weights", 2013; Maillard, Roncalli and Teiletche, "The properties of equally weighted risk
contribution portfolios", Journal of Portfolio Management 36, 2010). Minimum variance: long only, by
sequential least squares. Both need scipy, which is loaded when they are asked for.
"""

from collections.abc import Sequence
from decimal import ROUND_DOWN, Decimal
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...configs.errors import RequestFailedError
from ..accounting.exact import ONE, ZERO, multiply, subtract, total
from ..accounting.returns import LEAST

Matrix = NDArray[np.float64]
_QUANTUM = Decimal("0.000001")
_NEED_RETURNS = ("inverse-volatility", "risk-parity", "minimum-variance")


def chosen(
    method: str, symbols: Sequence[str], returns: Matrix, *, invested: Decimal, max_weight: Decimal
) -> dict[str, Decimal]:
    """The weights of a method but `target`; their sum is `invested`.

    Args:
        returns: simple returns, shape (candles, symbols).
        invested: one less what stays in cash.
        max_weight: of one market, before `invested`.

    Raises:
        RequestFailedError: too few returns, a market that never moves, limits that leave no solution, or
            scipy is not installed.
    """
    if not symbols:
        raise RequestFailedError(
            "no_markets", "No markets are set; name them in portfolio.symbols or portfolio.targets."
        )
    if multiply(max_weight, Decimal(len(symbols))) < ONE:
        raise RequestFailedError(
            "max_weight",
            f"{len(symbols)} markets of at most {max_weight} each are less than the whole; "
            "raise portfolio.max_weight.",
        )
    if method in _NEED_RETURNS:
        _check_returns(symbols, returns)
    found = _METHODS[method](returns, len(symbols), float(max_weight))
    return _exact(symbols, capped(found, float(max_weight)), invested)


def _check_returns(symbols: Sequence[str], returns: Matrix) -> None:
    if len(returns) < LEAST:
        raise RequestFailedError(
            "few_candles",
            f"Only {len(returns)} returns of {', '.join(symbols)} are known in common; {LEAST} are needed.",
        )
    still = [symbol for symbol, deviation in zip(symbols, returns.std(axis=0), strict=True) if deviation <= 0]
    if still:
        raise RequestFailedError("no_movement", f"{still[0]} did not move at all; its risk cannot be told.")


def _equal(returns: Matrix, count: int, max_weight: float) -> Matrix:
    return np.full(count, 1.0 / count)


def _inverse_volatility(returns: Matrix, count: int, max_weight: float) -> Matrix:
    inverse: Matrix = 1.0 / returns.std(axis=0, ddof=1)
    return np.asarray(inverse / inverse.sum(), dtype=np.float64)


def _risk_parity(returns: Matrix, count: int, max_weight: float) -> Matrix:
    # In units of volatility the problem has the same scale for every market and timeframe.
    deviation = returns.std(axis=0, ddof=1)
    correlation = np.atleast_2d(np.corrcoef(returns, rowvar=False))

    def value(x: Matrix) -> tuple[float, Matrix]:
        moved = correlation @ x
        return float(x @ moved / 2 - np.log(x).sum() / count), moved - 1.0 / (count * x)

    start = np.full(count, 1.0 / np.sqrt(count))
    found = _optimiser().minimize(
        value, start, jac=True, method="L-BFGS-B", bounds=[(1e-9, None)] * count, options={"ftol": 1e-15}
    )
    scaled = found.x / deviation
    return np.asarray(scaled / scaled.sum(), dtype=np.float64)


def _minimum_variance(returns: Matrix, count: int, max_weight: float) -> Matrix:
    covariance = np.atleast_2d(np.cov(returns, rowvar=False))
    covariance = covariance / np.trace(covariance)
    found = _optimiser().minimize(
        lambda x: float(x @ covariance @ x),
        np.full(count, 1.0 / count),
        jac=lambda x: 2 * covariance @ x,
        method="SLSQP",
        bounds=[(0.0, max_weight)] * count,
        constraints=[{"type": "eq", "fun": lambda x: x.sum() - 1.0, "jac": lambda x: np.ones(count)}],
        options={"ftol": 1e-14, "maxiter": 500},
    )
    if not found.success:
        raise RequestFailedError("no_solution", f"Minimum variance was not found: {found.message}.")
    weights = np.clip(found.x, 0.0, None)
    return np.asarray(weights / weights.sum(), dtype=np.float64)


_METHODS = {
    "equal": _equal,
    "inverse-volatility": _inverse_volatility,
    "risk-parity": _risk_parity,
    "minimum-variance": _minimum_variance,
}


def _optimiser() -> Any:
    try:
        return import_module("scipy.optimize")
    except ImportError as error:
        raise RequestFailedError(
            "scipy_missing",
            'This method needs scipy, which is not installed: pip install "cryptobot[portfolio]".',
        ) from error


def capped(weights: Matrix, most: float) -> Matrix:
    """Weights of sum one, none above `most`: what is cut goes to the others in their proportion."""
    found = weights / weights.sum()
    for _ in range(len(found)):
        over = found > most + 1e-12
        if not over.any():
            break
        spare = float((found[over] - most).sum())
        found[over] = most
        free = (found < most) & (found > 0)
        if not free.any():
            break
        found[free] += spare * found[free] / found[free].sum()
    return np.asarray(found, dtype=np.float64)


def _exact(symbols: Sequence[str], weights: Matrix, invested: Decimal) -> dict[str, Decimal]:
    """As Decimals of six places that sum to `invested`; the largest takes the rest of the rounding."""
    found = {
        symbol: multiply(Decimal(f"{weight:.9f}"), invested).quantize(_QUANTUM, ROUND_DOWN)
        for symbol, weight in zip(symbols, weights, strict=True)
    }
    largest = max(found, key=lambda symbol: found[symbol])
    found[largest] += subtract(invested, total(found.values()))
    return found


def given(targets: dict[str, Decimal], key: str = "portfolio.targets") -> dict[str, Decimal]:
    """The weights of the settings, which stand under `key`.

    Raises:
        RequestFailedError: there are none, or they are no weights.
    """
    if not targets:
        raise RequestFailedError(
            "no_targets",
            f'No target weights are set; set {key}, such as {{"BTC/USDT": "0.5"}}, or choose another method.',
        )
    if any(weight < ZERO for weight in targets.values()) or total(targets.values()) > ONE:
        raise RequestFailedError(
            "bad_targets",
            f"{key} must be zero or more each and one at most together; they sum to "
            f"{total(targets.values())}.",
        )
    return dict(targets)
