"""The verdict on a strategy that `backtest trust` leaves for those who start strategies.

A file, not a message: it must be known whether or not the backtest service runs.
"""

import msgspec

from . import files
from .paths import Home


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was found last.

    Args:
        colour: green, yellow or red.
        reasons: what cost points, one sentence each.
    """

    strategy: str
    symbol: str
    colour: str
    score: int
    made_ms: int
    reasons: list[str]


def _name(strategy: str, symbol: str) -> str:
    plain = "".join(
        letter if letter.isalnum() or letter in "-_" else "-" for letter in f"{strategy}@{symbol}"
    )
    return f"{plain}.json"


def write(home: Home, verdict: Verdict) -> None:
    """Leave a verdict; the one before is replaced."""
    folder = home.state / "trust"
    folder.mkdir(parents=True, exist_ok=True)
    files.replace(folder / _name(verdict.strategy, verdict.symbol), msgspec.json.encode(verdict))


def read(home: Home, strategy: str, symbol: str) -> Verdict | None:
    """The newest verdict; None when there is none, or it cannot be read."""
    try:
        data = (home.state / "trust" / _name(strategy, symbol)).read_bytes()
        return msgspec.json.decode(data, type=Verdict)
    except (OSError, msgspec.DecodeError, msgspec.ValidationError):
        return None
