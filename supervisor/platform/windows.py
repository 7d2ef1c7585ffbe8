"""Processes on Windows: process groups, Job Objects' tree kill through psutil, wait threads."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable
from typing import Any

import psutil

from ..loop import Loop
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
from .cgroups import Ceilings
from .jobs import Jobs


def _inheriting(request: SpawnRequest) -> dict[str, Any]:
    """Popen's arguments that give the child its environment and the handle of its secrets, and no other."""
    if request.secrets < 0:
        return {"env": request.environment}
    if sys.platform != "win32":
        raise CannotSpawn("Handles are inherited on Windows only.", lasting=True)
    import msvcrt

    handle = msvcrt.get_osfhandle(request.secrets)
    os.set_handle_inheritable(handle, True)
    startup = subprocess.STARTUPINFO(lpAttributeList={"handle_list": [handle]})
    return {"env": {**request.environment, SECRETS_VARIABLE: str(handle)}, "startupinfo": startup}


def _flag(name: str) -> int:
    return int(getattr(subprocess, name, 0))


def _priority(nice: int) -> int:
    """The priority class that comes nearest to a niceness of POSIX; 0 leaves it as it is."""
    if nice == 0:
        return 0
    if nice < 0:
        return _flag("ABOVE_NORMAL_PRIORITY_CLASS")
    return _flag("IDLE_PRIORITY_CLASS") if nice >= 15 else _flag("BELOW_NORMAL_PRIORITY_CLASS")


class WindowsPlatform(Platform):
    """Each process is waited for by a small thread; stopping is CTRL_BREAK to the process's own group."""

    notify_by_socket = False

    def __init__(self) -> None:
        self._loop: Loop | None = None
        self._on_exit: ExitHandler = lambda pid, code: None
        self._processes: dict[int, psutil.Process] = {}
        self._home = ""
        self._jobs: Jobs | None = None
        self._held: dict[str, frozenset[str]] = {}
        self._job_of: dict[int, str] = {}

    def begin(self, loop: Loop, on_exit: ExitHandler, home: str) -> None:
        self._loop, self._on_exit, self._home = loop, on_exit, home
        if sys.platform == "win32":
            import ctypes

            self._jobs = Jobs(home, ctypes.WinDLL("kernel32"), os.cpu_count() or 1)

    def spawn(self, request: SpawnRequest) -> int:
        flags = _flag("CREATE_NEW_PROCESS_GROUP") | _flag("CREATE_NO_WINDOW") | _priority(request.nice)
        try:
            process = subprocess.Popen(
                request.argv,
                **_inheriting(request),
                cwd=request.directory or None,
                stdin=subprocess.DEVNULL,
                stdout=request.output,
                stderr=request.output,
                creationflags=flags,
            )
        except FileNotFoundError as error:
            raise CannotSpawn(f"The program {request.argv[0]} does not exist.", lasting=True) from error
        except PermissionError as error:
            raise CannotSpawn(f"The program {request.argv[0]} may not be executed.", lasting=True) from error
        except OSError as error:
            reason = error.strerror or str(error)
            raise CannotSpawn(
                f"The program {request.argv[0]} cannot be started: {reason}.", lasting=True
            ) from error
        self._watch(psutil.Process(process.pid), process)
        self._restrict(request, process.pid)
        return process.pid

    def _restrict(self, request: SpawnRequest, pid: int) -> None:
        if request.cpus:
            with contextlib.suppress(psutil.Error, ValueError, AttributeError):
                psutil.Process(pid).cpu_affinity(list(request.cpus))
        if self._jobs is not None and request.service:
            # Each service gets a job, ceilings or not: it ends the whole tree in one stroke.
            held = self._jobs.place(request.service, pid, request.ceilings or Ceilings())
            self._held[request.service], self._job_of[pid] = frozenset(held), request.service

    def held(self, service: str) -> frozenset[str]:
        return self._held.get(service, frozenset())

    def _watch(self, process: psutil.Process, handle: subprocess.Popen[bytes] | None) -> None:
        self._processes[process.pid] = process

        def wait() -> None:
            code: int | None = None
            with contextlib.suppress(psutil.Error):
                code = handle.wait() if handle is not None else process.wait()
            assert self._loop is not None
            self._loop.call_soon_threadsafe(lambda: self._on_exit(process.pid, code))

        threading.Thread(target=wait, name=f"wait-{process.pid}", daemon=True).start()

    def expect(self, pid: int) -> None:
        """There is no fork here."""

    def adopt(self, pid: int, born: int) -> bool:
        if born == 0 or self.born(pid) != born:
            return False
        with contextlib.suppress(psutil.Error):
            self._watch(psutil.Process(pid), None)
            return True
        return False

    def forget(self, pid: int) -> None:
        self._processes.pop(pid, None)
        self._job_of.pop(pid, None)

    def born(self, pid: int) -> int:
        with contextlib.suppress(psutil.Error):
            return int(psutil.Process(pid).create_time() * 1000)
        return 0

    def boot_id(self) -> str:
        return str(int(psutil.boot_time()))

    def ask_to_stop(self, pid: int, signal_name: str) -> None:
        with contextlib.suppress(OSError):
            os.kill(pid, getattr(signal, "CTRL_BREAK_EVENT", signal.SIGTERM))

    def kill_tree(self, pid: int) -> None:
        if self._jobs is not None and pid in self._job_of:
            self._jobs.kill(self._job_of[pid])
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            for each in (*process.children(recursive=True), process):
                with contextlib.suppress(psutil.Error):
                    each.kill()

    def strays(self, service: str, pid: int) -> set[int]:
        return {found for found, name in self._scan() if name == service and found != pid}

    def marked(self, home: str) -> Iterable[tuple[int, str]]:
        return list(self._scan(helpers=False))

    def _scan(self, *, helpers: bool = True) -> Iterable[tuple[int, str]]:
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                environment = process.environ()
                if not helpers and HELPER_VARIABLE in environment:
                    continue
                if environment.get("CRYPTOBOT_HOME") == self._home and "CRYPTOBOT_SERVICE" in environment:
                    yield process.pid, environment["CRYPTOBOT_SERVICE"]

    def sample(self, pid: int) -> Sample | None:
        process = self._processes.get(pid)
        if process is None:
            return None
        with contextlib.suppress(psutil.Error), process.oneshot():
            times = process.cpu_times()
            return Sample(times.user + times.system, process.memory_info().rss, process.num_threads())
        return None

    def detail(self, pid: int) -> Detail | None:
        process = self._processes.get(pid)
        with contextlib.suppress(psutil.Error):
            if process is not None:
                handles = getattr(process, "num_handles", lambda: 0)()
                return Detail(getattr(process.memory_full_info(), "uss", 0), handles)
        return None

    def processes_of(self, service: str, pid: int) -> int:
        with contextlib.suppress(psutil.Error):
            return 1 + len(psutil.Process(pid).children(recursive=True))
        return 0

    def same_group(self, pid: int, main: int) -> bool:
        with contextlib.suppress(psutil.Error):
            return any(parent.pid == main for parent in psutil.Process(pid).parents())
        return False

    def end(self) -> None:
        self._processes.clear()
        if self._jobs is not None:
            self._jobs.close()
