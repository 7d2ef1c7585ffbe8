"""Exact arithmetic: what would have to be rounded raises `decimal.Inexact` instead of losing a digit."""

from decimal import (
    ROUND_DOWN,
    ROUND_HALF_EVEN,
    ROUND_UP,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
)

ZERO = Decimal(0)
EXACT = Context(prec=200, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])
# For quotients that are cut to a grid afterwards.
WIDE = Context(prec=60, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow])
_FIGURES = Context(prec=20, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow])
_SHARE_QUANTUM = Decimal("1e-18")


def add(*values: Decimal) -> Decimal:
    total = ZERO
    for value in values:
        total = EXACT.add(total, value)
    return total


def subtract(left: Decimal, right: Decimal) -> Decimal:
    return EXACT.subtract(left, right)


def multiply(left: Decimal, right: Decimal) -> Decimal:
    return EXACT.multiply(left, right)


def divide(left: Decimal, right: Decimal) -> Decimal:
    """20 digits: for averages and ratios that people read, never for what is booked."""
    return _FIGURES.divide(left, right)


def share(total: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """`total * part / whole`, cut to 18 decimals; exactly `total` for the whole, so that shares add up."""
    if part == whole:
        return total
    return WIDE.divide(multiply(total, part), whole).quantize(_SHARE_QUANTUM, ROUND_DOWN, WIDE)


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of `step` not above `value` (towards zero)."""
    return _to_multiple(value, step, ROUND_DOWN)


def ceil_to(value: Decimal, step: Decimal) -> Decimal:
    """The smallest multiple of `step` not below `value`, for values above zero."""
    return _to_multiple(value, step, ROUND_UP)


def plain(value: Decimal) -> Decimal:
    """The same number without trailing zeros and without an exponent."""
    normal = EXACT.normalize(value)
    return normal.quantize(Decimal(1), context=EXACT) if normal.as_tuple().exponent > 0 else normal  # type: ignore[operator]


def _to_multiple(value: Decimal, step: Decimal, rounding: str) -> Decimal:
    if step <= 0:
        return value
    count = WIDE.divide(value, step).to_integral_value(rounding, WIDE)
    return plain(multiply(count, step))
