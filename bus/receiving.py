"""The receiving half of a client, without a socket: who gets a frame, gaps, and what cannot be read."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from ..configs.errors import ProtocolError
from . import codec, frames
from .api import Received
from .contracts.base import Delivery, Message
from .contracts.bus import Beat, ReplayChunk
from .flows import Counters, Flow
from .healing import Patience
from .publishing import BEATS

_MAX_ROUTES = 100_000
_INTERNAL = "bus."
_TRACED = 16 + frames.TRACE_BYTES
_UNREADABLE = (ValueError, struct.error, ProtocolError, msgspec.DecodeError, RecursionError)
_unpack, _item = frames.VARIABLE.unpack_from, frames.ITEM.unpack_from


class Positions(Protocol):
    """Where a durable consumer stands (bus/positions.py)."""

    since_ns: int

    def get(self, source: str, topic: str) -> tuple[int, int] | None:
        """Epoch and number of the last message handled."""


@dataclass(eq=False, slots=True)
class Listener:
    """One subscription: `deliver` gets each message of `schema` whose topic starts with `prefix`.

    `heal` asks for missing messages; `positions` makes it go on where its last life ended; `doubled` expects
    each message twice.
    """

    prefix: str
    schema: type[Message]
    deliver: Callable[[Received[Any]], None]
    heal: bool = False
    positions: Positions | None = None
    doubled: bool = False


@dataclass(eq=False, slots=True)
class Route:
    """All that is constant for one publisher's topic. `key` is how its frames begin, `size` its length."""

    key: bytes
    size: int
    topic: str
    source: str
    epoch: int
    traced: bool
    batched: bool
    event: bool
    decode: Callable[[bytes], Any]
    listeners: list[Listener]
    flow: Flow


_NO_ROUTE = Route(
    key=b"\0",  # no frame begins with NUL
    size=1,
    topic="",
    source="",
    epoch=0,
    traced=False,
    batched=False,
    event=False,
    decode=bytes,
    listeners=[],
    flow=Flow("", "", event=False, healed=False),
)


