"""The interface between the supervisor and an operating system."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from functools import cache
from typing import NamedTuple

from ..loop import Loop
from .cgroups import Ceilings

HELPER_VARIABLE = "CRYPTOBOT_HELPER"
"""In the environment of hooks and probes: they bear a service's mark and are not its process."""
ExitHandler = Callable[[int, int | None], None]
SECRETS_VARIABLE = "CRYPTOBOT_SECRETS_FD"  # configs/handover.py reads it in the child


class SpawnRequest(NamedTuple):
    """One process to be. `output` is the descriptor that becomes its stdout and stderr.

    `secrets` is one that it inherits to read from; its number goes into SECRETS_VARIABLE. -1 is none.
    `ceilings` are enforced by the system where it can (cgroups, Job Objects).
    """

    argv: list[str]
    environment: dict[str, str]
    output: int
    directory: str
    rlimits: dict[str, int]
    nice: int
    cpus: tuple[int, ...]
    secrets: int = -1
    service: str = ""
    ceilings: Ceilings | None = None


class Sample(NamedTuple):
    """What a process has used and uses. `cpu_s` grows over its life."""

    cpu_s: float
    rss_bytes: int
    threads: int


class Detail(NamedTuple):
    """What is costly to find out about a process; 0 where the system does not tell."""

    pss_bytes: int
    open_files: int


class CannotSpawn(Exception):
    """A process could not be made.

    Args:
        reason: one sentence for people.
        lasting: a retry alone will not help.
    """

    def __init__(self, reason: str, *, lasting: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.lasting = lasting


class Platform(ABC):
    """Processes of one operating system. All methods are called on the loop's thread."""

    notify_by_socket = True

    @abstractmethod
    def begin(self, loop: Loop, on_exit: ExitHandler, home: str) -> None:
        """Start to watch exits: `on_exit(pid, code)` is called for every process of ours that ended.

        `home` is what our children carry in CRYPTOBOT_HOME.
        `code` is the exit code, minus the signal's number when a signal ended it, None when it is unknown.
        """

    @abstractmethod
    def spawn(self, request: SpawnRequest) -> int:
        """Start a process in a session (group, job) of its own; return its pid.

        Raises:
            CannotSpawn: the program is missing, not allowed, or the system has no room for it now.
        """

    @abstractmethod
    def expect(self, pid: int) -> None:
        """A child that was made without `spawn` is no stray."""

    @abstractmethod
    def adopt(self, pid: int, born: int) -> bool:
        """Watch a process that is not our child; False when it is gone, or another one than was born then."""

    @abstractmethod
    def forget(self, pid: int) -> None:
        """The process is gone: free what was kept for it."""

    @abstractmethod
    def born(self, pid: int) -> int:
        """When the process started, in the system's own count since boot; 0 when it is gone.

        A pid and this number name a process for good: a pid alone is used again.
        """

    @abstractmethod
    def boot_id(self) -> str:
        """Differs after each boot, so that numbers of an earlier one are never believed."""

    @abstractmethod
    def ask_to_stop(self, pid: int, signal_name: str) -> None:
        """Send the stop signal to the process, and wake it when it is frozen. Gone is fine."""

    @abstractmethod
    def kill_tree(self, pid: int) -> None:
        """Kill the process, its group and all its descendants at once. Gone is fine."""

    @abstractmethod
    def strays(self, service: str, pid: int) -> set[int]:
        """Processes that the ended process `pid` of a service left behind, other sessions included."""

    @abstractmethod
    def marked(self, home: str) -> Iterable[tuple[int, str]]:
        """(pid, service name) of running main processes that a supervisor of this home has started."""

    @abstractmethod
    def sample(self, pid: int) -> Sample | None:
        """What a watched process uses; None when it is gone."""

    @abstractmethod
    def detail(self, pid: int) -> Detail | None:
        """What is costly to find out: up to some milliseconds; None when the process is gone."""

    @abstractmethod
    def processes_of(self, service: str, pid: int) -> int:
        """How many processes a service has, those that it made included."""

    def held(self, service: str) -> frozenset[str]:
        """Which ceilings the system itself enforces on a service: memory, cpu, pids."""
        return frozenset()

    def limit_hit(self, service: str) -> str:
        """Why the system ended a service's process, as a sentence; "" when it did not."""
        return ""

    @abstractmethod
    def same_group(self, pid: int, main: int) -> bool:
        """Whether `pid` is in the session that the service's main process began."""

    def main_ended(self, pid: int) -> None:  # noqa: B027 - only some systems have something to do
        """Called before the exit is reported, while the pid cannot be used again."""

    @abstractmethod
    def end(self) -> None:
        """Stop watching."""


@cache
def describe_exit(code: int | None) -> str:
    """What people read about an exit code as `ExitHandler` gets it."""
    if code is None:
        return "ended (its exit code is unknown: another supervisor had started it)"
    if code >= 0:
        return f"ended with exit code {code}"
    import signal

    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"was killed by {name}"
