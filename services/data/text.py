"""Decimal text from stored numbers."""

from decimal import Decimal


def decimal_text(value: float) -> str:
    """The shortest decimal that reads back as the same number, never with an exponent: 1e-07 is
    "0.0000001".
    """
    text = repr(value)
    return format(Decimal(text), "f") if "e" in text else text