class Incoming:
    """Gives frames to listeners.

    Args:
        poison: called with a frame that cannot be read and the reason.
        missing: called with a flow of which messages are missing; answered with `refill`.
    """

    def __init__(self, poison: Callable[[bytes, Exception], None], missing: Callable[[Flow], None]) -> None:
        self.counters = Counters()
        self._poison, self._missing = poison, missing
        self._listeners: list[Listener] = []
        self._routes: dict[bytes, Route] = {}
        self._last = _NO_ROUTE
        self._flows: dict[tuple[str, str, bool], Flow] = {}
        self._complete: dict[str, int] = {}
        self._beats = Listener(BEATS, Beat, self._on_beat)
        self._listeners.append(self._beats)

    def add(self, listener: Listener) -> None:
        self._listeners.append(listener)
        self._forget_routes()
        self._complete.clear()

    def remove(self, listener: Listener) -> bool:
        """Forget a listener; False when it was forgotten before."""
        if listener not in self._listeners:
            return False
        self._listeners.remove(listener)
        self._forget_routes()
        for key, flow in tuple(self._flows.items()):
            if not any(flow.topic.startswith(each.prefix) for each in self._listeners):
                del self._flows[key]
        return True

    def _forget_routes(self) -> None:
        self._routes.clear()
        self._last = _NO_ROUTE

    # -- frames

    def feed(self, frame: bytes) -> None:
        """Take one frame from the wire. Never raises on what a peer sent."""
        try:
            route = self._last
            if not frame.startswith(route.key):  # messages come in runs of one topic
                at = frame.index(0, frame.index(0) + 1) + 13
                self._last = route = self._routes.get(frame[:at]) or self._open(frame, at)
            at = route.size
            seq, ts_ns = _unpack(frame, at)
            flow = route.flow
            if (seq != flow.next or route.epoch != flow.epoch) and not self._out_of_order(route, seq, frame):
                return
            if route.batched:
                self._take_batch(route, frame, at + 16, seq, ts_ns)
                return
            flow.next = seq + 1
            if not route.listeners:
                return
            if route.traced:
                correlation = frames.correlation_text(frame[at + 16 : at + 32])
                message = route.decode(frame[at + _TRACED :])
            else:
                correlation = ""
                message = route.decode(frame[at + 16 :])
        except _UNREADABLE as error:
            self.counters.malformed += 1
            self._poison(frame, error)
            return
        received = Received(route.topic, route.source, route.epoch, seq, ts_ns, correlation, message)
        for listener in route.listeners:
            listener.deliver(received)

    def _take_batch(self, route: Route, frame: bytes, at: int, seq: int, ts_ns: int) -> None:
        """What cannot be read ends the batch: the rest is missed as a gap."""
        flow, decode, listeners, end = route.flow, route.decode, route.listeners, len(frame)
        while at < end:
            begin = at + 4
            at = begin + _item(frame, at)[0]
            if at > end:
                raise ProtocolError("A batch ends within a message.")
            flow.next = seq + 1
            if listeners:
                message = decode(frame[begin:at])
                received = Received(route.topic, route.source, route.epoch, seq, ts_ns, "", message)
                for listener in listeners:
                    listener.deliver(received)
            seq += 1

    def _out_of_order(self, route: Route, seq: int, frame: bytes) -> bool:
        if route.batched:
            malformed = self.counters.malformed
            for single in frames.singles(frame):
                self.feed(single)
                if self.counters.malformed != malformed:
                    break  # one bad frame, however many messages it claims to be
            return False
        flow = route.flow
        if route.topic.startswith(_INTERNAL):
            flow.epoch = route.epoch
            return True
        accept = flow.accept_event if route.event else flow.accept_stream
        accepted = accept(route.epoch, seq, self.counters)
        if flow.healed and flow.missing() and not accepted:
            self._missing(flow)
        return accepted

    def _open(self, frame: bytes, at: int) -> Route:
        envelope = frames.parse(frame)
        event = bool(envelope.flags & frames.FLAG_EVENT)
        matching = [
            listener
            for listener in self._listeners
            if envelope.schema_id == listener.schema.SCHEMA_ID and envelope.topic.startswith(listener.prefix)
        ]
        route = Route(
            key=frame[:at],
            size=at,
            topic=envelope.topic,
            source=envelope.source,
            epoch=envelope.epoch,
            traced=bool(envelope.flags & frames.FLAG_TRACED),
            batched=bool(envelope.flags & frames.FLAG_BATCH),
            event=event,
            decode=codec.decoder(matching[0].schema if matching else Message),
            listeners=matching,
            flow=self._flow(envelope.source, envelope.topic, event, envelope.epoch),
        )
        if len(self._routes) >= _MAX_ROUTES:
            self._routes.clear()
        self._routes[route.key] = route
        return route

    # -- flows

    def knows(self, flow: Flow) -> bool:
        """Whether anyone still listens to this flow."""
        return self._flows.get((flow.source, flow.topic, flow.event)) is flow

    def _flow(self, source: str, topic: str, event: bool, epoch: int) -> Flow:
        found = self._flows.get((source, topic, event))
        if found is None:
            if len(self._flows) >= _MAX_ROUTES:
                self._forget_streams()
            found = self._flows[source, topic, event] = self._new_flow(source, topic, event)
            if not found.next and self._complete.get(source) == epoch:
                # All topics of this life were told before: this one is new, so expect it from its beginning.
                found.epoch, found.next = epoch, 1
        return found

    def _forget_streams(self) -> None:
        """Sources that come and go must not fill the memory; a stream begins anew with its next message."""
        self._flows = {key: flow for key, flow in self._flows.items() if flow.event}
        self._complete.clear()
        self._forget_routes()

    def _new_flow(self, source: str, topic: str, event: bool) -> Flow:
        wanted = Delivery.EVENT if event else Delivery.STREAM
        listening = (each for each in self._listeners if topic.startswith(each.prefix))
        matching = [each for each in listening if each.schema.DELIVERY is wanted]
        internal = topic.startswith(_INTERNAL)
        healed = not internal and any(each.heal for each in matching)
        flow = Flow(source, topic, event, healed, doubled=any(each.doubled for each in matching))
        for listener in matching:
            if event and listener.positions is not None:
                flow.epoch, last = listener.positions.get(source, topic) or (0, 0)
                flow.next, flow.after_ns = last + 1, listener.positions.since_ns
        return flow

    def _on_beat(self, received: Received[Beat]) -> None:
        beat = received.message
        for event, numbers in ((True, beat.events), (False, beat.streams)):
            for topic, last in numbers.items():
                self._hear(beat, topic, event, last)
        if beat.complete:
            self._complete[beat.publisher] = beat.publisher_epoch

    def _hear(self, beat: Beat, topic: str, event: bool, last: int) -> None:
        if not any(topic.startswith(each.prefix) for each in self._listeners):
            return
        flow = self._flow(beat.publisher, topic, event, beat.publisher_epoch)
        flow.hear(beat.publisher_epoch, last, self.counters)
        if flow.healed and flow.missing():
            self._missing(flow)

    # -- what the bus sends on request

    def refill(self, flow: Flow, chunk: ReplayChunk | None, patience: Patience) -> bool:
        """Take replayed messages of one flow; whether it is worth asking on at once.

        What is before the chunk's `next_seq` and not in it is lost; so is, after a while, what the bus does
        not have.
        """
        if chunk is None:
            patience.unanswered()
            return False
        for frame in chunk.frames:
            seq = frames.seq_of(frame)
            if seq >= flow.next:
                flow.give_up_before(seq, self.counters)
                self.feed(frame)
                self.counters.healed += 1
        flow.give_up_before(chunk.next_seq, self.counters)
        if chunk.frames:
            patience.progress()
            return True
        if flow.missing() and patience.absent():
            flow.give_up_before(flow.known + 1, self.counters)
        return False
