"""The sending half of a client, without a socket: numbers, frames, and what waits for the broker."""

import time
from collections import deque
from collections.abc import Callable
from typing import Protocol, TypeVar

from ..configs.errors import ProtocolError
from . import codec, frames
from .api import MessageId, Publisher
from .contracts.base import Delivery, Message
from .contracts.bus import Beat

M = TypeVar("M", bound=Message)
Emit = Callable[[bytes], object]
BEATS = "bus.beat."
BEAT_INTERVAL_S = 0.5
_COMPLETE_EVERY = 10
# Names of this module are found faster than those of others; `send` is the hottest code there is.
_item, _BATCH_BYTES = frames.ITEM.pack, 65_536
_encode, _pack, _now_ns, _MAX_BYTES = codec.encode, frames.VARIABLE.pack, time.time_ns, frames.MAX_FRAME_BYTES
_TELL = 3  # beats that tell a new number: one may be lost itself, and a receiver wants to hear it twice


class WriteAhead(Protocol):
    """Where events are written before they are sent."""

    last: dict[str, int]

    def append(self, topic: str, seq: int, frame: bytes) -> None: ...

    def close(self) -> None: ...


class Identity(Protocol):
    """What a client is on the bus, besides its name: each is made when it is first needed."""

    def begin(self) -> tuple[str, int]:
        """The name to publish under, and the number of this life."""

    def open_outbox(self, source: str) -> WriteAhead:
        """The outbox of that name, opened for writing."""

    def close(self) -> None:
        """Let the name go."""


class Sequence:
    """The last number used on a topic, the last one told in a beat, and in how many more beats to tell it."""

    __slots__ = ("last", "left", "told")

    def __init__(self, last: int) -> None:
        self.last = last
        self.told = 0
        self.left = 0


class TopicPublisher(Publisher[M]):
    """Publishes one class on one topic. Not for several threads at once."""

    def __init__(self, outgoing: "Outgoing", topic: str, schema: type[M], sequence: Sequence) -> None:
        self._outgoing, self._schema, self._sequence, self._topic = outgoing, schema, sequence, topic
        self._source, self._epoch = outgoing.source, outgoing.epoch
        event = schema.DELIVERY is Delivery.EVENT
        self._outbox = outgoing.outbox() if event else None
        flags = frames.FLAG_EVENT if event else 0
        facts = (topic, outgoing.source, schema.SCHEMA_ID, schema.SCHEMA_VERSION, outgoing.epoch)
        self._plain = frames.head(*facts, flags)
        self._traced = frames.head(*facts, flags | frames.FLAG_TRACED)

    def send(self, message: M, *, correlation_id: str = "") -> MessageId:
        if message.__class__ is not self._schema:
            raise TypeError(f"This publisher sends {self._schema.__name__}, not {type(message).__name__}.")
        payload = _encode(message)
        if len(payload) > _MAX_BYTES:
            raise ProtocolError(f"A {self._schema.__name__} of {len(payload)} bytes is too large to publish.")
        sequence = self._sequence
        seq = sequence.last + 1
        variable = _pack(seq, _now_ns())
        if self._outbox is not None:
            trace = frames.correlation_bytes(correlation_id) + frames.NO_ID
            frame = self._traced + variable + trace + payload
            self._outbox.append(self._topic, seq, frame)
        elif correlation_id:
            frame = (
                self._traced + variable + frames.correlation_bytes(correlation_id) + frames.NO_ID + payload
            )
        else:
            frame = self._plain + variable + payload
        sequence.last = seq
        self._outgoing.emit(frame)
        return MessageId(self._source, self._epoch, seq)


class BatchPublisher(TopicPublisher[M]):
    """Sends what is said within one turn of the loop as one frame, of at most `limit` messages."""

    def __init__(
        self,
        outgoing: "Outgoing",
        topic: str,
        schema: type[M],
        sequence: Sequence,
        limit: int,
        soon: Callable[[Callable[[], None]], object],
    ) -> None:
        super().__init__(outgoing, topic, schema, sequence)
        facts = (topic, outgoing.source, schema.SCHEMA_ID, schema.SCHEMA_VERSION, outgoing.epoch)
        self._batch = frames.head(*facts, frames.FLAG_BATCH)
        self._limit, self._soon = limit * 2, soon
        self._parts: list[bytes] = []
        self._bytes = 0
        self._ts_ns = 0

    def send(self, message: M, *, correlation_id: str = "") -> MessageId:
        if correlation_id:
            self.flush()
            return super().send(message, correlation_id=correlation_id)
        if message.__class__ is not self._schema:
            raise TypeError(f"This publisher sends {self._schema.__name__}, not {type(message).__name__}.")
        payload = _encode(message)
        parts = self._parts
        if not parts:
            self._ts_ns = _now_ns()
            self._soon(self.flush)
        seq = self._sequence.last = self._sequence.last + 1
        parts += (_item(len(payload)), payload)
        self._bytes += len(payload)
        if len(parts) >= self._limit or self._bytes > _BATCH_BYTES:
            self.flush()
        return MessageId(self._source, self._epoch, seq)

    def flush(self) -> None:
        """Send what waits."""
        parts = self._parts
        if not parts:
            return
        number = len(parts) // 2
        variable = _pack(self._sequence.last - number + 1, self._ts_ns)
        self._parts, self._bytes = [], 0
        if number == 1:
            self._outgoing.emit(self._plain + variable + parts[1])
        else:
            self._outgoing.emit(b"".join((self._batch, variable, *parts)))


