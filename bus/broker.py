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
from collections.abc import Callable

import msgspec
import zmq

from ..configs.errors import BusError, ProtocolError, StartError
from ..configs.files import replace
from ..configs.notify import Notifier
from ..configs.paths import Home
from ..configs.schema import BusSettings
from . import endpoints, frames, keys, sockets, topics
from .aio import AsyncBus
from .api import Received, Request
from .archive import Archive
from .connections import Connections
from .contracts.base import Done
from .contracts.bus import Beat, BusReport, BusStats, GetBusStats, GetSnapshot, Replay, ReplayChunk, Snapshot
from .contracts.service import Alert, Heartbeat, Ping
from .gate import Gate
from .journal import Journal
from .publishing import BEATS
from .relay import replay_of
from .retention import forget_passing_clients
from .surrogate import SILENT_S, Surrogate

EXIT_OK = 0
EXIT_CANNOT_START = 78  # EX_CONFIG of sysexits.h: a restart alone will not help
HEARTBEAT_INTERVAL_S = 1.0
_SUBSCRIBE_ALL = b"\x01"
_TIDY_INTERVAL_S = 3600.0
_CATCH_UP_S = 2.0
_REPORT_INTERVAL_S = 5.0
_REPORTED_TOPICS = 100
_TAP = "inproc://journal"
_log = logging.getLogger("cryptobot.bus")


class Proxy:
    """XSUB and XPUB of one home, forwarding in a thread: of C for unix sockets, of the gate for TCP."""

    def __init__(self, places: endpoints.Endpoints, settings: BusSettings) -> None:
        self._sockets = Connections(places, endpoints.BROKER, settings.high_water_mark)
        self._in = sockets.broker_in(self._sockets.context)
        self._out = sockets.broker_out(self._sockets.context, settings.high_water_mark)
        self._gate = Gate(self._in, self._out) if places.secure else None
        try:
            self._out.bind(_TAP)
            self._sockets.bind(self._out, endpoints.SUBSCRIBE)
            self._sockets.bind(self._in, endpoints.PUBLISH)
        except BusError as error:
            self._in.close()
            self._out.close()
            self._sockets.close()
            raise StartError(f"The broker cannot start: {error}") from error
        self._in.send(_SUBSCRIBE_ALL)
        self.journal = Journal(places.home, settings, self._sockets.context, _TAP)
        self._thread = threading.Thread(target=self._forward, name="proxy", daemon=True)
        self._thread.start()
        _write_connection_file(places)

    @property
    def refused(self) -> dict[str, int]:
        """What the rules forbade, by holder of a key."""
        return dict(self._gate.refused) if self._gate is not None else {}

    def _forward(self) -> None:
        try:
            if self._gate is None:
                zmq.proxy(self._in, self._out)
            else:
                self._gate.run()
        except zmq.ContextTerminated:
            return
        finally:
            self._in.close()
            self._out.close()

    def close(self) -> None:
        """Stop forwarding; what the I/O thread holds is sent for half a second at most."""
        self.journal.close()
        self._sockets.close()
        self._thread.join()


def _write_connection_file(places: endpoints.Endpoints) -> None:
    """Tell tools of this user how to attach (docs/protocol.md, "Connection file")."""
    facts = {"protocol": frames.VERSION, "pid": os.getpid(), **places.describe()}
    if places.secure:
        facts["server_key"] = keys.pair(places.home, endpoints.BROKER).public.decode()
    replace(places.home.run / "connection.json", msgspec.json.encode(facts))


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
    proxy = Proxy(endpoints.of(home), endpoints.bus_settings(home))
    try:
        await _serve(home, proxy, notifier, stopped)
    finally:
        proxy.close()


