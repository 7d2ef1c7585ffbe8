"""What one message goes out through: a publisher for each topic and class, without a socket.

Messages of a busy stream share frames (docs/protocol.md, "batch"), for a frame costs as much as all else that
there is to do for a message. At rest each message is a frame of its own and leaves before `send` returns.
"""

import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from ..configs.errors import ProtocolError
from . import codec, frames
from .api import MessageId, Publisher
from .contracts.base import Message

M = TypeVar("M", bound=Message)
Emit = Callable[[bytes], object]
SHARE = 32
"""Messages that share a frame of a busy stream, at most."""
BURST = 64
"""A stream is busy when so many messages went within BURST_NS, and until a pause of PAUSE_NS, or until fewer
than FEW were waiting when no more came."""
BURST_NS = 1_280_000
PAUSE_NS = 5_000_000
FEW = 4
CLOSE_NS = 100_000
"""Of a busy stream, what comes later than this after the message before it does not wait for more."""
_ALWAYS = 1 << 62
# Names of this module are found faster than those of others; `send` is the hottest code there is.
_item, _SHARED_BYTES = frames.ITEM.pack, 65_536
_encode, _pack, _now_ns, _MAX_BYTES = codec.encode, frames.VARIABLE.pack, time.time_ns, frames.MAX_FRAME_BYTES


class WriteAhead(Protocol):
    """Where events are written before they are sent."""

    last: dict[str, int]

    def append(self, topic: str, seq: int, frame: bytes) -> None: ...

    def close(self) -> None: ...


class Sequence:
    """The last number used on a topic, the last one told in a beat, and in how many more beats to tell it."""

    __slots__ = ("last", "left", "told")

    def __init__(self, last: int) -> None:
        self.last = last
        self.told = 0
        self.left = 0


class Exit(Protocol):
    """Where publishers of one client hand their frames over.

    `waiting` is the one publisher whose messages wait for others to share a frame; whoever else sends lets
    them go first, so that what a client says is heard in the order in which it said it.
    """

    emit: Emit
    waiting: "StreamPublisher[Any] | None"

    @property
    def source(self) -> str:
        """The name that frames bear."""

    @property
    def epoch(self) -> int:
        """The number of this life."""

    def let_go_soon(self) -> None:
        """Have what waits sent at the end of this turn of the loop, or within half a millisecond."""


class TopicPublisher(Publisher[M]):
    """What the publishers of both delivery classes have in common. Not for several threads at once."""

    def __init__(self, client: Exit, topic: str, schema: type[M], sequence: Sequence) -> None:
        self._client, self._schema, self._sequence, self._topic = client, schema, sequence, topic
        self._source, self._epoch = client.source, client.epoch

    def _head(self, flags: int) -> bytes:
        schema = self._schema
        facts = (self._topic, self._source, schema.SCHEMA_ID, schema.SCHEMA_VERSION, self._epoch)
        return frames.head(*facts, flags)

    def allow_batches(self, batch: int) -> None:
        """Let up to so many messages of one turn of the loop share a frame, busy or not.

        Raises:
            ValueError: the class is not of a stream.
        """
        raise ValueError(f"{self._topic} cannot be batched: {self._schema.__name__} is of the event class.")

    def _wrong(self, message: object) -> TypeError:
        return TypeError(f"This publisher sends {self._schema.__name__}, not {type(message).__name__}.")

    def _too_large(self, payload: bytes) -> ProtocolError:
        name = self._schema.__name__
        return ProtocolError(f"A {name} of {len(payload)} bytes is too large to publish.")


