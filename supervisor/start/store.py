"""What the supervisor keeps on disk: who runs (to be adopted), and what a person has stopped."""

import contextlib
import os
from collections.abc import Iterable

import msgspec

from ...configs.files import replace
from ...configs.paths import Home

KEEPER = "(log keeper)"
"""The name under which the log keeper's process is kept: no service."""
_COMPACT_ABOVE = 1_048_576


class Kept(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One running process. `born` is the system's start number of the pid, `pipe` its output's inode.

    `shape` is of the manifest that it was started with (see `shapes.py`), `facts` what it told of itself.
    """

    name: str
    pid: int
    born: int
    ready: bool = False
    restarts: int = 0
    started_at: float = 0.0
    pipe: int = 0
    shape: str = ""
    facts: dict[str, str] = {}


class _Head(msgspec.Struct, frozen=True, kw_only=True):
    boot_id: str
    supervisor: int


class Store:
    """The running processes of this boot, as a file of lines, and the services that a person stopped.

    Every spawn and every readiness is one appended line, written before anything else happens, so that a
    supervisor killed at any moment leaves the truth. Nothing is forced to the disk: after a power cut there
    is nobody to adopt. The later line of a name counts; a process that is gone is known by pid and start.
    """

    def __init__(self, home: Home, boot_id: str) -> None:
        self.path = home.run / "supervisor-state.jsonl"
        self.stopped_path = home.state / "stopped-services.json"
        self._boot_id = boot_id
        self._descriptor = -1
        self._size = 0

    def load(self) -> dict[str, Kept] | None:
        """What a supervisor that did not stop in order has left, by name; None when the last one did."""
        try:
            lines = self.path.read_bytes().splitlines()
        except OSError:
            return None
        found: dict[str, Kept] = {}
        try:
            head = msgspec.json.decode(lines[0], type=_Head)
        except (IndexError, msgspec.MsgspecError):
            return found
        if head.boot_id != self._boot_id:
            return None
        for line in lines[1:]:
            with contextlib.suppress(msgspec.MsgspecError):
                kept = msgspec.json.decode(line, type=Kept)
                found[kept.name] = kept
        return found

    def begin(self, running: Iterable[Kept]) -> None:
        """Write the file anew with what runs, whole or not at all, and keep it open for appending."""
        head = msgspec.json.encode(_Head(boot_id=self._boot_id, supervisor=os.getpid()))
        data = b"\n".join([head, *(msgspec.json.encode(one) for one in running)]) + b"\n"
        beside = self.path.with_suffix(".tmp")
        with contextlib.suppress(
            OSError
        ):  # a full disk must not stop supervising; processes carry their mark too
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
            os.write(descriptor, data)
            beside.replace(self.path)
            self._close()
            self._descriptor, self._size = descriptor, len(data)

    def add(self, kept: Kept) -> bool:
        """Append one line; True when the file has grown so much that it should begin anew."""
        line = msgspec.json.encode(kept) + b"\n"
        with contextlib.suppress(OSError):
            self._size += os.write(self._descriptor, line)
        return self._size > _COMPACT_ABOVE

    def clear(self) -> None:
        """All is stopped: nothing to adopt."""
        self._close()
        self.path.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def stopped_by_user(self) -> set[str]:
        """Services that stay stopped across a restart of the daemon."""
        try:
            return set(msgspec.json.decode(self.stopped_path.read_bytes(), type=list[str]))
        except (OSError, msgspec.MsgspecError):
            return set()

    def keep_stopped(self, names: Iterable[str]) -> None:
        """Remember them for good."""
        with contextlib.suppress(OSError):
            replace(self.stopped_path, msgspec.json.encode(sorted(names)))
