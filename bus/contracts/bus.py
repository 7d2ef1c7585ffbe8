"""Owner: the bus itself. Numbers 0x001x."""

from .base import Delivery, Message, message, request


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


@message(0x0012)
class Beat(Message, frozen=True, kw_only=True, gc=False):
    """The last number on each topic of a publisher, sent twice a second, so that a lost end is noticed.

    Args:
        publisher: whose topics these are. The journal speaks for a publisher that is gone.
        events: topics of the event class; their numbers go on from life to life.
        streams: topics of the stream class in this life, `publisher_epoch`.
        complete: all topics are named, not only those that moved.
        tends: the publisher has its outbox open, so it speaks for the events in it.
        counters: what this client received badly since it was opened (lost, dropped, late, malformed, ...).
    """

    publisher: str
    publisher_epoch: int
    events: dict[str, int]
    streams: dict[str, int]
    complete: bool
    counters: dict[str, int] = {}
    tends: bool = False


@message(0x0013, delivery=Delivery.REPLY)
class ReplayChunk(Message, frozen=True, kw_only=True, gc=False):
    """Frames in the order of their numbers. What is before `next_seq` and not here cannot be had."""

    frames: list[bytes]
    next_seq: int


@request(0x0014, reply=ReplayChunk, permission="")
class Replay(Message, frozen=True, kw_only=True, gc=False):
    """Ask `bus` for the messages `first_seq` to `last_seq` of one topic of one source.

    Args:
        event: of the event class; else of the stream class in the life `epoch`.
        after_ns: skip what was sent before this time.
    """

    source: str
    topic: str
    event: bool
    epoch: int
    first_seq: int
    last_seq: int
    after_ns: int = 0


@message(0x0015, delivery=Delivery.REPLY)
class Snapshot(Message, frozen=True, kw_only=True, gc=False):
    """The newest frame of each topic and source."""

    frames: list[bytes]


@request(0x0016, reply=Snapshot, permission="")
class GetSnapshot(Message, frozen=True, kw_only=True, gc=False):
    """Ask `bus` for the last value of every topic that starts with `prefix`, of one class."""

    prefix: str
    message_schema: int


@message(0x0017, delivery=Delivery.REPLY)
class TopicStats(Message, frozen=True, kw_only=True, gc=False):
    """What passed on one topic since the broker started."""

    topic: str
    messages: int
    bytes: int
    last_ns: int


@message(0x0018, delivery=Delivery.REPLY)
class BusStats(Message, frozen=True, kw_only=True, gc=False):
    """The broker's counters.

    `journal_lost` is what the journal was too slow for; `journal_paused` says that the disk is nearly full.
    `clients` holds each client's own counters, those that are not zero (lost, dropped, late, malformed, ...).
    `refused` counts by holder of a key what the rules forbade (TCP).
    """

    uptime_s: float
    messages: int
    bytes: int
    journal_bytes: int
    journal_lost: int
    journal_paused: bool
    topics: list[TopicStats]
    clients: dict[str, dict[str, int]] = {}
    refused: dict[str, int] = {}


@request(0x0019, reply=BusStats, permission="bus.read")
class GetBusStats(Message, frozen=True, kw_only=True, gc=False):
    """Ask `bus` what passes over it, busiest first; `caught_up`: when the journal holds all until now."""

    limit: int = 1000
    caught_up: bool = False


@message(0x001A)
class BusReport(Message, frozen=True, kw_only=True, gc=False):
    """The broker's counters, as BusStats, on `bus.report` every five seconds.

    `topics` holds the number of messages on each of the busiest hundred topics.
    """

    uptime_s: float
    messages: int
    bytes: int
    journal_bytes: int
    journal_lost: int
    journal_paused: bool
    topics: dict[str, int]
    clients: dict[str, dict[str, int]]
    refused: dict[str, int]
