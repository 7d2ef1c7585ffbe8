"""Owner: the bus itself. Numbers 0x001x."""

from .base import Message, message


@message(0x0010)
class Probe(Message, frozen=True, kw_only=True, gc=False):
    """Sent by a client to itself through the broker: once back, all it asked for before is in force."""

    token: str


@message(0x0011)
class DeadLetter(Message, frozen=True, kw_only=True, gc=False):
    """A message that could not be handled, published on `dlq.<service>`; `frame` is the whole frame."""

    service: str
    topic: str
    source: str
    epoch: int
    seq: int
    error: str
    frame: bytes
