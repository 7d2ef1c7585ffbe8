"""The sending half of a client, without a socket: sequence numbers, frames, and what waits for the broker."""

import time
from collections import deque
from collections.abc import Callable
from itertools import count
from typing import TypeVar

from ..configs.errors import ProtocolError
from . import codec, frames
from .api import MessageId, Publisher
from .contracts.base import Delivery, Message

M = TypeVar("M", bound=Message)
Emit = Callable[[bytes], object]


class TopicPublisher(Publisher[M]):
    """Publishes one class on one topic. Not for several threads at once."""

    def __init__(
        self, outgoing: "Outgoing", topic: str, schema: type[M], next_seq: Callable[[], int]
    ) -> None:
        self._outgoing, self._schema, self._next = outgoing, schema, next_seq
        self._source, self._epoch = outgoing.source, outgoing.epoch
        self._event = schema.DELIVERY is Delivery.EVENT
        flags = frames.FLAG_EVENT if self._event else 0
        facts = (topic, outgoing.source, schema.SCHEMA_ID, schema.SCHEMA_VERSION, outgoing.epoch)
        self._plain = frames.head(*facts, flags)
        self._traced = frames.head(*facts, flags | frames.FLAG_TRACED)

    def send(self, message: M, *, correlation_id: str = "") -> MessageId:
        if message.__class__ is not self._schema:
            raise TypeError(f"This publisher sends {self._schema.__name__}, not {type(message).__name__}.")
        payload = codec.encode(message)
        if len(payload) > frames.MAX_FRAME_BYTES:
            raise ProtocolError(f"A {self._schema.__name__} of {len(payload)} bytes is too large to publish.")
        seq = self._next()
        variable = frames.VARIABLE.pack(seq, time.time_ns())
        if correlation_id or self._event:
            trace = frames.correlation_bytes(correlation_id) + frames.NO_ID
            frame = self._traced + variable + trace + payload
        else:
            frame = self._plain + variable + payload
        self._outgoing.emit(frame)
        return MessageId(self._source, self._epoch, seq)


class Outgoing:
    """All publishers of one client.

    Until the broker is reached frames wait in a bounded backlog, so what a service says first is not lost;
    `reached` lets them go.
    """

    def __init__(self, source: str, begin_epoch: Callable[[], int], backlog: int) -> None:
        self.source = source
        self._begin_epoch = begin_epoch
        self._epoch = 0
        self._sequences: dict[str, Callable[[], int]] = {}
        self._publishers: dict[tuple[str, type[Message]], TopicPublisher[Message]] = {}
        self._backlog: deque[bytes] = deque(maxlen=backlog)
        self.emit: Emit = self._backlog.append

    @property
    def epoch(self) -> int:
        """This life's number; it begins with the first publisher."""
        if not self._epoch:
            self._epoch = self._begin_epoch()
        return self._epoch

    def reached(self, send: Emit) -> None:
        """The broker answers: send what waited, and from now on at once."""
        while self._backlog:
            send(self._backlog.popleft())
        self.emit = send

    def publisher(self, topic: str, schema: type[M]) -> TopicPublisher[M]:
        """The publisher of this topic and class; the same one each time."""
        found = self._publishers.get((topic, schema))
        if found is None:
            if not schema.SCHEMA_ID:
                raise TypeError(f"{schema.__name__} has no schema id; declare it with @message.")
            sequence = self._sequences.setdefault(topic, count(1).__next__)
            made = TopicPublisher(self, topic, schema, sequence)
            self._publishers[topic, schema] = made  # type: ignore[assignment]
            return made
        return found  # type: ignore[return-value]