class Outgoing:
    """All publishers of one client.

    Until the broker is reached frames wait in a bounded backlog, so what a service says first is not lost;
    `reached` lets them go.
    """

    def __init__(self, source: str, identity: Identity, backlog: int) -> None:
        self._source = source
        self._identity = identity
        self._epoch = 0
        self._outbox: WriteAhead | None = None
        self._streams: dict[str, Sequence] = {}
        self._events: dict[str, Sequence] = {}
        self._publishers: dict[tuple[str, type[Message]], TopicPublisher[Message]] = {}
        self._backlog: deque[bytes] = deque(maxlen=backlog)
        self._batched: set[str] = set()
        self._beats = 0
        self._told: dict[str, int] = {}
        self.emit: Emit = self._backlog.append

    @property
    def epoch(self) -> int:
        """This life's number; it begins with the first publisher."""
        if not self._epoch:
            self._source, self._epoch = self._identity.begin()
        return self._epoch

    @property
    def source(self) -> str:
        """The name that frames bear: the client's, or one beside it while another process has that."""
        return self._source if self.epoch else ""

    def outbox(self) -> WriteAhead:
        """The outbox; the numbers of its topics go on from where the last life left them."""
        if self._outbox is None:
            self._outbox = self._identity.open_outbox(self.source)
            self._events = {topic: Sequence(last) for topic, last in self._outbox.last.items()}
        return self._outbox

    def reached(self, send: Emit) -> None:
        """The broker answers: send what waited, and from now on at once."""
        while self._backlog:
            send(self._backlog.popleft())
        self.emit = send

    def publisher(self, topic: str, schema: type[M]) -> TopicPublisher[M]:
        """The publisher of this topic and class; the same one each time."""
        found = self._publishers.get((topic, schema))
        if found is None:
            if topic in self._batched:
                raise ValueError(f"{topic} is batched for another class of messages.")
            if not schema.SCHEMA_ID:
                raise TypeError(f"{schema.__name__} has no schema id; declare it with @message.")
            made = TopicPublisher(self, topic, schema, self._sequence(topic, schema))
            self._publishers[topic, schema] = made  # type: ignore[assignment]
            return made
        return found  # type: ignore[return-value]

    def batch_publisher(
        self, topic: str, schema: type[M], limit: int, soon: Callable[[Callable[[], None]], object]
    ) -> BatchPublisher[M]:
        """The batching publisher of a topic that carries one class only: another's number would overtake.

        Raises:
            ValueError: the class is of the event class, or the topic has another publisher.
        """
        found = self._publishers.get((topic, schema))
        if isinstance(found, BatchPublisher):
            return found
        if schema.DELIVERY is not Delivery.STREAM or any(known == topic for known, _ in self._publishers):
            raise ValueError(f"{topic} cannot be batched: only a stream with one publisher can.")
        made = BatchPublisher(self, topic, schema, self._sequence(topic, schema), limit, soon)
        self._publishers[topic, schema] = made  # type: ignore[assignment]
        self._batched.add(topic)
        return made

    def flush(self) -> None:
        """Send what waits in batches."""
        for publisher in self._publishers.values():
            if isinstance(publisher, BatchPublisher):
                publisher.flush()

    def _sequence(self, topic: str, schema: type[Message]) -> Sequence:
        if schema.DELIVERY is Delivery.EVENT:
            self.outbox()
            return self._events.setdefault(topic, Sequence(0))
        return self._streams.setdefault(topic, Sequence(0))

    def beat(self, troubles: dict[str, int]) -> bytes | None:
        """The frame to send twice a second: topics that moved lately, sometimes all; None at rest.

        Args:
            troubles: what this client received badly (flows.Counters).
        """
        if not self._streams and not self._events:
            return None
        self._beats += 1
        complete = self._beats <= _TELL or self._beats % _COMPLETE_EVERY == 0
        events, streams = _moved(self._events, complete), _moved(self._streams, complete)
        if not events and not streams and troubles == self._told:
            return None
        self._told = troubles
        beat = Beat(
            publisher=self.source,
            publisher_epoch=self.epoch,
            events=events,
            streams=streams,
            complete=complete,
            counters=troubles,
            tends=self._outbox is not None,
        )
        return beat_frame(beat, self.source, self.epoch, self._beats)

    def close(self) -> None:
        """Close the outbox and let the name go."""
        if self._outbox is not None:
            self._outbox.close()
        self._identity.close()


def beat_frame(beat: Beat, source: str, epoch: int, seq: int) -> bytes:
    """A beat, ready to be sent by `source`."""
    head = frames.head(BEATS + beat.publisher, source, Beat.SCHEMA_ID, Beat.SCHEMA_VERSION, epoch, 0)
    return head + frames.VARIABLE.pack(seq, time.time_ns()) + codec.encode(beat)


def _moved(sequences: dict[str, Sequence], complete: bool) -> dict[str, int]:
    found = {}
    for topic, sequence in sequences.items():
        if sequence.told != sequence.last:
            sequence.told, sequence.left = sequence.last, _TELL
        if sequence.left or complete:
            found[topic] = sequence.last
            sequence.left = max(0, sequence.left - 1)
    return found
