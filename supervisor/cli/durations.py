"""How long, and since when: `90s`, `5m`, `2h30m`, `1d`; a moment is a duration ago or an ISO time."""

import re
import time
from datetime import UTC, datetime

import click

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_PIECE = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")
_WHOLE = re.compile(rf"(?:{_PIECE.pattern})+")


def parse(text: str) -> float | None:
    """Seconds; None when the text is no duration. A bare number is seconds."""
    word = text.strip().lower()
    try:
        return float(word) if word.replace(".", "", 1).isdigit() else _sum(word)
    except ValueError:
        return None


def _sum(word: str) -> float | None:
    if not _WHOLE.fullmatch(word):
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in _PIECE.findall(word))


def length(text: str) -> float:
    """A length of time from the command line, in seconds."""
    seconds = parse(text)
    if seconds is None or seconds <= 0:
        raise click.BadParameter(f"{text!r} is not a length of time; write it like 90s, 5m, 2h or 1d.")
    return seconds


def moment(text: str) -> float:
    """A point in time from the command line, in seconds since 1970."""
    ago = parse(text)
    if ago is not None:
        return time.time() - ago
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a time; write 5m (ago) or 2026-01-31T12:00.") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
