"""A head start: what waits for nothing is spawned before the supervisor itself is loaded.

Loading the supervisor takes longer than making a hundred processes. With a plan that holds
(headstart_plan.py) its services are started first, load while the supervisor loads, and are taken up by it as
its own children. Whenever anything is in doubt there is no head start: other settings or manifests, another
version, a lock that is held, survivors of a kill that are to be adopted. Imports next to nothing. Linux only;
elsewhere the start is the ordinary one.
"""

import json
import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

    from .headstart_plan import Plan, Simple


class Started:
    """One process that was made. `pipe` takes its output; `at` is of the monotonic clock."""

    __slots__ = ("at", "name", "pid", "pipe")

    def __init__(self, name: str, pid: int, pipe: tuple[int, int], at: float) -> None:
        self.name, self.pid, self.pipe, self.at = name, pid, pipe, at


class HeadStart:
    """What was done before the supervisor was loaded: it holds the lock and the children's socket."""

    def __init__(self, lock: int, notify: "socket.socket", store: str) -> None:
        self.lock, self.notify, self._store = lock, notify, store
        self.started: list[Started] = []

    def abandon(self) -> None:
        """The supervisor cannot start: end what was started, as if nothing had been."""
        import signal

        for one in self.started:
            try:
                os.killpg(one.pid, signal.SIGKILL)
                os.waitpid(one.pid, 0)
            except OSError:
                continue
        self.started = []
        os.unlink(self._store)


_taken: HeadStart | None = None


def take() -> HeadStart | None:
    """The head start of this process; once."""
    global _taken
    found, _taken = _taken, None
    return found


def begin(home: str) -> None:
    """Start what the plan of this home says, if it holds; `take` tells what was done.

    SIGTERM and SIGINT wait from then on until `hear_signals`.
    """
    global _taken
    if sys.platform != "linux":
        return
    from .headstart_plan import read

    plan = read(os.path.abspath(os.path.expanduser(home)))
    if plan is None or not plan.services:
        return
    lock = -1
    try:
        lock = _lock(plan.places["lock"])
        if lock >= 0:
            _taken = _prepare(plan, lock)
    except OSError:
        if lock >= 0:
            os.close(lock)
        return  # the ordinary start finds the same fault and tells of it
    if _taken is not None:
        _start_all(_taken, plan)


def hear_signals() -> None:
    """There are handlers now: what came meanwhile is delivered."""
    if sys.platform != "win32":
        import signal

        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGINT))


def _lock(path: str) -> int:
    import fcntl

    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return -1
    return descriptor


def _prepare(plan: "Plan", lock: int) -> HeadStart:
    """From now on the home has processes to adopt: whoever kills us leaves no doubled ones."""
    from ..watch.datagrams import listen

    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        head = {"boot_id": file.read().strip(), "supervisor": os.getpid()}  # as store.py begins its file
    store = os.open(plan.places["store"], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.write(store, json.dumps(head).encode() + b"\n")
    os.close(store)
    try:
        return HeadStart(lock, listen(plan.places["notify"]), plan.places["store"])
    except OSError:
        os.unlink(plan.places["store"])
        raise


def _start_all(head: HeadStart, plan: "Plan") -> None:
    import resource
    import signal

    from .surroundings import LEASH_VARIABLE, READY_VARIABLE, descriptor_from, inherited

    for ours in (READY_VARIABLE, LEASH_VARIABLE):
        descriptor_from(ours)  # no child may hold them open

    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT))
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0 if hard == 0 else 1, hard))
    environment = inherited({"NOTIFY_SOCKET": plan.places["notify"]})
    null = os.open(os.devnull, os.O_RDWR)
    try:
        for service in plan.services:
            head.started.append(_start(service, environment, null))
    except OSError:
        return  # the rest is tried, and told of, in the ordinary way
    finally:
        os.close(null)


def _start(service: "Simple", environment: dict[str, str], null: int) -> Started:
    from ..output.pipe import make_pipe
    from ..platform import plain

    pipe = make_pipe()
    own = {**environment, **service.environment}
    secrets = -1
    try:
        if service.ours:
            secrets = _nothing_handed_over()
            own["CRYPTOBOT_SECRETS_FD"] = str(plain.SECRETS_DESCRIPTOR)
        pid = plain.spawn(service.argv[0], service.argv, own, null=null, output=pipe[1], secrets=secrets)
    except OSError:
        for end in pipe:
            os.close(end)
        raise
    finally:
        if secrets >= 0:
            os.close(secrets)
    return Started(service.name, pid, pipe, time.monotonic())


def _nothing_handed_over() -> int:
    """What configs/handover.py gives a service of ours that has no secrets."""
    memory = os.memfd_create("secrets", os.MFD_CLOEXEC)
    os.write(memory, b"{}")
    os.lseek(memory, 0, os.SEEK_SET)
    return memory
