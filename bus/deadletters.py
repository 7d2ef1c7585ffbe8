"""What becomes of a message that cannot be handled: logged, counted, and published on `dlq.<service>`."""

import logging
import time
from typing import Any

from ..configs.errors import ProtocolError
from . import frames
from .api import Received
from .contracts.bus import DeadLetter
from .publishing import Outgoing
from .topics import part

PREFIX = "dlq."
_A_SECOND = 20
"""Most dead letters published in one second: a flood of bad frames must not become a flood of our own."""

_log = logging.getLogger("cryptobot.bus")


class DeadLetters:
    """One client's dead letters."""

    def __init__(self, service: str, outgoing: Outgoing) -> None:
        self._service, self._outgoing = service, outgoing
        self._topic = PREFIX + part(service)
        self._second = 0
        self._sent = 0
        self.count = 0

    def handler_failed(self, received: Received[Any], error: Exception) -> None:
        """A handler raised. Called from the only places that catch whatever a handler raises."""
        _log.error(
            "%s could not handle %s %s/%d/%d",
            self._service,
            received.topic,
            received.source,
            received.epoch,
            received.seq,
            exc_info=error,
        )
        text = f"{type(error).__name__}: {error}"
        self._send(received.topic, received.source, received.epoch, received.seq, text, b"")

    def unreadable(self, frame: bytes, error: Exception) -> None:
        """A frame does not follow the protocol, or its payload is not what its header says."""
        try:
            envelope = frames.parse(frame)
        except ProtocolError as fault:
            self._send("", "", 0, 0, str(fault), frame)
            return
        self._send(envelope.topic, envelope.source, envelope.epoch, envelope.seq, str(error), frame)

    def _send(self, topic: str, source: str, epoch: int, seq: int, error: str, frame: bytes) -> None:
        self.count += 1
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._sent = second, 0
        self._sent += 1
        if self._sent > _A_SECOND or topic.startswith(PREFIX):
            return
        letter = DeadLetter(
            service=self._service,
            topic=topic,
            source=source,
            epoch=epoch,
            seq=seq,
            error=error,
            frame=frame[:65536],
        )
        self._outgoing.publisher(self._topic, DeadLetter).send(letter)