async def _serve(home: Home, proxy: Proxy, notifier: Notifier, stopped: asyncio.Event) -> None:
    bus = await AsyncBus.open(home, endpoints.BROKER)
    try:
        bus.serve(Ping, _answer_ping)
        surrogate = Surrogate(home)
        stats = _serve_archive(bus, home, proxy, surrogate)
        await bus.settled()
        notifier.ready(X_ENDPOINT=endpoints.of(home).address(endpoints.BROKER), **bus.facts())
        bus.start(_beat(bus, notifier))
        bus.start(_speak_for_the_silent(bus, surrogate))
        bus.start(_tell_of_a_pause(bus, proxy.journal))
        bus.start(_report(bus, stats))
        bus.start(_tidy_up(home))
        await stopped.wait()
        notifier.stopping()
    finally:
        await bus.close()


def _serve_archive(
    bus: AsyncBus, home: Home, proxy: Proxy, surrogate: Surrogate
) -> Callable[[int], BusStats]:
    """Answer what is asked of the journal; return what counts, for so many topics."""
    archive, journal, places = Archive(home), proxy.journal, endpoints.of(home)

    def count(limit: int) -> BusStats:
        return journal.stats(limit, surrogate.counters, proxy.refused)

    async def replay(request: Request[Replay]) -> ReplayChunk:
        found = await replay_of(bus, places, request.message)
        if found is not None:
            return found
        return await asyncio.to_thread(archive.replay, request.message)

    def snapshot(request: Request[GetSnapshot]) -> Snapshot:
        found = journal.snapshot(request.message.prefix.encode())
        wanted = request.message.message_schema
        return Snapshot(frames=[frame for frame in found if _schema_of(frame) == wanted])

    async def stats(request: Request[GetBusStats]) -> BusStats:
        if request.message.caught_up:
            await asyncio.to_thread(journal.catch_up, _CATCH_UP_S)
        return count(request.message.limit)

    bus.serve(Replay, replay)
    bus.serve(GetSnapshot, snapshot)
    bus.serve(GetBusStats, stats)
    return count


def _schema_of(frame: bytes) -> int:
    try:
        return frames.parse(frame).schema_id
    except ProtocolError:
        return 0


async def _speak_for_the_silent(bus: AsyncBus, surrogate: Surrogate) -> None:
    def hear(received: Received[Beat]) -> None:
        if received.source == received.message.publisher:
            surrogate.heard(received.message)

    bus.subscribe(BEATS, Beat, hear)
    await asyncio.sleep(SILENT_S)
    while True:
        for beat in await asyncio.to_thread(surrogate.beats):
            bus.publish(BEATS + beat.publisher, beat)
        await asyncio.sleep(SILENT_S)


async def _tell_of_a_pause(bus: AsyncBus, journal: Journal) -> None:
    told = False
    while True:
        if journal.paused != told:
            told = journal.paused
            alert = Alert(
                key="bus.journal.paused",
                severity="error",
                source=endpoints.BROKER,
                title="The journal is paused" if told else "The journal is written again",
                detail=f"{journal.lost} messages were not journalled; trading goes on. Free some disk space.",
                recovered=not told,
            )
            bus.publish(topics.alert(alert.severity), alert)
        await asyncio.sleep(HEARTBEAT_INTERVAL_S)


async def _report(bus: AsyncBus, count: Callable[[int], BusStats]) -> None:
    publisher = bus.topic(topics.BUS_REPORT, BusReport)
    while True:
        stats = count(_REPORTED_TOPICS)
        publisher.send(
            BusReport(
                uptime_s=stats.uptime_s,
                messages=stats.messages,
                bytes=stats.bytes,
                journal_bytes=stats.journal_bytes,
                journal_lost=stats.journal_lost,
                journal_paused=stats.journal_paused,
                topics={each.topic: each.messages for each in stats.topics},
                clients=stats.clients,
                refused=stats.refused,
            )
        )
        await asyncio.sleep(_REPORT_INTERVAL_S)


async def _tidy_up(home: Home) -> None:
    while True:
        await asyncio.to_thread(forget_passing_clients, home)
        await asyncio.sleep(_TIDY_INTERVAL_S)


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
