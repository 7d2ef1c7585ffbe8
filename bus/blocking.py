"""The blocking face of the bus, for threads and short-lived commands.

with BlockingBus.open(home, f"cli-{os.getpid()}") as bus:
    status = bus.request("supervisor", GetStatus(), SupervisorStatus)
"""

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, TypeVar

from ..configs.errors import BusError, BusTimeoutError
from ..configs.paths import Home
from . import endpoints, frames
from .answers import failure, timed_out
from .api import BlockingBusApi, MessageId, Publisher, Received, Request, Subscription
from .blocking_links import BlockingLink, ZmqBlockingLink
from .calls import CallIds, Server, attempts, read_reply
from .contracts.base import Message
from .contracts.bus import Probe, ReplayChunk, Snapshot
from .deadletters import DeadLetters
from .durable import LagGuard, listener, record
from .endpoints import BROKER
from .flows import Counters, Flow
from .flusher import Flusher
from .group import Group
from .healing import Patience, replay_wish
from .identity import ClientIdentity, HomeIdentity, RecordedPositions
from .lastvalues import LastValues
from .probes import Probes
from .publishers import TopicPublisher
from .publishing import BEAT_INTERVAL_S, BEATS, Outgoing
from .receiving import Incoming, Listener
from .relay import offer_outbox

M = TypeVar("M", bound=Message)
R = TypeVar("R", bound=Message)
_log = logging.getLogger("cryptobot.bus")
_FIRST_PROBE_S = 0.005
_SLOWEST_PROBE_S = 0.2


class _LockedPublisher(Publisher[M]):
    """A publisher that several threads may use: numbers are sent in their order."""

    def __init__(self, inner: TopicPublisher[M], lock: threading.RLock) -> None:
        self._inner, self._lock = inner, lock

    def send(self, message: M, *, correlation_id: str = "") -> MessageId:
        with self._lock:
            return self._inner.send(message, correlation_id=correlation_id)


class _BlockingSubscription(Subscription):
    """Calls one handler on the bus's own thread."""

    def __init__(self, bus: "BlockingBus", handler: Callable[[Received[Any]], None], direct: str) -> None:
        self._bus, self._handler, self._direct = bus, handler, direct
        self.listener: Listener | None = None
        self.positions: RecordedPositions | None = None

    def deliver(self, received: Received[Any]) -> None:
        if self.positions is not None and received.ts_ns < self.positions.since_ns:
            return
        try:
            self._handler(received)
        except Exception as error:
            self._bus.handler_failed(received, error)
        record(self.positions, received)

    def close(self) -> None:
        if self.listener is None:
            return
        self._bus.forget(self.listener, self._direct)
        self.listener = None
        if self.positions is not None:
            self.positions.close()
            self.positions = None


