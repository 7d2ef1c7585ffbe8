"""Figures of a run, from its equity by day. Checked against empyrical in tests.

A day ends at 00:00 UTC; a year has 365 of them, because these markets never close. Ratios are None where
there is nothing to divide by.
"""

from collections.abc import Mapping
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from ..data.columns import Columns
from .orders import Execution, Trade

DAYS_A_YEAR = 365.0
_DAY_MS = 86_400_000

Figures = Mapping[str, float | int | None]


def equity_curve(candles: Columns, executions: list[Execution], cash: Decimal) -> NDArray[np.float64]:
    """Money plus holdings at the close of each candle."""
    places = np.array([execution.index for execution in executions], dtype=np.int64)
    flows = np.array([float(execution.flow) for execution in executions])
    amounts = np.array([float(execution.amount) * execution.sign for execution in executions])
    upto = np.searchsorted(places, np.arange(len(candles)), side="right")
    money = np.concatenate(([0.0], np.cumsum(flows)))[upto] + float(cash)
    held = np.concatenate(([0.0], np.cumsum(amounts)))[upto]
    curve: NDArray[np.float64] = money + held * candles.close
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
    candles: Columns,
    first: int,
    equity: NDArray[np.float64],
    executions: list[Execution],
    trades: list[Trade],
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
    found: dict[str, float | int | None] = {
        "total_return": _number(curve[-1] / curve[0] - 1.0),
        "buy_and_hold_return": _number(candles.close[-1] / candles.close[-len(curve)] - 1.0),
        "max_drawdown": _number(drawdown(curve).min()),
        "max_drawdown_days": _longest_drawdown(times, curve),
        "exposure": _exposure(len(candles), first, executions),
        "fees": _number(float(sum(execution.fee for execution in executions))),
        "turnover": _number(sum(abs(float(execution.flow)) for execution in executions) / curve[0]),
        "orders_filled": len(executions),
    }
    found.update(_yearly(returns, found["max_drawdown"]))
    found.update(_of_trades(trades))
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


def _of_trades(trades: list[Trade]) -> dict[str, float | int | None]:
    gains = [float(trade.pnl_net) for trade in trades]
    won, lost = [gain for gain in gains if gain > 0], [gain for gain in gains if gain <= 0]
    return {
        "trades": len(gains),
        "win_rate": len(won) / len(gains) if gains else None,
        "profit_factor": sum(won) / -sum(lost) if lost and sum(lost) else None,
        "average_trade": sum(gains) / len(gains) if gains else None,
        "best_trade": max(gains, default=None),
        "worst_trade": min(gains, default=None),
        "average_bars": sum(trade.exit_bar - trade.entry_bar for trade in trades) / len(gains)
        if gains
        else None,
    }


def _longest_drawdown(times: NDArray[np.int64], curve: NDArray[np.float64]) -> float:
    """Longest time below an earlier height, in days."""
    high = np.maximum.accumulate(curve)
    at_high = np.where(curve >= high, times, times[0])
    return float((times - np.maximum.accumulate(at_high)).max() / _DAY_MS)


def _exposure(size: int, first: int, executions: list[Execution]) -> float:
    """Share of the candles at whose close something was held."""
    held, since, bars = Decimal(0), 0, 0
    for execution in executions:
        before = held
        held += execution.amount * execution.sign
        if not before:
            since = execution.index
        elif not held:
            bars += execution.index - since
    if held:
        bars += size - since
    return bars / (size - first) if size > first else 0.0


def _number(value: float) -> float:
    return float(value)
