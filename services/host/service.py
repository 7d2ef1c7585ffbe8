"""The frame of a service: what it is given, and the life it leads.

    class DataService(Service):
        name = "data"
        async def setup(self): ...   # open what is needed; raise StartError when it cannot be had
        async def stop(self): ...    # leave things in order

`run(DataService, home)` is what `cryptobot service run data` calls.
"""

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Coroutine
from typing import Any, ClassVar

import structlog

from ...bus import topics
from ...bus.aio import AsyncBus
from ...bus.api import AsyncBusApi, Request
from ...bus.contracts.base import Done
from ...bus.contracts.service import Heartbeat, Ping
from ...configs import snapshot
from ...configs.errors import CryptoBotError, StartError
from ...configs.notify import Notifier
from ...configs.paths import Home
from ...configs.schema import Settings
from .logs import configure

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_CANNOT_START = 78  # EX_CONFIG of sysexits.h: a restart alone will not help
HEARTBEAT_INTERVAL_S = 1.0


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

    async def setup(self) -> None:
        """Open what is needed. The service is ready when this returns.

        Raises:
            StartError: it cannot run as things are; the supervisor says so and does not try for ever.
        """

    async def stop(self) -> None:
        """Leave things in order. Called once, after the main loop ended, also when `setup` failed."""

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run a task for the service's lifetime. If it fails, the service fails: the supervisor restarts it."""
        task = asyncio.get_running_loop().create_task(work, name=f"{self.name}:{name}")
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

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
        self.bus.serve(Ping, _answer_ping)
        try:
            await self.setup()
            notifier.ready()
            self.log.info("ready")
            beat = asyncio.create_task(self._beat(notifier), name=f"{self.name}:heartbeat")
            await self._stopped.wait()
            beat.cancel()
            notifier.stopping()
        finally:
            for task in tuple(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self.stop()
        if self._failure is not None:
            raise self._failure

    async def _beat(self, notifier: Notifier) -> None:
        loop = asyncio.get_running_loop()
        heartbeat = self.bus.topic(topics.service_heartbeat(self.name), Heartbeat)
        import os

        progress, due = 0, loop.time()
        while True:
            lag_ms = max(0.0, (loop.time() - due) * 1000.0)
            progress += 1
            notifier.alive(progress)
            heartbeat.send(Heartbeat(name=self.name, pid=os.getpid(), progress=progress, loop_lag_ms=lag_ms))
            due = max(due + HEARTBEAT_INTERVAL_S, loop.time())
            await asyncio.sleep(due - loop.time())


def _answer_ping(request: Request[Ping]) -> Done:
    return Done(message="pong")


def run(service_class: type[Service], home: Home) -> int:
    """Run one service in this process until SIGTERM or SIGINT; return the exit code."""
    if sys.platform == "win32":
        # ZeroMQ's descriptor can be watched only by the selector loop.
        asyncio.set_event_loop_policy(asyncio.WindowsSelectorEventLoopPolicy())
    settings = snapshot.read(home)
    log = configure(service_class.name, settings.log.level)
    try:
        asyncio.run(_main(service_class, home, settings, log))
    except StartError as error:
        log.error("cannot start", reason=str(error))
        Notifier().send(STATUS=str(error))
        return EXIT_CANNOT_START
    except CryptoBotError as error:
        log.error("failed", reason=str(error), kind=type(error).__name__)
        Notifier().send(STATUS=str(error))
        return EXIT_FAILED
    except Exception as error:
        log.exception("crashed")
        Notifier().send(STATUS=f"{type(error).__name__}: {error}")
        return EXIT_FAILED
    return EXIT_OK


async def _main(
    service_class: type[Service], home: Home, settings: Settings, log: structlog.typing.FilteringBoundLogger
) -> None:
    started = time.monotonic()
    bus = await AsyncBus.open(home, service_class.name)
    notifier = Notifier()
    try:
        service = service_class(home, settings, bus, log)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(NotImplementedError):
                loop.add_signal_handler(number, service.end)
        await service.serve_until_stopped(notifier)
        log.info("stopped", uptime_s=round(time.monotonic() - started, 3))
    finally:
        notifier.close()
        await bus.close()
