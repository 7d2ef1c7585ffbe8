"""Running the supervisor: one to a home, in the foreground or detached."""

import gc

if __name__ == "__main__":
    gc.disable()  # nothing of what a start makes is garbage; the loop enables it

import contextlib
import os
import signal
import sys
from collections.abc import Iterable

from ..configs import snapshot
from ..configs.errors import CryptoBotError, NotRunningError, SettingsError, UsageError
from ..configs.paths import Home
from ..configs.schema import Settings
from ..configs.secret import forbid_core_dumps
from .journal import Journal
from .notify import tell_manager
from .registry import Manifest, program
from .supervisor import OnEvent, Supervisor

READY_VARIABLE = "CRYPTOBOT_READY_FD"
LEASH_VARIABLE = "CRYPTOBOT_LEASH_FD"
OVERRIDES_VARIABLE = "CRYPTOBOT_OVERRIDES"
EXIT_INTERRUPTED = 1


def run(
    home: Home,
    settings: Settings | None = None,
    *,
    overrides: tuple[str, ...] = (),
    manifests: Iterable[Manifest] | None = None,
    on_event: OnEvent | None = None,
    echo: bool = False,
) -> int:
    """Supervise in this process, on its main thread, until a signal or a command ends it.

    Returns 0, or 1 when Ctrl-C came before everything was ready for the first time.

    Args:
        settings: what is in force; without it the snapshot of the home, or the defaults.
        overrides: `--set` values, which a reload keeps.
        manifests: services instead of the registry's.
        on_event: called on this thread for every StateChange and Raised alert.
        echo: write the supervisor's log to stderr as well.

    Raises:
        UsageError: another supervisor runs in this home.
        SettingsError: the home or the services are not usable.
    """
    ready = _descriptor_from(READY_VARIABLE)
    try:
        return _run(home, settings, overrides, manifests, on_event, echo, ready)
    except CryptoBotError as error:
        _say(ready, str(error))
        raise


def _run(
    home: Home,
    settings: Settings | None,
    overrides: tuple[str, ...],
    manifests: Iterable[Manifest] | None,
    on_event: OnEvent | None,
    echo: bool,
    ready: int,
) -> int:
    forbid_core_dumps()
    home.create()
    lock = Lock(home)
    lock.take()
    leash = _descriptor_from(LEASH_VARIABLE)
    in_force = settings if settings is not None else _settings_of(home)
    if settings is not None:
        snapshot.write(home, settings)
    logs = in_force.log
    journal = Journal(home, logs.max_bytes, logs.keep, echo=echo, every_s=logs.rotate_every_s)
    supervisor = Supervisor(home, in_force, journal, manifests=manifests, on_event=on_event)
    supervisor.overrides = overrides
    try:
        supervisor.start()
        _attach_bridge(supervisor)
        _hear_signals(supervisor)
        if leash >= 0:
            _watch_leash(supervisor, leash)
        _say(ready, "ready")
        tell_manager("READY=1")
        _feed_watchdog(supervisor)
        gc.enable()
        gc.freeze()  # what is here now stays: collections need not look at it again
        gc.set_threshold(10_000, 20, 50)
        supervisor.loop.run()
    finally:
        tell_manager("STOPPING=1")
        supervisor.close()
        lock.release()
    return EXIT_INTERRUPTED if supervisor.interrupted else 0


def main(home: Home) -> int:
    """The detached daemon's entry; errors go to whoever launched it.

    CRYPTOBOT_OVERRIDES holds the `--set` values it was started with, as a JSON list; a reload keeps them.
    """
    import json  # each import delays the start of all services

    overrides = json.loads(os.environ.pop(OVERRIDES_VARIABLE, "[]"))
    try:
        return run(home, overrides=tuple(overrides))
    except CryptoBotError as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, SettingsError | UsageError) else 1


