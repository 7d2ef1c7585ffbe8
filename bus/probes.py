"""Messages a client sends to itself through the broker, to know what is in force."""

import os
import time
from itertools import count

from . import codec, frames
from .contracts.bus import Probe

PREFIX = "bus.probe."


class Probes:
    """Makes the probes of one client; they return on `topic`, which no other client has."""

    def __init__(self, source: str) -> None:
        self.topic = PREFIX + os.urandom(8).hex()
        # Probes are no publisher's life: epoch 0, so that a client that only listens writes no epoch file.
        self._head = frames.head(self.topic, source, Probe.SCHEMA_ID, Probe.SCHEMA_VERSION, 0, 0)
        self._tokens, self._sequence = count(1), count(1)

    def token(self) -> str:
        """A new token, to wait for."""
        return str(next(self._tokens))

    def frame(self, token: str) -> bytes:
        """The frame that carries a token; a new one for each sending."""
        variable = frames.VARIABLE.pack(next(self._sequence), time.time_ns())
        return self._head + variable + codec.encode(Probe(token=token))
