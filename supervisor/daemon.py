"""Running the supervisor: one to a home, in the foreground or detached."""

import gc
import sys

from .start import headstart

if __name__ == "__main__":
    gc.disable()  # nothing of what a start makes is garbage; the loop enables it
    if len(sys.argv) > 1:
        headstart.begin(sys.argv[1])

import contextlib
import os
import signal
from collections.abc import Iterable

from ..configs import snapshot
from ..configs.errors import CryptoBotError, NotRunningError, SettingsError, UsageError
from ..configs.frozen import executable
from ..configs.paths import Home
from ..configs.schema import Settings
from ..configs.secret import forbid_core_dumps
from .catalogue.registry import Manifest, program
from .output.journal import Journal
from .start.headstart import HeadStart
from .start.lock import Lock
from .start.surroundings import LEASH_VARIABLE, READY_VARIABLE, descriptor_from
from .supervisor import OnEvent, Supervisor
from .watch.notify import tell_manager

OVERRIDES_VARIABLE = "CRYPTOBOT_OVERRIDES"
EXIT_INTERRUPTED = 1
_LOOK_FOR_UPDATES_AFTER_S = 0.5


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
    ready = descriptor_from(READY_VARIABLE)
    head = headstart.take()
    try:
        return _run(home, settings, overrides, manifests, on_event, echo, ready, head)
    except CryptoBotError as error:
        if head is not None:
            head.abandon()
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
    head: HeadStart | None,
) -> int:
    forbid_core_dumps()
    home.create()
    lock = Lock(home)
    lock.take(head.lock if head is not None else -1)
    leash = descriptor_from(LEASH_VARIABLE)
    in_force = settings if settings is not None else _settings_of(home)
    if settings is not None:
        snapshot.write(home, settings)
    logs = in_force.log
    journal = Journal(home, logs.max_bytes, logs.keep, echo=echo, every_s=logs.rotate_every_s)
    supervisor = Supervisor(home, in_force, journal, manifests=manifests, on_event=on_event, head_start=head)
    supervisor.overrides = overrides
    try:
        supervisor.start()
        _attach_bridge(supervisor)
        _hear_signals(supervisor)
        headstart.hear_signals()
        if leash >= 0:
            _watch_leash(supervisor, leash)
        _say(ready, "ready")
        tell_manager("READY=1")
        _feed_watchdog(supervisor)
        supervisor.loop.call_later(_LOOK_FOR_UPDATES_AFTER_S, lambda: _watch_update(supervisor))
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
    if not executable():
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


def _settings_of(home: Home) -> Settings:
    try:
        return snapshot.read(home)
    except (NotRunningError, SettingsError):
        from ..configs.load import load

        settings = load(home).settings
        snapshot.write(home, settings)
        return settings


def _attach_bridge(supervisor: Supervisor) -> None:
    if "bus" in supervisor.lifecycle.units or supervisor.elsewhere:
        from .bridge.bus_bridge import BusBridge

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


def _watch_update(supervisor: Supervisor) -> None:
    """Out of the way of the start: only a program folder with versions has anything to watch."""
    from .versions.resume import look

    look(supervisor)


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


def _say(descriptor: int, text: str) -> None:
    if descriptor >= 0:
        with contextlib.suppress(OSError):
            os.write(descriptor, text.encode())
        os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main(Home.find(sys.argv[1] if len(sys.argv) > 1 else None)))
