"""What is played: the bundled recording, files of the user's, or candles made up from a seed."""

from array import array
from pathlib import Path

from ...configs.errors import StartError
from ...configs.schema import PaperSettings
from . import book_files, files, recording, units
from .book import mix
from .recording import Recording
from .scripts import CandleScript, Script, TradeScript

SYNTHETIC_CANDLES = 20_000
_FIRST_PRICE = 30_000
_PARTS = 1_000_000
_MOVE = 4_000
"""Largest move of a made-up candle from open to close, in parts of a million."""
_TICK = units.UNIT // 100
_STEP = units.UNIT // 100_000


def load(settings: PaperSettings, interval_ms: int) -> dict[str, Script]:
    """Market (in ccxt's spelling): what it plays.

    Raises:
        StartError: a file cannot be read; names file, row and reason.
    """
    if settings.source == "synthetic":
        first: Script = CandleScript(synthetic(settings.seed), interval_ms)
    elif settings.file:
        first = _file(settings.file, interval_ms)
    else:
        first = CandleScript(recording.bundled(), interval_ms)
    played = {settings.symbol: first}
    for number, (name, path) in enumerate(settings.markets.items(), start=1):
        made_up = settings.source == "synthetic" or not path
        played[name] = (
            CandleScript(synthetic(settings.seed + number), interval_ms)
            if made_up
            else _file(path, interval_ms)
        )
    return played


def _file(name: str, interval_ms: int) -> Script:
    path = Path(name).expanduser()
    try:
        if path.suffix == ".gz":
            return book_files.read(path, interval_ms)
        found = files.read(path)
    except (OSError, UnicodeDecodeError) as error:
        reason = "it is no text" if isinstance(error, UnicodeDecodeError) else error.strerror or str(error)
        raise StartError(f"The file {path} (paper.file) cannot be played: {reason}.") from error
    if isinstance(found, Recording):
        return CandleScript(found, interval_ms)
    return TradeScript(found, interval_ms, f"recorded: trades of {path.name}")


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