class EventPublisher(TopicPublisher[M]):
    """Writes each message ahead, then sends it."""

    def __init__(
        self, client: Exit, topic: str, schema: type[M], sequence: Sequence, outbox: WriteAhead
    ) -> None:
        super().__init__(client, topic, schema, sequence)
        self._outbox = outbox
        self._traced = self._head(frames.FLAG_EVENT | frames.FLAG_TRACED)

    def send(self, message: M, *, correlation_id: str = "") -> MessageId:
        if message.__class__ is not self._schema:
            raise self._wrong(message)
        payload = _encode(message)
        if len(payload) > _MAX_BYTES:
            raise self._too_large(payload)
        seq = self._sequence.last + 1
        trace = frames.correlation_bytes(correlation_id) + frames.NO_ID
        frame = self._traced + _pack(seq, _now_ns()) + trace + payload
        self._outbox.append(self._topic, seq, frame)
        self._sequence.last = seq
        if self._client.waiting is not None:
            self._client.waiting.flush()
        self._client.emit(frame)
        return MessageId(self._source, self._epoch, seq)


class StreamPublisher(TopicPublisher[M]):
    """Sends each message at once, or several in one frame while the stream is busy."""

    def __init__(self, client: Exit, topic: str, schema: type[M], sequence: Sequence) -> None:
        super().__init__(client, topic, schema, sequence)
        self._plain, self._traced = self._head(0), self._head(frames.FLAG_TRACED)
        self._shared = self._head(frames.FLAG_BATCH)
        self._limit, self._busy, self._pause_ns, self._close_ns = 2 * SHARE, False, PAUSE_NS, CLOSE_NS
        self._parts: list[bytes] = []
        self._bytes = 0
        self._ts_ns = self._last_ns = self._began_ns = 0
        self._count = 0

    def allow_batches(self, batch: int) -> None:
        self._limit, self._busy, self._pause_ns, self._close_ns = 2 * batch, True, _ALWAYS, _ALWAYS

    def send(self, message: M, *, correlation_id: str = "") -> MessageId:
        if message.__class__ is not self._schema:
            raise self._wrong(message)
        payload = _encode(message)
        size = len(payload)
        if size > _MAX_BYTES:
            raise self._too_large(payload)
        now_ns = _now_ns()
        since_ns, self._last_ns = now_ns - self._last_ns, now_ns
        if self._busy and since_ns < self._close_ns and not correlation_id:
            parts = self._parts
            if not parts:
                self._begin_to_wait(now_ns)
            seq = self._sequence.last = self._sequence.last + 1
            parts += (_item(size), payload)
            self._bytes += size
            if len(parts) >= self._limit or self._bytes > _SHARED_BYTES:
                self.flush()
            return MessageId(self._source, self._epoch, seq)
        return self._send_alone(payload, now_ns, since_ns, correlation_id)

    def _send_alone(self, payload: bytes, now_ns: int, since_ns: int, correlation_id: str) -> MessageId:
        client = self._client
        if client.waiting is not None:
            client.waiting.flush()
        seq = self._sequence.last = self._sequence.last + 1
        variable = _pack(seq, now_ns)
        if correlation_id:
            trace = frames.correlation_bytes(correlation_id) + frames.NO_ID
            client.emit(self._traced + variable + trace + payload)
        else:
            client.emit(self._plain + variable + payload)
        self._count += 1
        if since_ns > self._pause_ns:
            self._busy, self._count, self._began_ns = False, 0, now_ns
        elif self._count == BURST:
            self._busy = self._busy or now_ns - self._began_ns < BURST_NS
            self._count, self._began_ns = 0, now_ns
        return MessageId(self._source, self._epoch, seq)

    def _begin_to_wait(self, now_ns: int) -> None:
        client = self._client
        if client.waiting is not None:
            client.waiting.flush()
        client.waiting = self
        client.let_go_soon()
        self._ts_ns = now_ns

    def let_go(self) -> None:
        """Send what waits, for no more came; a few are not worth waiting for again."""
        if len(self._parts) < 2 * FEW and self._pause_ns != _ALWAYS:
            self._busy, self._count, self._began_ns = False, 0, self._last_ns
        self.flush()

    def flush(self) -> None:
        """Send what waits."""
        parts = self._parts
        if not parts:
            return
        self._client.waiting = None
        number = len(parts) // 2
        variable = _pack(self._sequence.last - number + 1, self._ts_ns)
        self._parts, self._bytes = [], 0
        if number == 1:
            self._client.emit(self._plain + variable + parts[1])
        else:
            self._client.emit(b"".join((self._shared, variable, *parts)))
