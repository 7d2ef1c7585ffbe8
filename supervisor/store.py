"""What the supervisor keeps on disk: who runs (to be adopted), and what a person has stopped."""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from ..configs.files import replace
from ..configs.paths import Home


class KeptProcess(msgspec.Struct, frozen=True, kw_only=True):
    """One running service. `born` is the system's start number of the pid, `pipe` its output's inode."""

    pid: int
    born: int
    ready: bool
    restarts: int
    started_at: float
    pipe: int = 0


class KeptState(msgspec.Struct, frozen=True, kw_only=True):
    """All that a supervisor leaves to the next one."""

    boot_id: str
    supervisor: int
    keeper: int = 0
    keeper_born: int = 0
    services: dict[str, KeptProcess] = {}


class Store:
    """Two files: the running processes (this boot), and the services that a person stopped (for good)."""

    def __init__(self, home: Home) -> None:
        self._running = home.run / "supervisor-state.json"
        self._stopped = home.state / "stopped-services.json"

    def load(self, boot_id: str) -> KeptState | None:
        """What a supervisor that was killed has left; None when there is nothing of this boot to adopt."""
        try:
            kept = msgspec.json.decode(self._running.read_bytes(), type=KeptState)
        except (OSError, msgspec.MsgspecError):
            return None
        return kept if kept.boot_id == boot_id else None

    @property
    def left_over(self) -> bool:
        """Whether the last supervisor ended without cleaning up."""
        return self._running.exists()

    def save(self, state: KeptState) -> None:
        """Whole or not at all; not forced to the disk, since after a power cut there is nobody to adopt."""
        beside = self._running.with_suffix(".tmp")
        with contextlib.suppress(OSError):  # a full disk must not stop supervising; processes carry their mark too
            _write(beside, msgspec.json.encode(state))
            beside.replace(self._running)

    def clear(self) -> None:
        """All is stopped: nothing to adopt."""
        self._running.unlink(missing_ok=True)

    def stopped_by_user(self) -> set[str]:
        """Services that stay stopped across a restart of the daemon."""
        try:
            return set(msgspec.json.decode(self._stopped.read_bytes(), type=list[str]))
        except (OSError, msgspec.MsgspecError):
            return set()

    def keep_stopped(self, names: Iterable[str]) -> None:
        """Remember them for good."""
        with contextlib.suppress(OSError):
            replace(self._stopped, msgspec.json.encode(sorted(names)))


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, data)
    finally:
        os.close(descriptor)
