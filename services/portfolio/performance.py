"""Returns of a portfolio that money flows into and out of. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ...bus.contracts.portfolio import ReturnFigures
from ..accounting.exact import HUNDRED, ONE, divide, money, multiply, subtract, total

_YEAR_MS = 365 * 86_400_000
_MONTH_MS = 30 * 86_400_000
_STEPS = 200


@dataclass(frozen=True, slots=True)
class Point:
    """One valuation: `equity` holds the `flow` that came since the one before; `price` is that of a unit."""

    ts_ms: int
    equity: Decimal
    flow: Decimal
    price: Decimal


def figures(points: Sequence[Point]) -> ReturnFigures | None:
    """Returns from the first to the last point; None with fewer than two. The first one's flow is no flow of
    the span: its equity is what the span begins with.
    """
    if len(points) < 2:
        return None
    first, last, flows = points[0], points[-1], points[1:]
    deposited = total(point.flow for point in flows if point.flow > 0)
    withdrawn = total(-point.flow for point in flows if point.flow < 0)
    span_ms = last.ts_ms - first.ts_ms
    weighted = subtract(divide(last.price, first.price), ONE)
    moneys = money_weighted(points)
    yearly = span_ms >= _MONTH_MS
    return ReturnFigures(
        since_ms=first.ts_ms,
        until_ms=last.ts_ms,
        start_equity=first.equity,
        end_equity=last.equity,
        deposited=deposited,
        withdrawn=withdrawn,
        profit=total((last.equity, -first.equity, -deposited, withdrawn)),
        time_weighted=multiply(weighted, HUNDRED),
        money_weighted=None if moneys is None else multiply(moneys, HUNDRED),
        annual_time_weighted=_annual(weighted, span_ms) if yearly else None,
        annual_money_weighted=_annual(moneys, span_ms) if yearly and moneys is not None else None,
    )


def money_weighted(points: Sequence[Point]) -> Decimal | None:
    """The internal rate of return over the whole span: the one rate at which the first equity and every flow
    grow into the last equity. 0.1 is ten percent; None when no rate above -100 % does.
    """
    first, last = points[0], points[-1]
    span = last.ts_ms - first.ts_ms
    if span <= 0:
        return None
    paid = [(float(first.equity), 1.0)]
    paid += [(float(one.flow), (last.ts_ms - one.ts_ms) / span) for one in points[1:] if one.flow]
    end = float(last.equity)

    def short_of_end(growth: float) -> float:
        return math.fsum(amount * math.pow(growth, left) for amount, left in paid) - end

    low, high = 1e-9, 2.0
    while short_of_end(high) < 0 and high < 1e12:
        high *= 2
    if short_of_end(low) > 0 or short_of_end(high) < 0:
        return None
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if short_of_end(middle) < 0 else (low, middle)
    return subtract(money((low + high) / 2), ONE)


def _annual(growth: Decimal, span_ms: int) -> Decimal | None:
    whole = float(growth) + 1.0
    if whole <= 0:
        return -HUNDRED
    try:
        return money((whole ** (_YEAR_MS / span_ms) - 1.0) * 100.0)
    except OverflowError:
        return None
