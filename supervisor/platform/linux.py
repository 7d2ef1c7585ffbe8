"""Processes on Linux: one read of /proc for each, pidfds for adopted ones, orphans come to us."""

import contextlib
import ctypes
import os
import signal
from collections.abc import Iterable
from pathlib import Path

from ..loop import Loop
from . import cgroups
from .base import HELPER_VARIABLE, Detail, ExitHandler, Sample, SpawnRequest
from .posix import PosixPlatform, _kill_group, _send

_PR_SET_CHILD_SUBREAPER = 36
_TICKS_S = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class LinuxPlatform(PosixPlatform):
    """As POSIX, with what Linux alone has."""

    def __init__(self) -> None:
        super().__init__()
        self._stat: dict[int, int] = {}
        self._pidfds: dict[int, int] = {}
        self._ended_foreign: set[int] = set()
        self._children_file = -1
        self._orphans: set[int] | None = None
        self._cgroups: cgroups.Cgroups | None = None
        self._looked_for_cgroups = False
        self._held: dict[str, frozenset[str]] = {}
        self._grouped: dict[int, str] = {}

    def begin(self, loop: Loop, on_exit: ExitHandler, home: str) -> None:
        super().begin(loop, on_exit, home)
        # Orphans of our services become our children instead of init's: they can be found and reaped.
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def spawn(self, request: SpawnRequest) -> int:
        pid = super().spawn(request)
        if request.ceilings is not None:
            self._place(request.service, pid, request.ceilings)
        return pid

    def _place(self, service: str, pid: int, ceilings: cgroups.Ceilings) -> None:
        if not self._looked_for_cgroups:
            # Only homes with ceilings split their part of the tree.
            self._looked_for_cgroups = True
            self._cgroups = cgroups.find(self._home, ours=self._ours)
        if self._cgroups is not None:
            self._cgroups.remove(service)  # the counts of its last life
            self._held[service] = frozenset(self._cgroups.place(service, pid, ceilings))
            self._grouped[pid] = service

    def held(self, service: str) -> frozenset[str]:
        return self._held.get(service, frozenset())

    def limit_hit(self, service: str) -> str:
        return self._cgroups.why(service) if self._cgroups is not None and service in self._held else ""

    def adopt(self, pid: int, born: int) -> bool:
        try:
            descriptor = os.pidfd_open(pid)
        except OSError:
            return False
        # Only now the number is pinned to one process, so the comparison cannot be overtaken.
        if born == 0 or self.born(pid) != born:
            os.close(descriptor)
            return False
        if _is_child(pid):
            # We were another version before (versions/succession.py); its end comes by SIGCHLD.
            os.close(descriptor)
            self._ours.add(pid)
            return True
        assert self._loop is not None
        self._pidfds[pid] = descriptor
        self._loop.add_reader(descriptor, lambda: self._foreign_ended(pid))
        return True

    def _foreign_ended(self, pid: int) -> None:
        self._ended_foreign.add(pid)
        self.forget(pid)
        self._on_exit(pid, None)

    def forget(self, pid: int) -> None:
        super().forget(pid)
        self._grouped.pop(pid, None)
        descriptor = self._stat.pop(pid, None)
        if descriptor is not None:
            os.close(descriptor)
        descriptor = self._pidfds.pop(pid, None)
        if descriptor is not None:
            assert self._loop is not None
            self._loop.remove(descriptor)
            os.close(descriptor)

    def born(self, pid: int) -> int:
        fields = _stat_fields(pid)
        if not fields or fields[0] in {b"Z", b"X"}:
            return 0
        return int(fields[19])

    def boot_id(self) -> str:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()

    def descendants(self, pid: int) -> list[int]:
        found: list[int] = []
        todo = [pid]
        while todo:
            below = _children(todo.pop())
            found.extend(below)
            todo.extend(below)
        return found

    def kill_tree(self, pid: int) -> None:
        if self._cgroups is not None and pid in self._grouped:
            self._cgroups.kill(self._grouped[pid])
        # Frozen first, so that a forking tree cannot outrun the walk.
        _send(pid, signal.SIGSTOP)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGSTOP)
        below = self.descendants(pid)
        _kill_group(pid)
        _send(pid, signal.SIGKILL)
        for other in below:
            _send(other, signal.SIGKILL)

    def reaped(self) -> None:
        # What those that were reaped have left is among our children now: one look serves for all of them.
        self._orphans = None

    def strays(self, service: str, pid: int) -> set[int]:
        if pid in self._ended_foreign:
            # Its orphans went to init and its number may be a stranger's by now: only our mark is believed.
            self._ended_foreign.discard(pid)
            return {found for found, name in self._all_marked(self._home) if name == service}
        if self._orphans is None:
            self._orphans = self._strange_children()
        found: set[int] = set()
        for child in self._orphans:
            fields = _stat_fields(child)
            if not fields or fields[0] == b"Z":
                continue
            if int(fields[3]) == pid or _mark(child).get(b"CRYPTOBOT_SERVICE") == service.encode():
                found.add(child)
                found.update(self.descendants(child))
        return found

    def _strange_children(self) -> set[int]:
        """Children that we did not make: orphans that came to us."""
        data = self._own_children()
        if data.count(b" ") == len(self._ours):
            return set()  # a space ends each number, and those we made are children until they are reaped
        return set(map(int, data.split())) - self._ours

    def _own_children(self) -> bytes:
        # Orphans are given to our first thread; one descriptor serves for good.
        if self._children_file < 0:
            own = os.getpid()
            self._children_file = os.open(f"/proc/{own}/task/{own}/children", os.O_RDONLY | os.O_CLOEXEC)
        data = os.pread(self._children_file, _PAGE, 0)
        if len(data) > _PAGE // 2:
            while piece := os.pread(self._children_file, _PAGE, len(data)):
                data += piece
        return data

    def _all_marked(self, home: str) -> Iterable[tuple[int, str]]:
        own = os.getuid()
        for entry in os.scandir("/proc"):
            if not entry.name.isdigit():
                continue
            with contextlib.suppress(OSError):
                if entry.stat().st_uid != own:
                    continue
                environment = _mark(int(entry.name))
                if environment.get(b"CRYPTOBOT_HOME") == os.fsencode(home):
                    service = environment.get(b"CRYPTOBOT_SERVICE", b"")
                    if service:
                        yield int(entry.name), service.decode("utf-8", "replace")

    def marked(self, home: str) -> Iterable[tuple[int, str]]:
        for pid, service in self._all_marked(home):
            fields = _stat_fields(pid)
            if fields and fields[0] != b"Z" and int(fields[3]) == pid and not _is_helper(pid):
                yield pid, service

    def sample(self, pid: int) -> Sample | None:
        descriptor = self._stat.get(pid)
        try:
            if descriptor is None:
                descriptor = self._stat[pid] = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
            data = os.pread(descriptor, 1024, 0)
        except OSError:
            return None
        fields = _fields(data)
        return Sample(
            (int(fields[11]) + int(fields[12])) / _TICKS_S, int(fields[21]) * _PAGE, int(fields[17])
        )

    def detail(self, pid: int) -> Detail | None:
        try:
            with open(f"/proc/{pid}/smaps_rollup", "rb") as file:  # noqa: PTH123 - one plain read
                pss = next((line for line in file if line.startswith(b"Pss:")), b"Pss: 0")
            # Since Linux 6.2 the size of this folder is the number of its entries; before, it is 0.
            count = os.stat(f"/proc/{pid}/fd").st_size or len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH116, PTH208
        except OSError:
            return None
        return Detail(int(pss.split()[1]) * 1024, count)

    def processes_of(self, service: str, pid: int) -> int:
        if self._cgroups is not None and service in self._held:
            return len(self._cgroups.pids(service))
        return super().processes_of(service, pid)

    def end(self) -> None:
        for pid in (*self._stat, *self._pidfds):
            self.forget(pid)
        if self._children_file >= 0:
            os.close(self._children_file)
        super().end()


def _stat_fields(pid: int) -> list[bytes]:
    """Fields of /proc/PID/stat from the third (state) on; empty when the process is gone."""
    try:
        descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return []
    try:
        data = os.read(descriptor, 1024)
    except OSError:
        return []
    finally:
        os.close(descriptor)
    return _fields(data)


def _fields(data: bytes) -> list[bytes]:
    return data[data.rindex(b")") + 2 :].split()


def _is_child(pid: int) -> bool:
    """Whether a process is a child of ours."""
    fields = _stat_fields(pid)
    return bool(fields) and int(fields[1]) == os.getpid()


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - names are all that is wanted
    except OSError:
        return found
    for thread in threads:
        with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{thread}/children", "rb") as file:  # noqa: PTH123
            found.extend(int(number) for number in file.read().split())
    return found


def _is_helper(pid: int) -> bool:
    return HELPER_VARIABLE.encode() in _mark(pid)


def _mark(pid: int) -> dict[bytes, bytes]:
    """What of a process's environment we wrote."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123 - one plain read
            lines = file.read().split(b"\0")
    except OSError:
        return {}
    return dict(line.split(b"=", 1) for line in lines if line.startswith(b"CRYPTOBOT_") and b"=" in line)
