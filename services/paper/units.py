"""Money in the exchange: whole numbers of 1e-8, as Binance keeps it. Exact, fast, and never a float."""

DECIMALS = 8
UNIT = 100_000_000
"""How many units one whole coin has."""


class PrecisionError(ValueError):
    """The text has more digits after the point than the exchange keeps."""


def parse(text: str) -> int:
    """Units of a plain decimal text such as "0.00100000".

    Raises:
        PrecisionError: digits other than zero stand after the eighth.
        ValueError: it is not a plain decimal number.
    """
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
    whole, _, fraction = digits.partition(".")
    if not (whole + fraction).isascii() or not (whole + fraction).isdigit():
        raise ValueError(f"{text!r} is not a decimal number")
    if len(fraction) > DECIMALS:
        if fraction[DECIMALS:].strip("0"):
            raise PrecisionError(f"{text!r} has more than {DECIMALS} decimals")
        fraction = fraction[:DECIMALS]
    return sign * (int(whole or "0") * UNIT + int(fraction.ljust(DECIMALS, "0")))


def text(units: int) -> str:
    """Units as Binance prints them, always with eight decimals."""
    if units < 0:
        return "-" + text(-units)
    whole, fraction = divmod(units, UNIT)
    return f"{whole}.{fraction:08d}"


def multiply(price: int, amount: int) -> int:
    """price x amount in units, rounded down below 1e-8."""
    return price * amount // UNIT


def floor(units: int, step: int) -> int:
    """The largest multiple of `step` that is not above `units`."""
    return units - units % step
