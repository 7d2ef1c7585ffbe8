"""The sending half of a client, without a socket: its publishers, beats, and what waits for the broker."""

import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from . import codec, frames
from .contracts.base import Delivery, Message
from .contracts.bus import Beat
from .publishers import Emit, EventPublisher, Sequence, StreamPublisher, TopicPublisher, WriteAhead

M = TypeVar("M", bound=Message)
BEATS = "bus.beat."
BEAT_INTERVAL_S = 0.4
_COMPLETE_EVERY = 10
_TELL = 3  # beats that tell a new number: one may be lost itself, and a receiver wants to hear it twice


class Identity(Protocol):
    """What a client is on the bus, besides its name: each is made when it is first needed."""

    def begin(self) -> tuple[str, int]:
        """The name to publish under, and the number of this life."""

    def open_outbox(self, source: str) -> WriteAhead:
        """The outbox of that name, opened for writing."""

    def close(self) -> None:
        """Let the name go."""


class Outgoing:
    """All publishers of one client.

    Until the broker is reached frames wait in a bounded backlog, so what a service says first is not lost;
    `reached` lets them go.

    Args:
        soon: runs something at the end of this turn of the loop, or within half a millisecond.
    """

    def __init__(
        self, source: str, identity: Identity, backlog: int, soon: Callable[[Callable[[], None]], object]
    ) -> None:
        self._source = source
        self._identity = identity
        self._soon = soon
        self._expected = False
        self._epoch = 0
        self._outbox: WriteAhead | None = None
        self._streams: dict[str, Sequence] = {}
        self._events: dict[str, Sequence] = {}
        self._publishers: dict[tuple[str, type[Message]], TopicPublisher[Any]] = {}
        self._backlog: deque[bytes] = deque(maxlen=backlog)
        self._beats = 0
        self._told: dict[str, int] = {}
        self.waiting: StreamPublisher[Any] | None = None
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

    def publisher(self, topic: str, schema: type[M], batch: int = 1) -> TopicPublisher[M]:
        """The publisher of this topic and class; the same one each time.

        Raises:
            ValueError: it is to send batches, and its class is not of a stream.
        """
        found = self._publishers.get((topic, schema))
        if found is None:
            found = self._publishers[topic, schema] = self._make(topic, schema)
        if batch > 1:
            found.allow_batches(batch)
        return found

    def _make(self, topic: str, schema: type[Message]) -> TopicPublisher[Any]:
        if not schema.SCHEMA_ID:
            raise TypeError(f"{schema.__name__} has no schema id; declare it with @message.")
        if schema.DELIVERY is not Delivery.EVENT:
            sequence = self._streams.setdefault(topic, Sequence(0))
            return StreamPublisher(self, topic, schema, sequence)
        outbox = self.outbox()
        return EventPublisher(self, topic, schema, self._events.setdefault(topic, Sequence(0)), outbox)

    def let_go_soon(self) -> None:
        """Have what waits sent at the end of this turn of the loop, or within half a millisecond."""
        if not self._expected:
            self._expected = True
            self._soon(self._let_go)

    def _let_go(self) -> None:
        self._expected = False
        if self.waiting is not None:
            self.waiting.let_go()

    def flush(self) -> None:
        """Send what waits to share a frame."""
        if self.waiting is not None:
            self.waiting.flush()

    def beat(self, troubles: dict[str, int]) -> bytes | None:
        """The frame to send twice a second: topics that moved lately, sometimes all; None at rest.

        Args:
            troubles: what this client received badly (flows.Counters).
        """
        if not self._streams and not self._events:
            return None
        self.flush()
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
