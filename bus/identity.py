"""What a client is on the bus besides its name: its life's number, its outbox, its positions."""

from __future__ import annotations

import os
import threading
from itertools import count
from typing import TYPE_CHECKING, Protocol

from ..configs.errors import BusError
from ..configs.paths import Home
from .epochs import claim, next_epoch
from .outbox import Outbox, folder_of
from .positions import FilePositions, MemoryPositions, path_of
from .publishers import WriteAhead
from .publishing import Identity
from .receiving import Positions
from .rules import holder_of

if TYPE_CHECKING:
    from filelock import FileLock


class RecordedPositions(Positions, Protocol):
    """Positions that can be moved on."""

    def record(self, source: str, topic: str, epoch: int, seq: int) -> None:
        """A message was handled."""

    def close(self) -> None:
        """Close the file."""


class ClientIdentity(Identity, Protocol):
    """An identity that also has positions."""

    def positions(self, durable: str) -> RecordedPositions:
        """Where the durable subscription of this name stands."""


class HomeIdentity:
    """An identity kept in the files of a home.

    Two living processes never publish under one name, for their numbers would be taken for each other's: the
    second one's frames bear its process number as well (`cli-4711`).
    """

    def __init__(self, home: Home, name: str) -> None:
        self._home, self._name = home, name
        self._lock: FileLock | None = None

    def begin(self) -> tuple[str, int]:
        base = holder_of(self._name)
        beside = (f"{base}-{os.getpid()}{number or ''}" for number in range(100))
        for candidate in (self._name, *beside):
            self._lock = claim(self._home, candidate)
            if self._lock is not None:
                return candidate, next_epoch(self._home, candidate)
        raise BusError(f"More than a hundred clients in this process publish as {self._name}; close some.")

    def open_outbox(self, source: str) -> WriteAhead:
        return Outbox(folder_of(self._home, source))

    def positions(self, durable: str) -> RecordedPositions:
        return FilePositions(path_of(self._home, self._name, durable))

    def close(self) -> None:
        if self._lock is not None:
            self._lock.release()


class _MemoryOutbox:
    """Remembers numbers only: within one process no frame is lost on the way."""

    def __init__(self) -> None:
        self.last: dict[str, int] = {}

    def append(self, topic: str, seq: int, frame: bytes) -> None:
        self.last[topic] = seq

    def close(self) -> None:
        """Kept by the registry."""


class MemoryIdentities:
    """The identities of all clients of one hub."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._epochs = count(1)
        self._outboxes: dict[str, _MemoryOutbox] = {}
        self._positions: dict[tuple[str, str], MemoryPositions] = {}

    def of(self, name: str) -> _MemoryIdentity:
        return _MemoryIdentity(self, name)

    def next_epoch(self) -> int:
        with self._lock:
            return next(self._epochs)

    def outbox(self, name: str) -> _MemoryOutbox:
        with self._lock:
            return self._outboxes.setdefault(name, _MemoryOutbox())

    def positions(self, name: str, durable: str) -> MemoryPositions:
        with self._lock:
            return self._positions.setdefault((name, durable), MemoryPositions())


class _MemoryIdentity:
    def __init__(self, registry: MemoryIdentities, name: str) -> None:
        self._registry, self._name = registry, name

    def begin(self) -> tuple[str, int]:
        return self._name, self._registry.next_epoch()

    def open_outbox(self, source: str) -> WriteAhead:
        return self._registry.outbox(source)

    def close(self) -> None:
        """A hub's names are not claimed."""

    def positions(self, durable: str) -> RecordedPositions:
        return self._registry.positions(self._name, durable)
