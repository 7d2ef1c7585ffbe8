"""Protection of the machine: when memory or disk runs out, what matters least is stopped first."""

import contextlib
import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from .. import states
from ..lifecycle import Lifecycle
from ..unit import Raised, Unit

_LAST = ("strategy", "data", "paper", "auth", "trade", "bus")
_CHECKS_BEFORE_NEXT = 2
_CHECKS_BEFORE_START = 6
_STOPPED = "stopped to protect the machine"
_FULL_BYTES, _PROBE_BYTES = 1_048_576, 65_536
_NO_ROOM = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)})


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


def full_disk(home: Path) -> str:
    """Why nothing can be written to the disk of the home now, as a sentence; "" when it can."""
    probe = home / ".room"
    try:
        free = shutil.disk_usage(home).free
        if free < _FULL_BYTES:
            return f"the disk of {home} is full ({free // 1024} KiB are free)"
        probe.write_bytes(bytes(_PROBE_BYTES))
    except OSError as error:
        if error.errno in _NO_ROOM:
            return f"nothing can be written to the disk of {home} ({error.strerror})"
    finally:
        with contextlib.suppress(OSError):
            probe.unlink(missing_ok=True)
    return ""


class Protection:
    """Looks every few seconds; stops one service at a time while room stays short, the trade service last.

    When there is clearly room again, what was stopped so is started again.

    Args:
        room: measures; tests give their own.
        minimum: below these the machine is in danger; asked each time, since settings change.
    """

    def __init__(self, lifecycle: Lifecycle, room: Callable[[], Room], minimum: Callable[[], Room]) -> None:
        self._lifecycle, self._room, self._minimum = lifecycle, room, minimum
        self._short = ""
        self._checks = self._good_checks = 0
        self._stopped: list[str] = []

    def tick(self) -> None:
        """Called every few seconds."""
        room, minimum = self._room(), self._minimum()
        lack = _lack(room.disk, minimum.disk, "disk") or _lack(room.memory, minimum.memory, "memory")
        if not lack:
            if self._short:
                self._raise(f"There is enough {self._short} again.", recovered=True)
            self._short, self._checks = "", 0
            self._start_again(room, minimum)
            return
        self._good_checks = 0
        word = lack.split()[1].rstrip(":")
        if self._short != word:
            self._short, self._checks = word, 0
        if self._checks % _CHECKS_BEFORE_NEXT == 0:
            self._stop_one(lack)
        self._checks += 1

    def _start_again(self, room: Room, minimum: Room) -> None:
        """With half as much again as the minimum for a while, one service at each look."""
        ample = not _lack(room.disk, _half_more(minimum.disk), "") and not _lack(
            room.memory, _half_more(minimum.memory), ""
        )
        self._good_checks = self._good_checks + 1 if ample else 0
        if self._stopped and self._good_checks > _CHECKS_BEFORE_START:
            unit = self._lifecycle.units.get(self._stopped.pop())
            # Nobody else has decided about it meanwhile.
            if unit is not None and unit.reason.startswith(_STOPPED) and not unit.user_stopped:
                self._lifecycle.start([unit.name])

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
        self._stopped.append(chosen.name)
        self._lifecycle.stop(chosen.name, reason=f"{_STOPPED}: {lack}")

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


def _half_more(minimum: int | None) -> int | None:
    return None if minimum is None else minimum + minimum // 2


def _weight(unit: Unit) -> tuple[int, int]:
    """Least important first; of equals the largest."""
    rank = _LAST.index(unit.name) + 1 if unit.name in _LAST else 0
    return rank, -unit.rss_bytes
