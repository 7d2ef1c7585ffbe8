"""Decimal arithmetic for books: sums and products are exact, quotients have 34 digits."""

from collections.abc import Iterable
from decimal import (
    ROUND_DOWN,
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
)

ZERO, ONE, HUNDRED = Decimal(0), Decimal(1), Decimal(100)
_TRAPS = [InvalidOperation, DivisionByZero, Overflow]
_EXACT = Context(prec=300, traps=[Inexact, *_TRAPS])
_WIDE = Context(prec=300, rounding=ROUND_HALF_EVEN, traps=_TRAPS)
_FIGURES = Context(prec=34, rounding=ROUND_HALF_EVEN, traps=_TRAPS)
_SHARE_QUANTUM = Decimal("1e-18")


def total(values: Iterable[Decimal]) -> Decimal:
    """The sum, without rounding."""
    found = ZERO
    for value in values:
        found = _EXACT.add(found, value)
    return found


def add(left: Decimal, right: Decimal) -> Decimal:
    return _EXACT.add(left, right)


def subtract(left: Decimal, right: Decimal) -> Decimal:
    return _EXACT.subtract(left, right)


def multiply(left: Decimal, right: Decimal) -> Decimal:
    return _EXACT.multiply(left, right)


def divide(left: Decimal, right: Decimal) -> Decimal:
    """34 digits: for ratios and averages, never for what is booked."""
    return _FIGURES.divide(left, right)


def scale(value: Decimal, factor: Decimal) -> Decimal:
    """A product for reading, of at most 34 digits: ratios that are multiplied again and again stay short."""
    return _FIGURES.multiply(value, factor)


def share(whole_value: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """`whole_value * part / whole`, cut to 18 decimals; all of it for the whole, so that shares add up."""
    if part == whole:
        return whole_value
    return _WIDE.divide(_EXACT.multiply(whole_value, part), whole).quantize(_SHARE_QUANTUM, ROUND_DOWN, _WIDE)


def percent(part: Decimal, whole: Decimal) -> Decimal:
    """How many percent of `whole` a part is; zero of nothing."""
    return multiply(divide(part, whole), HUNDRED) if whole else ZERO


def money(value: float) -> Decimal:
    """A statistic as an amount of money, to twelve decimals: statistics are floats, limits are not."""
    return Decimal(f"{value:.12f}")


def rounded(value: Decimal, places: int = 2) -> str:
    """For sentences."""
    return f"{value:.{places}f}"
