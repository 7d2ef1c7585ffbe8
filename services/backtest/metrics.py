"""Figures of a run, from its equity by day. Checked against empyrical in tests.

A day ends at 00:00 UTC; a year has 365 of them, because these markets never close. Ratios are None where
there is nothing to divide by.
"""

from collections.abc import Mapping
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from ..data.columns import Columns
from .books import Books, Flows, Trip

DAYS_A_YEAR = 365.0
_DAY_MS = 86_400_000

Figures = Mapping[str, float | int | None]


def equity_curve(closes: NDArray[np.float64], flows: Flows, cash: Decimal) -> NDArray[np.float64]:
    """Money plus holdings at the close of each candle."""
    counts = np.diff(np.append(flows.index, len(closes)), prepend=0)
    # Between two executions neither money nor holdings change.
    money = np.repeat(np.concatenate(([0.0], np.cumsum(flows.money))), counts) + float(cash)
    held = np.repeat(np.concatenate(([0.0], np.cumsum(flows.held))), counts)
    curve: NDArray[np.float64] = money + held * closes
    return curve


def daily_returns(open_ms: NDArray[np.int64], equity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns from one day's last equity to the next one's."""
    if len(equity) < 2:
        return np.empty(0)
    days = open_ms // _DAY_MS
    ends = np.append(np.flatnonzero(np.diff(days)), len(days) - 1)
    values = np.concatenate((equity[:1], equity[ends]))
    returns: NDArray[np.float64] = values[1:] / values[:-1] - 1.0
    return returns


def drawdown(equity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance from the highest equity so far, as a fraction at or below 0."""
    below: NDArray[np.float64] = equity / np.maximum.accumulate(equity) - 1.0
    return below


def figures(
    candles: Columns, first: int, equity: NDArray[np.float64], books: Books
) -> dict[str, float | int | None]:
    """All figures of a run.

    Args:
        first: index of the first candle that was decided on; what lies before it does not count.
        equity: at each candle's close.
    """
    curve, times = equity[first:], candles.open_ms[first:]
    if not len(curve):
        curve, times = equity[-1:], candles.open_ms[-1:]
    returns = daily_returns(times, curve)
    flows = [books.flows(symbol) for symbol in books.held]
    found: dict[str, float | int | None] = {
        "total_return": _number(curve[-1] / curve[0] - 1.0),
        "buy_and_hold_return": _number(candles.close[-1] / candles.close[-len(curve)] - 1.0),
        "max_drawdown": _number(drawdown(curve).min()),
        "max_drawdown_days": _longest_drawdown(times, curve),
        "exposure": _exposure(len(candles), first, flows),
        "fees": sum(one.fees for one in flows),
        "turnover": _number(sum(float(np.abs(one.money).sum()) for one in flows) / curve[0]),
        "orders_filled": sum(len(one.index) for one in flows),
    }
    found.update(_yearly(returns, found["max_drawdown"]))
    found.update(_of_trades(books.trips))
    return found


def _yearly(returns: NDArray[np.float64], worst: float | None) -> dict[str, float | int | None]:
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
    return {
        name: None if value is None else _number(value) for name, value in zip(names, values, strict=True)
    }


def _of_trades(trips: list[Trip]) -> dict[str, float | int | None]:
    gains = [trip.gain for trip in trips]
    won, lost = [gain for gain in gains if gain > 0], [gain for gain in gains if gain <= 0]
    bars = sum(trip.exit_bar - trip.entry_bar for trip in trips)
    return {
        "trades": len(gains),
        "win_rate": len(won) / len(gains) if gains else None,
        "profit_factor": sum(won) / -sum(lost) if lost and sum(lost) else None,
        "average_trade": sum(gains) / len(gains) if gains else None,
        "best_trade": max(gains, default=None),
        "worst_trade": min(gains, default=None),
        "average_bars": bars / len(gains) if gains else None,
    }


def _longest_drawdown(times: NDArray[np.int64], curve: NDArray[np.float64]) -> float:
    """Longest time below an earlier height, in days."""
    heights = np.flatnonzero(curve >= np.maximum.accumulate(curve))
    # From one height to the last candle before the next one, or to the end.
    ends = np.append(heights[1:] - 1, len(curve) - 1)
    return float((times[ends] - times[heights]).max() / _DAY_MS)


def _exposure(size: int, first: int, flows: list[Flows]) -> float:
    """Share of the candles at whose close something was held."""
    if size <= first:
        return 0.0
    edges = np.zeros(size + 1, dtype=np.int64)
    for one in flows:
        for start, end in stays(one, size):
            edges[start] += 1
            edges[end] -= 1
    return float(np.count_nonzero(np.cumsum(edges)[first:size])) / (size - first)


def stays(flows: Flows, size: int) -> list[tuple[int, int]]:
    """From when to when something was held; amounts are whole lots, so their sum is 0 within a grain."""
    held = np.cumsum(flows.held)
    grain = float(np.abs(flows.held).max(initial=0.0)) * 1e-9
    flat = np.abs(held) <= grain
    stays: list[tuple[int, int]] = []
    since: int | None = None
    for index, is_flat in zip(flows.index.tolist(), flat.tolist(), strict=True):
        if since is None and not is_flat:
            since = index
        elif since is not None and is_flat:
            stays.append((since, index))
            since = None
    if since is not None:
        stays.append((since, size))
    return stays


def _number(value: float) -> float:
    return float(value)
