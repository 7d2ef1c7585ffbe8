"""Control groups of Linux, version 2: limits that the kernel keeps, where a part of the tree is ours.

Ours it is when systemd delegates it (`Delegate=yes`), in most containers, and for root where no systemd is.
The group that we are in must hold no process but ours: a group with children that have controllers may have
none itself (cgroups(7)), so we move into a child `supervisor`. Where that cannot be had, `find` says None
and limits act by sampling.
"""

import contextlib
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_WANTED = ("memory", "cpu", "pids")
_PERIOD_US = 100_000
_OWN = "supervisor"


class Ceilings(NamedTuple):
    """What the kernel is asked to enforce on a service; None is no limit."""

    memory_bytes: int | None = None
    cpu_percent: float | None = None
    processes: int | None = None


class Cgroups:
    """The groups of one home, one for each service that has a ceiling.

    Args:
        top: our part of the tree.
        controllers: those that its children have.
        mark: tells homes apart that share a part of the tree.
    """

    def __init__(self, top: Path, controllers: frozenset[str], mark: str) -> None:
        self.top, self.controllers, self._mark = top, controllers, mark

    def _group(self, service: str) -> Path:
        return self.top / f"cryptobot-{self._mark}-{service}"

    def place(self, service: str, pid: int, ceilings: Ceilings) -> list[str]:
        """Put a process into the group of its service, with its ceilings; which ones hold from now on."""
        group = self._group(service)
        held = []
        with contextlib.suppress(OSError):
            group.mkdir(exist_ok=True)
            for file, value, name in _settings(ceilings):
                if name in self.controllers and _write(group / file, value):
                    held.append(name)
            if not _write(group / "cgroup.procs", str(pid)):
                return []
        return held

    def pids(self, service: str) -> set[int]:
        """Every process in the group of a service, sessions and parents whatever they are."""
        return set(map(int, _read(self._group(service) / "cgroup.procs").split()))

    def kill(self, service: str) -> bool:
        """Kill all of them in one stroke, which no forking outruns; False where the kernel cannot."""
        return _write(self._group(service) / "cgroup.kill", "1")

    def why(self, service: str) -> str:
        """Which ceiling was hit since the group was made, as a sentence; "" when none was."""
        group = self._group(service)
        if _counter(group / "memory.events", "oom_kill"):
            limit = _read(group / "memory.max").strip()
            told = f"{int(limit) / 1_048_576:.0f} MiB" if limit.isdigit() else "its memory limit"
            return f"the kernel ended it: it reached its memory limit of {told}"
        if _counter(group / "pids.events", "max"):
            return f"it reached its limit of {_read(group / 'pids.max').strip()} processes"
        return ""

    def remove(self, service: str) -> None:
        """The service has ended: its counts begin anew with the next start. A group in use stays."""
        with contextlib.suppress(OSError):
            self._group(service).rmdir()


def find(
    home: str,
    *,
    mounts: Path = Path("/proc/self/mountinfo"),
    own: Path = Path("/proc/self/cgroup"),
    ours: Iterable[int] = (),
) -> Cgroups | None:
    """Our part of the tree, made ready; None where we have none, or no controller in it.

    Args:
        ours: processes of ours that may be moved out of the way (the log keeper).
    """
    group = _own_group(mounts, own)
    if group is None or not os.access(group / "cgroup.procs", os.W_OK):
        return None
    if group.name == _OWN and os.access(group.parent / "cgroup.subtree_control", os.W_OK):
        group = group.parent  # where an earlier supervisor of this unit had moved to
    there = set(_read(group / "cgroup.controllers").split()) & set(_WANTED)
    if not there:
        return None
    top_of_tree = not (group / "cgroup.type").exists()
    if not top_of_tree and not _step_aside(group, {os.getpid(), *ours}):
        return None
    enabled = {name for name in sorted(there) if _write(group / "cgroup.subtree_control", f"+{name}")}
    mark = hashlib.sha256(os.fsencode(home)).hexdigest()[:8]
    return Cgroups(group, frozenset(enabled), mark) if enabled else None


def _own_group(mounts: Path, own: Path) -> Path | None:
    path = next((line[3:] for line in _read(own).splitlines() if line.startswith("0::")), "")
    for line in _read(mounts).splitlines():
        before, _, after = line.partition(" - ")
        if after.split(" ", 1)[0] == "cgroup2" and path:
            fields = before.split()
            root, point = fields[3], fields[4]
            below = path.removeprefix(root) if root != "/" else path
            return Path(point + below) if below != "/" else Path(point)
    return None


def _step_aside(group: Path, ours: set[int]) -> bool:
    there = set(map(int, _read(group / "cgroup.procs").split()))
    if there - ours:
        return False  # strangers live here: their group is not ours to split
    if not there:
        return True
    aside = group / _OWN
    with contextlib.suppress(OSError):
        aside.mkdir(exist_ok=True)
        return all(_write(aside / "cgroup.procs", str(pid)) for pid in sorted(there))
    return False


def _settings(ceilings: Ceilings) -> Iterable[tuple[str, str, str]]:
    if ceilings.memory_bytes is not None:
        yield "memory.max", str(ceilings.memory_bytes), "memory"
        yield "memory.oom.group", "1", "memory"
    if ceilings.cpu_percent is not None:
        quota = max(1000, int(ceilings.cpu_percent / 100 * _PERIOD_US))
        yield "cpu.max", f"{quota} {_PERIOD_US}", "cpu"
    if ceilings.processes is not None:
        yield "pids.max", str(ceilings.processes), "pids"


def _counter(path: Path, name: str) -> int:
    for line in _read(path).splitlines():
        key, _, value = line.partition(" ")
        if key == name:
            return int(value)
    return 0


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _write(path: Path, text: str) -> bool:
    try:
        with path.open("r+" if path.exists() else "w", encoding="ascii") as file:
            file.write(text)
    except OSError:
        return False
    return True
