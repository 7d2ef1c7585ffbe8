"""What is played: the bundled recording, files of the user's, or candles made up from a seed."""

from array import array
from pathlib import Path

from ...configs.errors import StartError
from ...configs.schema import PaperSettings
from . import files, recording, units
from .book import mix
from .recording import Recording

SYNTHETIC_CANDLES = 20_000
_FIRST_PRICE = 30_000
_PARTS = 1_000_000
_MOVE = 4_000
"""Largest move of a made-up candle from open to close, in parts of a million."""
_TICK = units.UNIT // 100
_STEP = units.UNIT // 100_000


def load(settings: PaperSettings) -> dict[str, Recording]:
    """Market (in ccxt's spelling): what it plays.

    Raises:
        StartError: a file cannot be read as candles; names file, row and reason.
    """
    if settings.source == "synthetic":
        return {settings.symbol: synthetic(settings.seed)}
    first = _file(settings.file) if settings.file else recording.bundled()
    return {settings.symbol: first} | {name: _file(path) for name, path in settings.markets.items()}


def _file(name: str) -> Recording:
    path = Path(name).expanduser()
    try:
        return files.read(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise StartError(f"The candle file {path} (paper.file) cannot be read: {reason}.") from error


def synthetic(seed: int) -> Recording:
    """A random walk; the same for the same seed on every machine."""
    columns = [array("q") for _ in recording.COLUMNS]
    price = _FIRST_PRICE * units.UNIT
    for number in range(SYNTHETIC_CANDLES):
        first = (seed * SYNTHETIC_CANDLES + number) * 4
        move, up, down, size = (mix(first + part) % (_MOVE + 1) for part in range(4))
        close = max(_TICK, units.floor(price * (_PARTS - _MOVE // 2 + move) // _PARTS, _TICK))
        high = units.floor(max(price, close) * (_PARTS + up // 2) // _PARTS, _TICK)
        low = max(_TICK, units.floor(min(price, close) * (_PARTS - down // 2) // _PARTS, _TICK))
        volume = units.floor((size + 100) * units.UNIT // 20, _STEP)
        row = (price, max(high, price, close), min(low, price, close), close, volume)
        for column, value in zip(columns, (*row, units.multiply(close, volume)), strict=True):
            column.append(value)
        price = close
    times = array("q", range(0, SYNTHETIC_CANDLES * recording.STEP_MS, recording.STEP_MS))
    return Recording(columns, times, f"candles made up from the seed {seed} (a random walk)")
