"""The frame of a service: what it is given, and the life it leads.

    class DataService(Service):
        name = "data"
        async def setup(self): ...   # open what is needed; raise StartError when it cannot be had
        async def stop(self): ...    # leave things in order

`run(DataService, home)` is what `cryptobot service run data` calls.
"""

import asyncio
import importlib
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any, ClassVar

import structlog

from ...bus import endpoints, topics
from ...bus.aio import AsyncBus
from ...bus.api import AsyncBusApi, Request
from ...bus.contracts.base import Done
from ...bus.contracts.service import Heartbeat, Ping
from ...configs import addons, handover, snapshot
from ...configs.errors import CryptoBotError, SettingsError, StartError, TryLaterError
from ...configs.notify import Notifier
from ...configs.paths import Home
from ...configs.schema import Settings
from ...configs.secret import Secret, forbid_core_dumps
from . import logs
from .logs import configure

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_TRY_LATER = 75  # EX_TEMPFAIL: something outside is away; tried again for as long as that lasts
EXIT_CANNOT_START = 78  # EX_CONFIG of sysexits.h: a restart alone will not help
HEARTBEAT_INTERVAL_S = 1.0
GATHERED: ContextVar["list[type[Service]] | None"] = ContextVar("gathered", default=None)
"""Where a group gathers its members while it calls their entry points."""