class BlockingBus(BlockingBusApi):
    """One client of the bus with a thread of its own. Open it with `open`, or `MemoryHub.open_blocking`."""

    @classmethod
    def open(cls, home: Home, name: str, group: Group | None = None) -> "BlockingBus":
        """Connect as `name` to the bus of `home`. Returns at once, whether or not the broker is up.

        Args:
            group: the services that share this process (bus/group.py).
        """
        settings, places = endpoints.bus_settings(home), endpoints.of(home)
        link = ZmqBlockingLink(places, name, settings.high_water_mark, group)
        bus = cls(name, link, HomeIdentity(home, name), settings.high_water_mark)
        offer_outbox(bus, home, places)
        return bus

    def __init__(self, name: str, link: BlockingLink, identity: ClientIdentity, high_water_mark: int) -> None:
        self.name = name
        self._link, self._identity = link, identity
        self._sending = threading.RLock()
        self._receiving = threading.RLock()
        self._send = link.sender()
        self._flusher = Flusher(self._sending)
        self._outgoing = Outgoing(name, identity, high_water_mark, self._flusher.soon)
        self._dead_letters = DeadLetters(name, self._outgoing)
        self._incoming = Incoming(self._unreadable, self._on_missing)
        self._server = Server(name)
        self._ids = CallIds()
        self._source = frames.name_bytes(name)
        self._closed = threading.Event()
        self._hears_beats = False
        self._worker: threading.Thread | None = None
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._probes = Probes(name)
        self._probed: dict[str, threading.Event] = {}
        link.on_frame, link.on_request = self._incoming.feed, self._on_request
        link.receiving = self._receiving
        self._incoming.add(Listener(self._probes.topic, Probe, self._on_probe))
        link.start()
        link.listen(self._probes.topic.encode())
        self._reacher = threading.Thread(target=self._reach, name="bus-beat", daemon=True)
        self._reacher.start()

    def __enter__(self) -> "BlockingBus":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def counters(self) -> Counters:
        """What was received, lost and dropped since the client was opened."""
        return self._incoming.counters

    # -- publishing

    def topic(self, topic: str, schema: type[M]) -> Publisher[M]:
        with self._sending:
            return _LockedPublisher(self._outgoing.publisher(topic, schema), self._sending)

    def publish(self, topic: str, message: Message, *, correlation_id: str = "") -> MessageId:
        with self._sending:
            publisher = self._outgoing.publisher(topic, type(message))
            return publisher.send(message, correlation_id=correlation_id)

    def offer_direct(self) -> None:
        with self._sending:
            self._link.offer()
            self._outgoing.reached(self._link.sender())

    # -- subscribing

    def subscribe(
        self,
        prefix: str,
        schema: type[M],
        handler: Callable[[Received[M]], None],
        *,
        last_value: bool = False,
        durable: str = "",
        heal: bool | None = None,
        direct: str = "",
        max_lag_s: float = 0.0,
    ) -> Subscription:
        made = _BlockingSubscription(self, handler, direct)
        guard = LagGuard(prefix, max_lag_s, self.counters) if max_lag_s else None
        wanted, made.positions = listener(self._identity, prefix, schema, made.deliver, durable, heal, guard)
        made.listener = wanted
        with self._receiving:
            missed = LastValues(wanted) if last_value else None
            self._incoming.add(wanted)
            first, self._hears_beats = not self._hears_beats, True
        if direct:
            self._link.listen_directly(direct, prefix.encode())
        else:
            self._link.listen(prefix.encode())
        if first:
            self._link.listen(BEATS.encode())
        if missed is not None:
            self._in_background(lambda: self._fetch_last_values(missed))
        return made

    def _fetch_last_values(self, wanted: LastValues) -> None:
        self._probe(None)
        found: list[bytes] = []
        try:
            found = self.request(BROKER, wanted.wish, Snapshot).frames
        except BusError as error:
            _log.warning("%s starts without last values: %s", self.name, error)
        with self._receiving:
            self.counters.malformed += wanted.finish(found)

    def _in_background(self, work: Callable[[], None]) -> None:
        """Run what needs requests, and so must not hold up the bus's own thread."""
        with self._receiving:
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="bus-work", daemon=True)
                self._worker.start()
        self._jobs.put(work)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    # -- healing

    def _on_missing(self, flow: Flow) -> None:
        if not flow.healing:
            flow.healing = True
            self._in_background(lambda: self._heal(flow))

    def _heal(self, flow: Flow) -> None:
        patience = Patience()
        while not self._closed.is_set():
            with self._receiving:
                if not flow.missing() or not self._incoming.knows(flow):
                    flow.healing = False
                    return
                wish = replay_wish(flow)
            chunk: ReplayChunk | None = None
            with contextlib.suppress(BusError):
                chunk = self.request(BROKER, wish, ReplayChunk, timeout_s=2.0)
            with self._receiving:
                again = self._incoming.refill(flow, chunk, patience)
            if not again:
                self._closed.wait(patience.pause_s)

    def forget(self, listener: Listener, direct: str) -> None:
        """End a subscription; called by its `close`."""
        with self._receiving:
            known = self._incoming.remove(listener)
        if not known or self._closed.is_set():
            return
        if direct:
            self._link.ignore_directly(direct, listener.prefix.encode())
        else:
            self._link.ignore(listener.prefix.encode())

    def handler_failed(self, received: Received[Any], error: Exception) -> None:
        """A handler raised; called by its subscription."""
        with self._sending:
            self._dead_letters.handler_failed(received, error)

    def _unreadable(self, frame: bytes, error: Exception) -> None:
        with self._sending:
            self._dead_letters.unreadable(frame, error)

    def _reach(self) -> None:
        self._probe(None)
        while not self._closed.is_set():
            with self._sending:
                beat = self._outgoing.beat(self.counters.troubles())
                if beat is not None:
                    self._send(beat)
            self._link.follow()
            self._closed.wait(BEAT_INTERVAL_S)

    def settled(self, timeout_s: float = 10.0) -> None:
        self._probe(timeout_s)

    def _probe(self, timeout_s: float | None) -> None:
        token, back = self._probes.token(), threading.Event()
        self._probed[token] = back
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        pause = _FIRST_PROBE_S
        try:
            while not self._closed.is_set():
                with self._sending:
                    if self._closed.is_set():
                        return
                    self._send(self._probes.frame(token))
                self._link.follow()
                if back.wait(pause):
                    return
                pause = min(pause * 2, _SLOWEST_PROBE_S)
                if deadline is not None and time.monotonic() > deadline:
                    raise BusTimeoutError(
                        f"The bus did not answer {self.name} within {timeout_s} s; is the platform up?"
                    )
        finally:
            del self._probed[token]

    def _on_probe(self, received: Received[Probe]) -> None:
        with self._sending:
            self._outgoing.reached(self._link.sender())
        waiting = self._probed.get(received.message.token)
        if waiting is not None:
            waiting.set()

    # -- requests

    def request(
        self, service: str, message: Message, reply: type[R], *, timeout_s: float = 5.0, tries: int = 4
    ) -> R:
        if self._closed.is_set():
            raise BusError(f"The bus of {self.name} was closed.")
        plan = attempts(self._ids.next(), self._source, message, timeout_s, tries)
        for number, wait_s in enumerate(plan.waits_s):
            frame = self._link.exchange(service, plan.frame(number), plan.id, wait_s)
            if frame is not None:
                return read_reply(frame, frames.parse_call(frame), reply)
        raise timed_out(service, message, plan)

    def serve(self, schema: type[M], handler: Callable[[Request[M]], Message]) -> None:
        self._server.add(schema, handler)
        self._link.bind(self.name)

    def _on_request(self, peer: Any, frame: bytes) -> None:
        job = self._server.take(peer, frame)
        if job is None:
            return
        if job.reply is None:
            assert job.handler is not None
            try:
                answer = job.handler(job.request)
            except Exception as error:
                answer = failure(self.name, job.request, error)
            self._server.finish(job, answer)
        assert job.reply is not None
        self._link.reply(job.peer, job.reply)

    # -- life

    def close(self) -> None:
        if self._closed.is_set():
            return
        with self._sending:
            self._closed.set()
            self._outgoing.flush()
        self._flusher.close()
        for waiting in tuple(self._probed.values()):
            waiting.set()
        self._reacher.join()
        self._jobs.put(None)
        if self._worker is not None:
            self._worker.join()
        self._link.close()
        self._outgoing.close()
