"""A period of the account as one message: everything that pages and reports show."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ...bus.contracts.analytics import Performance, PerformanceDay
from ...bus.contracts.trade import Fill
from ..accounting.exact import ZERO, multiply, subtract, total
from ..accounting.executions import Executions
from ..accounting.series import DAY_MS, daily_returns, drawdown, falls, longest_drawdown, months, yearly
from ..accounting.subpositions import ClosedTrade, FeePrice, assets_of, fee_in_quote
from . import holding
from .attribution import contributions
from .comparison import against
from .groups import Regimes, grouped
from .history import Point

MOST_CURVE_POINTS = 2000
Array = NDArray[np.float64]
N = TypeVar("N", int, float)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """What is looked at.

    Args:
        points: oldest first; the first is the beginning, at or before `from_ms` where there is one.
        benchmark: a market whose price the points hold; "" for none.
    """

    from_ms: int
    to_ms: int
    points: Sequence[Point]
    benchmark: str


def closed_trades(executions: Executions, period: Period) -> list[ClosedTrade]:
    """Trades that ended within the period."""
    return [one for one in executions.trades if period.from_ms < one.closed_ms <= period.to_ms]


def performance(period: Period, executions: Executions, fee_price: FeePrice) -> Performance:
    """All of it. There is at least one point."""
    points = list(period.points)
    first, last = points[0], points[-1]
    all_fills = [one for one in executions.in_order() if one.ts_ms <= last.ts_ms]
    fills = [one for one in all_fills if one.ts_ms > first.ts_ms]
    trades = closed_trades(executions, period)
    flows = total(one.flow for one in points[1:])
    profit = subtract(subtract(last.equity, first.equity), flows)
    found = contributions(all_fills, first.ts_ms, first.prices, last.prices, first.equity, fee_price)

    def fee(fill: Fill) -> Decimal:
        return _fee(fill, fee_price)

    curve = _Curve(points, period.benchmark)
    figures = curve.figures()
    figures |= holding.of_trades(trades)
    figures["exposure"] = holding.exposure(executions, first.ts_ms, last.ts_ms)
    figures["invested"] = holding.invested(all_fills, points)
    figures["turnover"] = holding.turnover(fills, points)
    step = max(1, -(-len(points) // MOST_CURVE_POINTS))
    return Performance(
        from_ms=first.ts_ms,
        to_ms=last.ts_ms,
        currency=last.currency,
        start_equity=first.equity,
        end_equity=last.equity,
        flows=flows,
        profit=profit,
        fees=total(fee(one) for one in fills),
        figures=figures,
        benchmark=period.benchmark if curve.is_compared else "",
        against=curve.against(figures["total_return"]) if curve.is_compared else {},
        times_ms=_every(curve.times.tolist(), step),
        curve=_every(curve.values.tolist(), step),
        held=_every(curve.held.tolist(), step),
        fallen=_every(curve.fallen.tolist(), step),
        days=curve.days(),
        months=list(months(curve.times, curve.values)),
        falls=falls(curve.times, curve.fallen),
        groups=grouped(trades, fills, Regimes(_prices(points)), fee),
        contributions=found,
        unexplained=subtract(profit, total(one.profit for one in found)),
        note=_note(points, period, fills, fee_price),
    )


class _Curve:
    """The value of one unit over time, and beside it the benchmark, both from 1."""

    def __init__(self, points: Sequence[Point], benchmark: str) -> None:
        self.points = points
        self.times = np.array([one.ts_ms for one in points], dtype=np.int64)
        price = np.array([float(one.price) for one in points])
        self.values: Array = price / price[0] if price[0] > 0 else np.ones(len(price))
        self.fallen = drawdown(self.values)
        prices = np.array([float(one.prices.get(benchmark, 0)) for one in points])
        self.is_compared = bool(benchmark) and bool((prices > 0).all())
        self.held: Array = prices / prices[0] if self.is_compared else np.empty(0)
        self.returns = daily_returns(self.times, self.values)

    def figures(self) -> dict[str, float | None]:
        worst = float(self.fallen.min())
        found: dict[str, float | None] = {
            "total_return": float(self.values[-1] - 1.0),
            "max_drawdown": worst,
            "max_drawdown_days": longest_drawdown(self.times, self.values),
            "days": float((self.times[-1] - self.times[0]) / DAY_MS),
            "best_day": float(self.returns.max()) if len(self.returns) else None,
            "worst_day": float(self.returns.min()) if len(self.returns) else None,
        }
        found.update(yearly(self.returns, worst))
        return found

    def against(self, total_return: float | None) -> dict[str, float | None]:
        benchmark = daily_returns(self.times, self.held)
        return against(self.returns, benchmark, total_return, self.held)

    def days(self) -> list[PerformanceDay]:
        numbers = self.times // DAY_MS
        ends = np.append(np.flatnonzero(np.diff(numbers)), len(numbers) - 1).tolist()
        found, begin = [], 0
        for end in ends:
            point = self.points[end]
            before = self.held[max(begin - 1, 0)] if self.is_compared else 0.0
            found.append(
                PerformanceDay(
                    day=f"{datetime.fromtimestamp(point.ts_ms / 1000, UTC):%Y-%m-%d}",
                    equity=point.equity,
                    flow=total(one.flow for one in self.points[max(begin, 1) : end + 1]),
                    value=float(self.values[end]),
                    drawdown=float(self.fallen[end]),
                    benchmark=float(self.held[end] / before - 1.0) if self.is_compared else None,
                )
            )
            begin = end + 1
        return found


def _fee(fill: Fill, fee_price: FeePrice) -> Decimal:
    """A fee in quote units, whatever it was taken in; zero where its price is not known."""
    base, _ = assets_of(fill.symbol)
    if fill.fee_currency == base:
        return multiply(fill.fee, fill.price)
    return fee_in_quote(fill, fee_price)


def _prices(points: Sequence[Point]) -> dict[str, list[tuple[int, float]]]:
    found: dict[str, list[tuple[int, float]]] = {}
    for point in points:
        for symbol, price in point.prices.items():
            if price > 0:
                found.setdefault(symbol, []).append((point.ts_ms, float(price)))
    return found


def _every(values: list[N], step: int) -> list[N]:
    """Each `step`th value and the last one."""
    thinned = values[::step]
    if values and (len(values) - 1) % step:
        thinned.append(values[-1])
    return thinned


def _note(points: Sequence[Point], period: Period, fills: Sequence[Fill], fee_price: FeePrice) -> str:
    notes = []
    if period.from_ms and points[0].ts_ms > period.from_ms + DAY_MS:
        begun = datetime.fromtimestamp(points[0].ts_ms / 1000, UTC)
        notes.append(f"The history begins at {begun:%Y-%m-%d %H:%M} UTC.")
    if period.benchmark and not all(one.prices.get(period.benchmark, ZERO) > 0 for one in points):
        notes.append(f"The price of {period.benchmark} is not known for all of the time.")
    unknown = sorted({one.fee_currency for one in fills if _is_unknown(one, fee_price)})
    if unknown:
        notes.append(f"Fees in {', '.join(unknown)} are left out: their price is not known.")
    return " ".join(notes)


def _is_unknown(fill: Fill, fee_price: FeePrice) -> bool:
    base, quote = assets_of(fill.symbol)
    if not fill.fee or fill.fee_currency in (base, quote, ""):
        return False
    return fee_price(fill.fee_currency, quote) is None