class Service:
    """Base of all services. Fields are set before `setup` is called."""

    name: ClassVar[str]
    home: Home
    settings: Settings
    bus: AsyncBusApi
    log: structlog.typing.FilteringBoundLogger

    def __init__(
        self, home: Home, settings: Settings, bus: AsyncBusApi, log: structlog.typing.FilteringBoundLogger
    ) -> None:
        self.home, self.settings, self.bus, self.log = home, settings, bus, log
        self._tasks: set[asyncio.Task[Any]] = set()
        self._stopped = asyncio.Event()
        self._failure: BaseException | None = None
        self._ills: dict[str, str] = {}
        self._snapshot = snapshot.Watch(home, settings)

    async def setup(self) -> None:
        """Open what is needed. The service is ready when this returns.

        Raises:
            StartError: it cannot run as things are; the supervisor says so and does not try for ever.
        """

    def settings_changed(self, before: Settings) -> None:
        """Called after `self.settings` was replaced by a reload; for keys that apply at once.

        Keys that need a restart may have changed too: then the restart is on its way.
        """

    async def stop(self) -> None:
        """Leave things in order. Called once, after the main loop ended, also when `setup` failed."""

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run a task for the service's lifetime. If it fails, the service fails and is restarted."""
        task = asyncio.get_running_loop().create_task(work, name=f"{self.name}:{name}")
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def secret(self, name: str) -> Secret:
        """A secret such as binance.api_key, of those that the manifest names.

        Raises:
            SettingsError: there is none of that name, or it was not handed over to this service.
        """
        found = handover.find(self.home, name)
        if found is None:
            raise SettingsError(
                f"The secret {name} was not handed over to {self.name}: it is not stored "
                f"(`cryptobot secret set {name}`, then `cryptobot restart {self.name}`), or its manifest "
                f"does not name it."
            )
        return found

    def secret_names(self, pattern: str) -> list[str]:
        """Names of the secrets that were handed over, such as those of `notify.*`."""
        return handover.names(self.home, pattern)

    def ill(self, what: str, reason: str) -> None:
        """Tell the supervisor, with the next heartbeat, that something does not work; "" ends it.

        The service is DEGRADED with this reason as long as anything is ill.
        """
        self._ills[what] = reason

    def end(self) -> None:
        """Ask the service to stop."""
        self._stopped.set()

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self._failure = error
            self._stopped.set()

    async def serve_until_stopped(self, notifier: Notifier) -> None:
        """The life of a service: setup, ready, heartbeats, stop."""
        try:
            if await self._set_up():
                self.spawn(self._beat(notifier), "heartbeat")
                notifier.ready(X_ENDPOINT=endpoints.of(self.home).address(self.name), **self.bus.facts())
                self.log.info("ready")
                await self._stopped.wait()
            notifier.stopping()
        finally:
            for task in tuple(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self.stop()
        if self._failure is not None:
            raise self._failure

    async def _set_up(self) -> bool:
        """Run `setup`, unless the service is asked to stop meanwhile; is it ready?"""
        setup = asyncio.ensure_future(self._set_up_and_answer())
        stopped = asyncio.ensure_future(self._stopped.wait())
        await asyncio.wait((setup, stopped), return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not setup.done():
            setup.cancel()
            await asyncio.gather(setup, return_exceptions=True)
            return False
        setup.result()
        await self.bus.settled()
        return not self._stopped.is_set()

    async def _set_up_and_answer(self) -> None:
        """Pings are answered from the step on in which `setup` ended: who asks earlier is kept waiting."""
        await self.setup()
        self.bus.serve(Ping, _answer_ping)

    def _look_at_settings(self) -> None:
        """Take the settings in force when they are other ones than before; also while the bus is away."""
        found = self._snapshot.changed()
        if found is not None:
            before, self.settings = self.settings, found
            logs.set_level(found.log.level)
            self.settings_changed(before)

    async def _beat(self, notifier: Notifier) -> None:
        loop = asyncio.get_running_loop()
        heartbeat = self.bus.topic(topics.service_heartbeat(self.name), Heartbeat)
        pid, progress, due = os.getpid(), 0, loop.time()
        while True:
            lag_ms = max(0.0, (loop.time() - due) * 1000.0)
            progress += 1
            notifier.alive(progress, "; ".join(filter(None, self._ills.values())))
            heartbeat.send(Heartbeat(name=self.name, pid=pid, progress=progress, loop_lag_ms=lag_ms))
            self._look_at_settings()
            due = max(due + HEARTBEAT_INTERVAL_S, loop.time())
            await asyncio.sleep(due - loop.time())


def _answer_ping(request: Request[Ping]) -> Done:
    return Done(message="pong")


def run(service_class: type[Service], home: Home) -> int:
    """Run one service in this process until SIGTERM or SIGINT; return the exit code.

    While a group gathers its members (services/host/group.py) the class is handed to it and nothing is run.
    """
    gathered = GATHERED.get()
    if gathered is not None:
        gathered.append(service_class)
        return EXIT_OK
    own = of_this_instance(service_class)
    return run_guarded(own.name, home, lambda settings, log: _main(own, home, settings, log))


def of_this_instance(service_class: type[Service]) -> type[Service]:
    """The class under the name that the supervisor gives this process: NAME-2 for the second of several."""
    number = os.environ.get("CRYPTOBOT_INSTANCE", "1")
    if number == "1" or service_class.name.endswith(f"-{number}"):
        return service_class
    return type(service_class.__name__, (service_class,), {"name": f"{service_class.name}-{number}"})


def run_guarded(
    name: str,
    home: Home,
    main: Callable[[Settings, structlog.typing.FilteringBoundLogger], Coroutine[Any, Any, None]],
) -> int:
    """Run a loop with the settings in force until it ends; every failure becomes a line and an exit code."""
    forbid_core_dumps()
    settings = snapshot.read(home)
    addons.use(home)
    log = configure(name, settings.log.level)
    logs.take_over_printing()
    for refusal in addons.refusals():
        log.error("add-on refused", reason=refusal)
    try:
        handover.take(os.environ)
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(main(settings, log))
    except (StartError, SettingsError) as error:
        log.error("cannot start", reason=str(error))
        return _told(str(error), EXIT_CANNOT_START)
    except TryLaterError as error:
        log.error("cannot go on now", reason=str(error))
        return _told(str(error), EXIT_TRY_LATER)
    except CryptoBotError as error:
        log.error("failed", reason=str(error), kind=type(error).__name__)
        return _told(str(error), EXIT_FAILED)
    except Exception as error:
        log.exception("crashed")
        return _told(f"{type(error).__name__}: {error}", EXIT_FAILED)
    finally:
        logs.finish()
    return EXIT_OK


def _told(reason: str, exit_code: int) -> int:
    """Tell the supervisor why this process ends."""
    notifier = Notifier()
    notifier.send(STATUS=" ".join(reason.split())[:1000])
    notifier.close()
    return exit_code


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it is installed; on Windows the selector loop, which alone can watch ZeroMQ."""
    if sys.platform == "win32":
        return asyncio.SelectorEventLoop
    try:
        uvloop = importlib.import_module("uvloop")
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


async def _main(
    service_class: type[Service], home: Home, settings: Settings, log: structlog.typing.FilteringBoundLogger
) -> None:
    started = time.monotonic()
    bus = await AsyncBus.open(home, service_class.name)
    notifier = Notifier()
    try:
        service = service_class(home, settings, bus, log)
        on_stop_signals(service.end)
        await service.serve_until_stopped(notifier)
        log.info("stopped", uptime_s=round(time.monotonic() - started, 3))
    finally:
        notifier.close()
        await bus.close()


def on_stop_signals(end: Callable[[], None]) -> None:
    """Call `end` on the running loop when this process is asked to stop."""
    loop = asyncio.get_running_loop()
    for name in ("SIGTERM", "SIGINT", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is None:
            continue
        try:
            loop.add_signal_handler(number, end)
        except NotImplementedError:
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(end))
