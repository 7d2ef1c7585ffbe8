"""The receiving half of a client, without a socket: who gets a frame, gaps, and what cannot be read."""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ..configs.errors import ProtocolError
from . import codec, frames
from .api import Received
from .contracts.base import Message

_MAX_ROUTES = 100_000


@dataclass(eq=False, slots=True)
class Listener:
    """One subscription: `deliver` gets each message of `schema` whose topic starts with `prefix`."""

    prefix: str
    schema: type[Message]
    deliver: Callable[[Received[Any]], None]


@dataclass(eq=False, slots=True)
class Flow:
    """What was seen of one source's topic. `next` is the expected number, 0 before the first message."""

    epoch: int = 0
    next: int = 0


@dataclass(eq=False, slots=True)
class Route:
    """All that is constant for one publisher's topic."""

    topic: str
    source: str
    epoch: int
    traced: bool
    decode: Callable[[bytes], Any]
    listeners: list[Listener]
    flow: Flow


@dataclass(eq=False, slots=True)
class Counters:
    """What happened since the client was opened."""

    received: int = 0
    lost: int = 0
    duplicates: int = 0
    malformed: int = 0
    dropped: int = 0
    by_topic_lost: dict[str, int] = field(default_factory=dict)


Poison = Callable[[bytes, Exception], None]


class Incoming:
    """Gives frames to listeners. `poison` is called with a frame that cannot be read and the reason."""

    def __init__(self, poison: Poison) -> None:
        self.counters = Counters()
        self._poison = poison
        self._listeners: list[Listener] = []
        self._routes: dict[bytes, Route] = {}
        self._flows: dict[tuple[str, str], Flow] = {}

    def add(self, listener: Listener) -> None:
        self._listeners.append(listener)
        self._routes.clear()

    def remove(self, listener: Listener) -> bool:
        """Forget a listener; False when it was forgotten before."""
        if listener not in self._listeners:
            return False
        self._listeners.remove(listener)
        self._routes.clear()
        return True

    def feed(self, frame: bytes) -> None:
        """Take one frame from the wire. Never raises on what a peer sent."""
        try:
            at = frame.index(0, frame.index(0) + 1) + 13
            route = self._routes.get(frame[:at]) or self._open(frame, at)
            seq, ts_ns = frames.VARIABLE.unpack_from(frame, at)
            flow = route.flow
            if seq != flow.next:
                self._out_of_order(route, seq)
            flow.next = seq + 1
            if not route.listeners:
                return
            at += 16
            correlation = ""
            if route.traced:
                correlation = frames.correlation_text(frame[at : at + 16])
                at += frames.TRACE_BYTES
            message = route.decode(frame[at:])
        except (ValueError, struct.error, ProtocolError) as error:
            self._malformed(frame, error)
            return
        except (msgspec.DecodeError, RecursionError) as error:
            self._malformed(frame, error)
            return
        received = Received(route.topic, route.source, route.epoch, seq, ts_ns, correlation, message)
        for listener in route.listeners:
            listener.deliver(received)

    def _open(self, frame: bytes, at: int) -> Route:
        envelope = frames.parse(frame)
        matching = [
            listener
            for listener in self._listeners
            if envelope.schema_id == listener.schema.SCHEMA_ID and envelope.topic.startswith(listener.prefix)
        ]
        schema = matching[0].schema if matching else Message
        route = Route(
            topic=envelope.topic,
            source=envelope.source,
            epoch=envelope.epoch,
            traced=bool(envelope.flags & frames.FLAG_TRACED),
            decode=codec.decoder(schema),
            listeners=matching,
            flow=self._flows.setdefault((envelope.source, envelope.topic), Flow()),
        )
        if len(self._routes) >= _MAX_ROUTES:
            self._routes.clear()
        self._routes[frame[:at]] = route
        return route

    def _out_of_order(self, route: Route, seq: int) -> None:
        flow = route.flow
        if route.epoch == flow.epoch and flow.next:
            if seq > flow.next:
                missing = seq - flow.next
                self.counters.lost += missing
                by_topic = self.counters.by_topic_lost
                by_topic[route.topic] = by_topic.get(route.topic, 0) + missing
            else:
                self.counters.duplicates += 1
        flow.epoch = route.epoch

    def _malformed(self, frame: bytes, error: Exception) -> None:
        self.counters.malformed += 1
        self._poison(frame, error)
