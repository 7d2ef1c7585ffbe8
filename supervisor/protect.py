"""Protection of the machine: when memory or disk runs out, what matters least is stopped first."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from . import states
from .lifecycle import Lifecycle
from .unit import Raised, Unit

_LAST = ("strategy", "data", "paper", "auth", "trade", "bus")
_CHECKS_BEFORE_NEXT = 2


class Room(NamedTuple):
    """What is free now, in bytes; None when the system does not tell."""

    disk: int | None
    memory: int | None


def measure(home: Path) -> Room:
    """Free disk of the home, and memory that can be had without swapping."""
    try:
        disk: int | None = shutil.disk_usage(home).free
    except OSError:
        disk = None
    return Room(disk, _free_memory())


def _free_memory() -> int | None:
    try:
        with open("/proc/meminfo", "rb") as file:  # noqa: PTH123 - one plain read
            for line in file:
                if line.startswith(b"MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        if os.name == "nt":
            import psutil

            return int(psutil.virtual_memory().available)
    return None


class Protection:
    """Looks every few seconds; stops one service at a time while room stays short, the trade service last.

    Args:
        room: measures; tests give their own.
        minimum: below these the machine is in danger; asked each time, since settings change.
    """

    def __init__(self, lifecycle: Lifecycle, room: Callable[[], Room], minimum: Callable[[], Room]) -> None:
        self._lifecycle, self._room, self._minimum = lifecycle, room, minimum
        self._short = ""
        self._checks = 0

    def tick(self) -> None:
        """Called every few seconds."""
        room, minimum = self._room(), self._minimum()
        lack = _lack(room.disk, minimum.disk, "disk") or _lack(room.memory, minimum.memory, "memory")
        if not lack:
            if self._short:
                self._raise(f"There is enough {self._short} again.", recovered=True)
            self._short, self._checks = "", 0
            return
        word = lack.split()[1].rstrip(":")
        if self._short != word:
            self._short, self._checks = word, 0
        if self._checks % _CHECKS_BEFORE_NEXT == 0:
            self._stop_one(lack)
        self._checks += 1

    def _stop_one(self, lack: str) -> None:
        running = [
            unit for unit in self._lifecycle.units.values() if unit.pid and unit.state != states.STOPPING
        ]
        candidates = sorted((unit for unit in running if unit.manifest.optional), key=_weight)
        if not candidates:
            self._raise(f"{lack}; no add-on is left to stop, trading goes on.", recovered=False)
            return
        chosen = candidates[0]
        self._raise(f"{lack}; {chosen.name} was stopped to keep trading alive.", recovered=False)
        self._lifecycle.stop(chosen.name, reason=f"stopped to protect the machine: {lack}")

    def _raise(self, detail: str, *, recovered: bool) -> None:
        title = f"The machine is short of {self._short}"
        alert = Raised(
            key="machine.room",
            severity="critical",
            source="supervisor",
            title=title,
            detail=detail,
            recovered=recovered,
        )
        self._lifecycle.listener.raised(alert)


def _lack(free: int | None, minimum: int | None, word: str) -> str:
    if free is None or minimum is None or free >= minimum:
        return ""
    return f"Low {word}: only {free / 1_048_576:.0f} MiB is free"


def _weight(unit: Unit) -> tuple[int, int]:
    """Least important first; of equals the largest."""
    rank = _LAST.index(unit.name) + 1 if unit.name in _LAST else 0
    return rank, -unit.rss_bytes
