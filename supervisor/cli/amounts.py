"""Amounts and prices on the command line: exact decimals."""

from decimal import Decimal, InvalidOperation

import click


def amount(text: str) -> Decimal:
    """A decimal number above zero.

    Raises:
        BadParameter: it is none.
    """
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise click.BadParameter(f"{text!r} is no number; write it as 0.01.") from None
    if not number.is_finite() or number <= 0:
        raise click.BadParameter(f"{text!r} is not above zero.")
    return number
