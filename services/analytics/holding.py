"""How long and how much was invested, and how much was traded."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from ...bus.contracts.trade import Fill
from ..accounting.exact import ZERO, add, subtract, total
from ..accounting.executions import Executions
from ..accounting.subpositions import ClosedTrade, assets_of
from .history import Point


def exposure(executions: Executions, from_ms: int, to_ms: int) -> float | None:
    """Share of the time in which something was held; None for no time."""
    if to_ms <= from_ms:
        return None
    spans = [(one.opened_ms, one.closed_ms) for one in executions.trades]
    open_ = [one.trip for one in executions.positions.all.values() if one.trip is not None]
    spans += [(trip.opened_ms, to_ms) for trip in open_]
    covered, reached = 0, from_ms
    for begin, end in sorted(spans):
        begin, end = max(begin, reached), min(end, to_ms)
        if end > begin:
            covered, reached = covered + end - begin, end
    return covered / (to_ms - from_ms)


def invested(fills: Iterable[Fill], points: Sequence[Point]) -> float | None:
    """Mean share of the equity that was in positions, at the points; None where no point tells."""
    amounts: dict[str, Decimal] = {}
    waiting = list(fills)
    at, shares = 0, []
    for point in points:
        while at < len(waiting) and waiting[at].ts_ms <= point.ts_ms:
            _take(amounts, waiting[at])
            at += 1
        value = total(
            amount * point.prices[symbol] for symbol, amount in amounts.items() if symbol in point.prices
        )
        if point.equity > 0:
            shares.append(float(value) / float(point.equity))
    return sum(shares) / len(shares) if shares else None


def _take(amounts: dict[str, Decimal], fill: Fill) -> None:
    base, _ = assets_of(fill.symbol)
    coins_fee = fill.fee if fill.fee_currency == base else ZERO
    signed = fill.amount if fill.side == "buy" else -fill.amount
    amounts[fill.symbol] = add(amounts.get(fill.symbol, ZERO), subtract(signed, coins_fee))


def turnover(fills: Iterable[Fill], points: Sequence[Point]) -> float | None:
    """Traded value by mean equity."""
    mean = sum(float(one.equity) for one in points) / len(points) if points else 0.0
    return float(total(fill.cost for fill in fills)) / mean if mean > 0 else None


def of_trades(trades: Sequence[ClosedTrade]) -> dict[str, float | None]:
    """Figures of closed trades; money in quote units."""
    profits = [float(one.profit) for one in trades]
    won = sum(value for value in profits if value > 0)
    lost = -sum(value for value in profits if value < 0)
    count = len(profits)
    hours = [(one.closed_ms - one.opened_ms) / 3_600_000 for one in trades]
    return {
        "trades": float(count),
        "win_rate": sum(value > 0 for value in profits) / count if count else None,
        "profit_factor": won / lost if lost else None,
        "average_trade": sum(profits) / count if count else None,
        "best_trade": max(profits, default=None),
        "worst_trade": min(profits, default=None),
        "average_hours": sum(hours) / count if count else None,
    }
