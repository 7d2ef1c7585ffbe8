"""Lengths of candles as ccxt writes them."""

from ...configs.errors import SettingsError

_UNITS_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


def milliseconds(text: str) -> int:
    """The length of "1s", "5m", "4h", "1d", "1w".

    Raises:
        SettingsError: it is written in another way.
    """
    number, unit = text[:-1], text[-1:]
    if not number.isdigit() or int(number) == 0 or unit not in _UNITS_MS:
        raise SettingsError(
            f"{text!r} is no length of time; write a number and one of s, m, h, d, w, such as 5m."
        )
    return int(number) * _UNITS_MS[unit]
