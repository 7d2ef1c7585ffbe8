"""The broker's process: XSUB and XPUB joined in C, so that no Python runs for a message.

The supervisor starts it as service `bus`. It subscribes to everything at each publisher, so a subscription
is in force as soon as it has reached the broker.
"""

import asyncio
import contextlib
import logging
import os
import signal
import threading

import zmq

from ..configs.errors import StartError
from ..configs.notify import Notifier
from ..configs.paths import Home
from . import endpoints, sockets, topics
from .aio import AsyncBus
from .api import Request
from .contracts.base import Done
from .contracts.service import Heartbeat, Ping

EXIT_OK = 0
EXIT_CANNOT_START = 78  # EX_CONFIG of sysexits.h: a restart alone will not help
HEARTBEAT_INTERVAL_S = 1.0
_SUBSCRIBE_ALL = b"\x01"
_log = logging.getLogger("cryptobot.bus")


class Proxy:
    """XSUB and XPUB of one home, forwarding in a thread of C."""

    def __init__(self, places: endpoints.Endpoints, hwm: int) -> None:
        places.home.sockets.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._context = sockets.context()
        self._in, self._out = sockets.broker_in(self._context), sockets.broker_out(self._context, hwm)
        try:
            self._out.bind(places.subscribe)
            self._in.bind(places.publish)
        except zmq.ZMQError as error:
            self._in.close()
            self._out.close()
            self._context.term()
            raise StartError(f"The broker cannot bind {places.publish} ({error}).") from error
        self._in.send(_SUBSCRIBE_ALL)
        self._thread = threading.Thread(target=self._forward, name="proxy", daemon=True)
        self._thread.start()

    def _forward(self) -> None:
        try:
            zmq.proxy(self._in, self._out)
        except zmq.ContextTerminated:
            return
        finally:
            self._in.close()
            self._out.close()

    def close(self) -> None:
        """Stop forwarding; what the I/O thread holds is sent for half a second at most."""
        self._context.term()
        self._thread.join()


def main(home: Home) -> int:
    """Run the broker of `home` until SIGTERM or SIGINT; return the exit code."""
    notifier = Notifier()
    try:
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(_run(home, notifier))
    except StartError as error:
        _log.error("%s", error)
        notifier.send(STATUS=str(error))
        return EXIT_CANNOT_START
    finally:
        notifier.close()
    return EXIT_OK


async def _run(home: Home, notifier: Notifier) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stopped.set)
    proxy = Proxy(endpoints.of(home), endpoints.bus_settings(home).high_water_mark)
    try:
        await _serve(home, notifier, stopped)
    finally:
        proxy.close()


async def _serve(home: Home, notifier: Notifier, stopped: asyncio.Event) -> None:
    bus = await AsyncBus.open(home, endpoints.BROKER)
    try:
        bus.serve(Ping, _answer_ping)
        await bus.settled()
        notifier.ready()
        bus.start(_beat(bus, notifier))
        await stopped.wait()
        notifier.stopping()
    finally:
        await bus.close()


def _answer_ping(request: Request[Ping]) -> Done:
    return Done(message="pong")


async def _beat(bus: AsyncBus, notifier: Notifier) -> None:
    loop = asyncio.get_running_loop()
    heartbeat = bus.topic(topics.service_heartbeat(endpoints.BROKER), Heartbeat)
    progress, due = 0, loop.time()
    while True:
        lag_ms = max(0.0, (loop.time() - due) * 1000.0)
        progress += 1
        notifier.alive(progress)
        heartbeat.send(
            Heartbeat(name=endpoints.BROKER, pid=os.getpid(), progress=progress, loop_lag_ms=lag_ms)
        )
        due = max(due + HEARTBEAT_INTERVAL_S, loop.time())
        await asyncio.sleep(due - loop.time())
