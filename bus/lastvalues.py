"""Last values for a late joiner: what was the news of each topic before the subscription was in force."""

from collections.abc import Iterable
from typing import Any

from ..configs.errors import ProtocolError
from . import codec, frames
from .api import Received
from .contracts.bus import GetSnapshot
from .receiving import Listener


class LastValues:
    """Gives one listener the last values, but none of a topic that it has meanwhile heard live."""

    def __init__(self, listener: Listener) -> None:
        self._listener, self._deliver = listener, listener.deliver
        self._heard: set[tuple[str, str]] = set()
        self.wish = GetSnapshot(prefix=listener.prefix, message_schema=listener.schema.SCHEMA_ID)
        listener.deliver = self._hear

    def _hear(self, received: Received[Any]) -> None:
        self._heard.add((received.source, received.topic))
        self._deliver(received)

    def finish(self, snapshot: Iterable[bytes]) -> int:
        """Deliver what the broker knew; return how many frames could not be read."""
        self._listener.deliver = self._deliver
        malformed = 0
        for frame in snapshot:
            try:
                received = self._read(frame)
            except ProtocolError:
                malformed += 1
                continue
            if (received.source, received.topic) not in self._heard:
                self._deliver(received)
        return malformed

    def _read(self, frame: bytes) -> Received[Any]:
        *_, frame = frames.singles(frame)
        envelope = frames.parse(frame)
        return Received(
            envelope.topic,
            envelope.source,
            envelope.epoch,
            envelope.seq,
            envelope.ts_ns,
            envelope.correlation_id,
            codec.decode(frame[envelope.payload_at :], self._listener.schema),
        )
