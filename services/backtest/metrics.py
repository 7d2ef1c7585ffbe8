"""Figures of a run, from its equity by day. Checked against empyrical in tests.

A day ends at 00:00 UTC; a year has 365 of them, because these markets never close. Ratios are None where
there is nothing to divide by.
"""

from collections.abc import Mapping
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from ..accounting.series import daily_returns, drawdown, longest_drawdown, yearly
from ..data.columns import Columns
from .books import Books, Flows, Trips

Figures = Mapping[str, float | int | None]


def equity_curve(closes: NDArray[np.float64], flows: Flows, cash: Decimal) -> NDArray[np.float64]:
    """Money plus holdings at the close of each candle."""
    counts = np.diff(np.append(flows.index, len(closes)), prepend=0)
    # Between two executions neither money nor holdings change.
    money = np.repeat(np.concatenate(([0.0], np.cumsum(flows.money))), counts) + float(cash)
    held = np.repeat(np.concatenate(([0.0], np.cumsum(flows.held))), counts)
    curve: NDArray[np.float64] = money + held * closes
    return curve


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
        "max_drawdown_days": longest_drawdown(times, curve),
        "exposure": _exposure(len(candles), first, flows),
        "fees": sum(one.fees for one in flows),
        "turnover": _number(sum(float(np.abs(one.money).sum()) for one in flows) / curve[0]),
        "orders_filled": sum(len(one.index) for one in flows),
    }
    found.update(yearly(returns, found["max_drawdown"]))
    found.update(_of_trades(books.trips))
    return found


def _of_trades(trips: Trips) -> dict[str, float | int | None]:
    gains, count = trips.gain, len(trips)
    won, lost = float(gains[gains > 0].sum()), float(gains[gains <= 0].sum())
    return {
        "trades": count,
        "win_rate": float(np.count_nonzero(gains > 0)) / count if count else None,
        "profit_factor": won / -lost if lost else None,
        "average_trade": float(gains.sum()) / count if count else None,
        "best_trade": float(gains.max()) if count else None,
        "worst_trade": float(gains.min()) if count else None,
        "average_bars": float((trips.exit_bar - trips.entry_bar).sum()) / count if count else None,
    }


def _exposure(size: int, first: int, flows: list[Flows]) -> float:
    """Share of the candles at whose close something was held."""
    if size <= first:
        return 0.0
    if len(flows) == 1:
        found = [(max(start, first), end) for start, end in stays(flows[0], size) if end > first]
        return sum(end - start for start, end in found) / (size - first)
    held = np.zeros(size, dtype=np.bool_)
    for one in flows:
        for start, end in stays(one, size):
            held[start:end] = True
    return float(np.count_nonzero(held[first:])) / (size - first)


def stays(flows: Flows, size: int) -> list[tuple[int, int]]:
    """From when to when something was held; amounts are whole lots, so their sum is 0 within a grain."""
    held = np.cumsum(flows.held)
    grain = float(np.abs(flows.held).max(initial=0.0)) * 1e-9
    flat = np.abs(held) <= grain
    before = np.concatenate(([True], flat[:-1])) if len(flat) else flat
    starts, ends = flows.index[before & ~flat].tolist(), flows.index[~before & flat].tolist()
    if len(starts) > len(ends):
        ends.append(size)
    return list(zip(starts, ends, strict=True))


def _number(value: float) -> float:
    return float(value)
