"""The blocking face of the bus, for threads and short-lived commands.

with BlockingBus.open(home, f"cli-{os.getpid()}") as bus:
    status = bus.request("supervisor", GetStatus(), SupervisorStatus)
"""

import logging
import threading
import time
from collections.abc import Callable
from functools import partial
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
from .contracts.bus import Probe
from .deadletters import DeadLetters
from .epochs import next_epoch
from .probes import Probes
from .publishing import Outgoing, TopicPublisher
from .receiving import Counters, Incoming, Listener

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
    def __init__(
        self, bus: "BlockingBus", prefix: str, schema: type[Message], handler: Callable[..., None]
    ) -> None:
        self._bus, self._handler = bus, handler
        self._listener = Listener(prefix, schema, self._deliver)
        bus.remember(self._listener)

    def _deliver(self, received: Received[Any]) -> None:
        try:
            self._handler(received)
        except Exception as error:
            self._bus.handler_failed(received, error)

    def close(self) -> None:
        self._bus.forget(self._listener)


class BlockingBus(BlockingBusApi):
    """One client of the bus with a thread of its own. Open it with `open`, or `MemoryHub.open_blocking`."""

    @classmethod
    def open(cls, home: Home, name: str) -> "BlockingBus":
        """Connect as `name` to the bus of `home`. Returns at once, whether or not the broker is up."""
        settings = endpoints.bus_settings(home)
        link = ZmqBlockingLink(endpoints.of(home), settings.high_water_mark)
        return cls(name, link, partial(next_epoch, home, name), settings.high_water_mark)

    def __init__(
        self, name: str, link: BlockingLink, begin_epoch: Callable[[], int], high_water_mark: int
    ) -> None:
        self.name = name
        self._link = link
        self._sending = threading.RLock()
        self._receiving = threading.RLock()
        self._outgoing = Outgoing(name, begin_epoch, high_water_mark)
        self._dead_letters = DeadLetters(name, self._outgoing)
        self._incoming = Incoming(self._unreadable)
        self._server = Server(name)
        self._ids = CallIds()
        self._source = frames.name_bytes(name)
        self._closed = threading.Event()
        self._probes = Probes(name)
        self._probed: dict[str, threading.Event] = {}
        link.on_frame, link.on_request = self._on_frame, self._on_request
        self._incoming.add(Listener(self._probes.topic, Probe, self._on_probe))
        link.start()
        link.listen(self._probes.topic.encode())
        self._reacher = threading.Thread(target=self._probe, args=(None,), name="bus-reach", daemon=True)
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

    # -- subscribing

    def subscribe(self, prefix: str, schema: type[M], handler: Callable[[Received[M]], None]) -> Subscription:
        return _BlockingSubscription(self, prefix, schema, handler)

    def remember(self, listener: Listener) -> None:
        """Begin a subscription; called when one is made."""
        with self._receiving:
            self._incoming.add(listener)
        self._link.listen(listener.prefix.encode())

    def forget(self, listener: Listener) -> None:
        """End a subscription; called by its `close`."""
        with self._receiving:
            known = self._incoming.remove(listener)
        if known and not self._closed.is_set():
            self._link.ignore(listener.prefix.encode())

    def _on_frame(self, frame: bytes) -> None:
        with self._receiving:
            self._incoming.feed(frame)

    def handler_failed(self, received: Received[Any], error: Exception) -> None:
        """A handler raised; called by its subscription."""
        with self._sending:
            self._dead_letters.handler_failed(received, error)

    def _unreadable(self, frame: bytes, error: Exception) -> None:
        with self._sending:
            self._dead_letters.unreadable(frame, error)

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
                    self._link.publish(self._probes.frame(token))
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
            self._outgoing.reached(self._link.publish)
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
        for waiting in tuple(self._probed.values()):
            waiting.set()
        self._reacher.join()
        self._link.close()
