"""Processes on POSIX: sessions, SIGCHLD, process groups. psutil fills in what POSIX does not say."""

import contextlib
import errno
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Iterable
from typing import Any

from ..loop import SLICE_S, Loop, Timer
from . import plain
from .base import (
    HELPER_VARIABLE,
    SECRETS_VARIABLE,
    CannotSpawn,
    Detail,
    ExitHandler,
    Platform,
    Sample,
    SpawnRequest,
)

_TRANSIENT = frozenset({errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ETXTBSY})
_FOREIGN_POLL_S = 0.5


class PosixPlatform(Platform):
    """Any POSIX system. Own children are reaped on SIGCHLD; adopted ones are looked at twice a second."""

    def __init__(self) -> None:
        self._null = os.open(os.devnull, os.O_RDWR)
        self._on_exit: ExitHandler = lambda pid, code: None
        self._loop: Loop | None = None
        self._ours: set[int] = set()
        self._foreign: dict[int, int] = {}
        self._foreign_timer: Timer | None = None
        self._ended: deque[tuple[int, int]] = deque()
        self._old_handler: Any = None
        self._home = ""

    def begin(self, loop: Loop, on_exit: ExitHandler, home: str) -> None:
        self._loop, self._on_exit, self._home = loop, on_exit, home
        self._old_handler = signal.signal(signal.SIGCHLD, self._on_sigchld)
        signal.set_wakeup_fd(loop.wakeup_fd, warn_on_full_buffer=False)
        loop.call_soon(self._reap)  # what was started before us may have ended before us

    def _on_sigchld(self, _number: int, _frame: object) -> None:
        assert self._loop is not None
        self._loop.call_soon(self._reap)

    def _reap(self) -> None:
        """Reap all that ended, then report them, a slice at a time."""
        assert self._loop is not None
        while (ended := self._reap_one()) is not None:
            self._ended.append(ended)
        self.reaped()
        until = time.monotonic() + SLICE_S
        while self._ended:
            self._on_exit(*self._ended.popleft())
            if self._ended and time.monotonic() > until:
                self._loop.call_soon(self._reap)
                return

    def _reap_one(self) -> tuple[int, int] | None:
        try:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return None
        if found is None:
            return None
        pid = found.si_pid
        if pid in self._ours:
            self.main_ended(pid)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)
        self._ours.discard(pid)
        return pid, found.si_status if found.si_code == os.CLD_EXITED else -found.si_status

    def reaped(self) -> None:
        """Called when a batch of processes was reaped, before their ends are reported."""

    def main_ended(self, pid: int) -> None:
        # The zombie still holds its number, so the group cannot be a stranger's.
        _kill_group(pid)

    def spawn(self, request: SpawnRequest) -> int:
        program = _find(request.argv[0], request.environment)
        try:
            if request.directory or request.rlimits:
                pid = _spawn_limited(program, request, self._null)
            else:
                pid = plain.spawn(
                    program,
                    request.argv,
                    _with_secrets(request, plain.SECRETS_DESCRIPTOR),
                    null=self._null,
                    output=request.output,
                    secrets=request.secrets,
                )
        except OSError as error:
            raise _explain(program, error) from error
        self._ours.add(pid)
        _prioritise(pid, program, request)
        return pid

    def expect(self, pid: int) -> None:
        self._ours.add(pid)

    def adopt(self, pid: int, born: int) -> bool:
        if self.born(pid) != born or born == 0:
            return False
        self._foreign[pid] = born
        if self._foreign_timer is None and self._loop is not None:
            self._foreign_timer = self._loop.call_later(_FOREIGN_POLL_S, self._look_at_foreign)
        return True

    def _look_at_foreign(self) -> None:
        self._foreign_timer = None
        for pid, born in tuple(self._foreign.items()):
            if self.born(pid) != born:
                del self._foreign[pid]
                self._on_exit(pid, None)
        if self._foreign and self._loop is not None:
            self._foreign_timer = self._loop.call_later(_FOREIGN_POLL_S, self._look_at_foreign)

    def forget(self, pid: int) -> None:
        self._ours.discard(pid)
        self._foreign.pop(pid, None)

    def born(self, pid: int) -> int:
        import psutil

        try:
            process = psutil.Process(pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return 0
            return int(process.create_time() * 1000)
        except psutil.Error:
            return 0

    def boot_id(self) -> str:
        import psutil

        return str(int(psutil.boot_time()))

    def ask_to_stop(self, pid: int, signal_name: str) -> None:
        _send(pid, signal.Signals[signal_name])
        _send(pid, signal.SIGCONT)

    def kill_tree(self, pid: int) -> None:
        below = self.descendants(pid)
        _kill_group(pid)
        _send(pid, signal.SIGKILL)
        for other in below:
            _send(other, signal.SIGKILL)

    def descendants(self, pid: int) -> list[int]:
        """All processes below one, whatever session they are in."""
        import psutil

        try:
            return [process.pid for process in psutil.Process(pid).children(recursive=True)]
        except psutil.Error:
            return []

    def strays(self, service: str, pid: int) -> set[int]:
        return {found for found, name in _scan(self._home) if name == service and found != pid}

    def marked(self, home: str) -> Iterable[tuple[int, str]]:
        return [(pid, name) for pid, name in _scan(home, helpers=False) if _leads_session(pid)]

    def sample(self, pid: int) -> Sample | None:
        import psutil

        try:
            process = psutil.Process(pid)
            with process.oneshot():
                times, memory = process.cpu_times(), process.memory_info()
                return Sample(times.user + times.system, memory.rss, process.num_threads())
        except psutil.Error:
            return None

    def detail(self, pid: int) -> Detail | None:
        import psutil

        try:
            process = psutil.Process(pid)
            return Detail(getattr(process.memory_full_info(), "uss", 0), process.num_fds())
        except psutil.Error:
            return None

    def processes_of(self, service: str, pid: int) -> int:
        return 1 + len(self.descendants(pid))

    def same_group(self, pid: int, main: int) -> bool:
        try:
            return os.getsid(pid) == main
        except OSError:
            return False

    def end(self) -> None:
        signal.set_wakeup_fd(-1)
        if self._old_handler is not None:
            signal.signal(signal.SIGCHLD, self._old_handler)
        if self._null >= 0:
            os.close(self._null)
            self._null = -1


def _scan(home: str, *, helpers: bool = True) -> Iterable[tuple[int, str]]:
    import psutil

    own = os.getuid()
    for process in psutil.process_iter():
        try:
            if process.uids().real != own:
                continue
            environment = process.environ()
        except (psutil.Error, OSError):
            continue
        if not helpers and HELPER_VARIABLE in environment:
            continue
        if environment.get("CRYPTOBOT_HOME") == home and "CRYPTOBOT_SERVICE" in environment:
            yield process.pid, environment["CRYPTOBOT_SERVICE"]


def _leads_session(pid: int) -> bool:
    try:
        return os.getsid(pid) == pid
    except OSError:
        return False


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _with_secrets(request: SpawnRequest, number: int) -> dict[str, str]:
    if request.secrets < 0:
        return request.environment
    return {**request.environment, SECRETS_VARIABLE: str(number)}


def _find(program: str, environment: dict[str, str]) -> str:
    if os.sep in program:
        return program
    import shutil  # our own services name their program with its folder

    found = shutil.which(program, path=environment.get("PATH", os.defpath))
    if found is None:
        raise CannotSpawn(f"The program {program} is not in any folder of PATH.", lasting=True)
    return found


def _spawn_limited(program: str, request: SpawnRequest, null: int) -> int:
    # The slower way, for what posix_spawn cannot set.
    import subprocess

    def restrict() -> None:
        import resource

        for name, value in request.rlimits.items():
            resource.setrlimit(getattr(resource, f"RLIMIT_{name.upper()}"), (value, value))

    for name in request.rlimits:
        _check_rlimit(name)
    try:
        process = subprocess.Popen(
            request.argv,
            executable=program,
            env=_with_secrets(request, request.secrets),
            pass_fds=(request.secrets,) if request.secrets >= 0 else (),
            cwd=request.directory or None,
            stdin=null,
            stdout=request.output,
            stderr=request.output,
            start_new_session=True,
            preexec_fn=restrict if request.rlimits else None,
        )
    except subprocess.SubprocessError as error:
        wanted = ", ".join(f"{name}={value}" for name, value in request.rlimits.items())
        raise CannotSpawn(
            f"The limits ({wanted}) of {program} cannot be set here: {error}.", lasting=True
        ) from error
    process.returncode = 0  # reaped by SIGCHLD, not by this object
    return process.pid


def _prioritise(pid: int, program: str, request: SpawnRequest) -> None:
    """Set from outside, so that the fast spawn will do; the process has one thread yet.

    Raises:
        CannotSpawn: this user may not, or there is no such processor; the process was ended.
    """
    try:
        if request.nice:
            os.setpriority(os.PRIO_PROCESS, pid, request.nice)
        if request.cpus and sys.platform == "linux":
            os.sched_setaffinity(pid, request.cpus)
    except ProcessLookupError:
        return  # it ended at once, which is seen and told as such
    except OSError as error:
        _send(pid, signal.SIGKILL)
        raise CannotSpawn(
            f"nice {request.nice} and processors {list(request.cpus) or 'all'} cannot be set for {program}: "
            f"{error.strerror}.",
            lasting=True,
        ) from error


def _check_rlimit(name: str) -> None:
    import resource

    if not hasattr(resource, f"RLIMIT_{name.upper()}"):
        raise CannotSpawn(f"This system knows no limit called {name!r}.", lasting=True)


def _explain(program: str, error: OSError) -> CannotSpawn:
    if error.errno in _TRANSIENT:
        return CannotSpawn(f"The system has no room for a process now ({error.strerror}).", lasting=False)
    if error.errno == errno.ENOENT and os.path.exists(program):  # noqa: PTH110 - plain text, no Path needed
        line = _first_line(program)
        return CannotSpawn(f"The interpreter that {program} names ({line}) does not exist.", lasting=True)
    if error.errno == errno.ENOENT:
        return CannotSpawn(f"The program {program} does not exist.", lasting=True)
    if error.errno == errno.EACCES:
        return CannotSpawn(
            f"The program {program} is not executable (or its folder is closed to us).", lasting=True
        )
    if error.errno == errno.ENOEXEC:
        return CannotSpawn(f"{program} is not a program of this machine, and has no #! line.", lasting=True)
    return CannotSpawn(f"The program {program} cannot be started: {error.strerror}.", lasting=True)


def _first_line(program: str) -> str:
    try:
        with open(program, "rb") as file:  # noqa: PTH123 - plain text, no Path needed
            return file.readline(200).decode("utf-8", "replace").strip()
    except OSError:
        return "unreadable"