def launch_daemon(home: Home) -> int:
    """Start the daemon detached from this process and its terminal; return its pid when it supervises.

    Services may still be starting then: `ControlClient.wait_ready` waits for them.

    Raises:
        CryptoBotError: it did not start; the sentence says why.
    """
    import subprocess

    home.create()
    argv = [*program(), "--home", str(home.root), "service", "run", "supervisor"]
    if "__compiled__" not in globals():
        argv = [sys.executable, "-m", "cryptobot.supervisor.daemon", str(home.root)]
    if sys.platform == "win32":
        return _launch_on_windows(argv, home)
    ready_read, ready_write = os.pipe()
    environment = {**os.environ, READY_VARIABLE: str(ready_write)}
    with (home.logs / "supervisor.out").open("ab") as output:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            start_new_session=True,
            pass_fds=(ready_write,),
            cwd="/",
        )
    os.close(ready_write)
    with os.fdopen(ready_read, "rb") as reader:
        answer = reader.read().decode("utf-8", "replace").strip()
    if answer == "ready":
        process.returncode = 0  # it outlives us on purpose
        return process.pid
    code = process.wait()
    raise UsageError(
        answer or f"The daemon ended with code {code}; {home.logs / 'supervisor.out'} may say why."
    )


def _launch_on_windows(argv: list[str], home: Home) -> int:
    import subprocess

    from .control.client import ControlClient

    flags = getattr(subprocess, "DETACHED_PROCESS", 0) | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    with (home.logs / "supervisor.out").open("ab") as output:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, creationflags=flags
        )
    for _ in range(200):
        with contextlib.suppress(NotRunningError), ControlClient(home) as client:
            client.status()
            return process.pid
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = process.wait(0.05)
            raise UsageError(f"The daemon ended with code {code}; {home.logs / 'supervisor.out'} says why.")
    raise UsageError("The daemon did not answer within 10 s.")


class Lock:
    """One supervisor a home: a lock that the system frees when its holder dies, however it dies."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._path = home.run / "supervisor.lock"
        self._descriptor = -1

    def take(self) -> None:
        """Hold it until `release`.

        Raises:
            UsageError: another supervisor holds it; its pid is named.
        """
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        if not _try_lock(self._descriptor):
            holder = (
                os.pread(self._descriptor, 32, 0).decode("ascii", "replace").strip()
                if os.name == "posix"
                else "?"
            )
            os.close(self._descriptor)
            raise UsageError(
                f"CryptoBot already runs in {self._home.root} as process {holder}; "
                "see `cryptobot status`, or stop it with `cryptobot down`."
            )
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Let it go."""
        os.close(self._descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, 1024, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _settings_of(home: Home) -> Settings:
    try:
        return snapshot.read(home)
    except (NotRunningError, SettingsError):
        from ..configs.load import load

        settings = load(home).settings
        snapshot.write(home, settings)
        return settings


def _attach_bridge(supervisor: Supervisor) -> None:
    if "bus" in supervisor.lifecycle.units:
        from .bus_bridge import BusBridge

        supervisor.bridge = BusBridge(supervisor)


def _hear_signals(supervisor: Supervisor) -> None:
    loop = supervisor.loop

    def stop(number: int, _frame: object) -> None:
        if number == signal.SIGINT and not supervisor.was_complete and supervisor.state != "STOPPING":
            supervisor.interrupted = True
        loop.call_soon(lambda: supervisor.shut_down(signal.Signals(number).name))

    def reload(_number: int, _frame: object) -> None:
        loop.call_soon(lambda: _reload(supervisor))

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, reload)
    if hasattr(signal, "SIGBREAK"):
        signal.signal(signal.SIGBREAK, stop)


def _feed_watchdog(supervisor: Supervisor) -> None:
    """When systemd watches us (WatchdogSec=), say twice in each period that the loop turns."""
    period_us = os.environ.get("WATCHDOG_USEC", "")
    if not period_us.isdigit():
        return

    def alive() -> None:
        tell_manager("WATCHDOG=1")
        supervisor.loop.call_later(int(period_us) / 2e6, alive)

    alive()


def _reload(supervisor: Supervisor) -> None:
    try:
        supervisor.operations.reload()
    except CryptoBotError as error:
        supervisor.journal.write("error", "not reloaded; the old configuration runs on", reason=str(error))


def _watch_leash(supervisor: Supervisor, leash: int) -> None:
    def ended() -> None:
        supervisor.loop.remove(leash)
        supervisor.shut_down("whoever started it is gone")

    supervisor.loop.add_reader(leash, ended)


def _descriptor_from(variable: str) -> int:
    number = os.environ.pop(variable, "")
    if not number.isdigit():
        return -1
    with contextlib.suppress(OSError):
        os.set_inheritable(int(number), False)
        return int(number)
    return -1


def _say(descriptor: int, text: str) -> None:
    if descriptor >= 0:
        with contextlib.suppress(OSError):
            os.write(descriptor, text.encode())
        os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main(Home.find(sys.argv[1] if len(sys.argv) > 1 else None)))
