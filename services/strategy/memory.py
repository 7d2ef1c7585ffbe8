"""What a strategy must not forget when its process dies: one small file a run, replaced whole."""

from pathlib import Path
from typing import Any

import msgspec

from ...bus import topics
from ...configs import files
from ...configs.errors import StrategyError
from .book import Book
from .dry import DryVenue


class Memory(msgspec.Struct, kw_only=True):
    """The memory of one run.

    Args:
        market: strategy, venue, market and timeframe; another one begins a new memory.
        settled_ms: open time of the newest candle whose decisions were carried out or refused for good; 0
        when none.
        stopped: a person stopped it; it stays stopped until a person starts it.
        state: the author's own.
        parameters: changed by a person while it ran, over those of the settings.
        hung: it did not return from a call until its process had to be ended; says where. It stays failed
        until a person starts it.
        book: what this run itself holds.
        brackets: markets that it asked trade to guard.
        dry: simulated money and orders of a dry run.
    """

    market: str
    settled_ms: int = 0
    stopped: bool = False
    signals: int = 0
    state: dict[str, Any] = msgspec.field(default_factory=dict)
    parameters: dict[str, str | int | float | bool] = msgspec.field(default_factory=dict)
    hung: str = ""
    book: Book = msgspec.field(default_factory=Book)
    brackets: list[str] = msgspec.field(default_factory=list)
    dry: DryVenue = msgspec.field(default_factory=DryVenue)


class MemoryFile:
    """Keeps the memory of one run.

    Args:
        folder: made when it is missing.
        run: name of the run.
    """

    def __init__(self, folder: Path, run: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{topics.part(run)}.json"

    def load(self, market: str) -> Memory:
        """The memory of this market; an empty one when there is none, or it cannot be read."""
        try:
            found = msgspec.json.decode(self._path.read_bytes(), type=Memory)
        except (FileNotFoundError, msgspec.DecodeError):
            return Memory(market=market)
        return found if found.market == market else Memory(market=market)

    def save(self, memory: Memory) -> None:
        """Keep it; a crash leaves the old one or this one.

        Raises:
            StrategyError: `state` holds something that is no text, number, list or mapping of those.
        """
        try:
            data = msgspec.json.encode(memory)
        except (TypeError, msgspec.EncodeError) as error:
            raise StrategyError(f"self.state cannot be kept: {error}") from error
        files.replace(self._path, data)
