"""The receiving half: numbers, gaps, duplicates, and frames from hell."""

import random
from typing import Any

from cryptobot.bus import frames
from cryptobot.bus.codec import encode
from cryptobot.bus.contracts.base import Message
from cryptobot.bus.contracts.bus import Beat, ReplayChunk
from cryptobot.bus.contracts.market import MarketTrade
from cryptobot.bus.contracts.service import Alert
from cryptobot.bus.flows import Flow
from cryptobot.bus.healing import Patience
from cryptobot.bus.receiving import Incoming, Listener
from hypothesis import given
from hypothesis import strategies as st

ALERT = Alert(key="k", severity="info", source="s", title="t", detail="d")
TRADE = MarketTrade(exchange="e", symbol="s", id="1", ts_ms=1, side="buy", price="1", amount="1")


def event(seq: int, epoch: int = 1, topic: str = "alert.info", source: str = "trade") -> bytes:
    """An event frame."""
    flags = frames.FLAG_EVENT | frames.FLAG_TRACED
    head = frames.head(topic, source, Alert.SCHEMA_ID, 1, epoch, flags)
    return head + frames.VARIABLE.pack(seq, seq) + bytes(32) + encode(ALERT)


def stream(seq: int, epoch: int = 1) -> bytes:
    """A stream frame."""
    head = frames.head("market.trade.e.s", "data", MarketTrade.SCHEMA_ID, 1, epoch, 0)
    return head + frames.VARIABLE.pack(seq, seq) + encode(TRADE)


def beat(
    events: dict[str, int] | None = None, streams: dict[str, int] | None = None, epoch: int = 1
) -> bytes:
    """A complete beat of `trade`, or of `data` when it is of streams."""
    who = "data" if streams else "trade"
    message = Beat(
        publisher=who, publisher_epoch=epoch, events=events or {}, streams=streams or {}, complete=True
    )
    head = frames.head(f"bus.beat.{who}", who, Beat.SCHEMA_ID, 1, epoch, 0)
    return head + frames.VARIABLE.pack(1, 1) + encode(message)


class Receiver:
    """An Incoming with one listener; keeps what was delivered, missed and refused."""

    def __init__(self, schema: type[Message] = Alert, prefix: str = "", *, heal: bool = True) -> None:
        self.got: list[tuple[int, int]] = []
        self.missing: list[Flow] = []
        self.poison: list[tuple[bytes, Exception]] = []
        self.incoming = Incoming(lambda f, e: self.poison.append((f, e)), self.missing.append)
        self.incoming.add(Listener(prefix, schema, self._take, heal=heal))

    def _take(self, received: Any) -> None:
        self.got.append((received.epoch, received.seq))

    def feed(self, *data: bytes) -> "Receiver":
        for each in data:
            self.incoming.feed(each)
        return self


def test_events_arrive_once_and_in_order() -> None:
    """Duplicates are dropped; what is beyond a gap waits for the replay."""
    receiver = Receiver().feed(event(1), event(2), event(2), event(1), event(5), event(6))
    assert receiver.got == [(1, 1), (1, 2)]
    flow = receiver.missing[-1]
    assert (flow.next, flow.known, flow.missing()) == (3, 6, True)
    chunk = ReplayChunk(frames=[event(n) for n in (3, 4, 5, 6)], next_seq=7)
    assert receiver.incoming.refill(flow, chunk, Patience())
    assert receiver.got == [(1, n) for n in range(1, 7)]
    assert not flow.missing()
    assert receiver.incoming.counters.lost == 0


def test_what_the_journal_lost_is_counted_and_passed_over() -> None:
    """A replay that begins later than asked leaves a loss behind, not a stop."""
    receiver = Receiver().feed(event(1), event(9))
    receiver.incoming.refill(
        receiver.missing[0], ReplayChunk(frames=[event(7), event(9)], next_seq=10), Patience()
    )
    assert receiver.got == [(1, 1), (1, 7), (1, 9)]
    assert receiver.incoming.counters.lost == 6
    assert receiver.incoming.counters.by_topic_lost == {"alert.info": 6}


def test_a_journal_that_never_has_it_is_not_asked_for_ever() -> None:
    """After several empty answers the receiver goes on."""
    receiver = Receiver().feed(event(1), event(3))
    flow, patience = receiver.missing[0], Patience()
    rounds = 0
    while flow.missing():
        receiver.incoming.refill(flow, ReplayChunk(frames=[], next_seq=2), patience)
        rounds += 1
    assert rounds < 20
    assert receiver.incoming.counters.lost == 2


def test_a_silent_bus_is_asked_again_and_nothing_is_given_up() -> None:
    """No answer is no loss: the bus will be back."""
    receiver = Receiver().feed(event(1), event(3))
    flow, patience = receiver.missing[0], Patience()
    for _ in range(50):
        receiver.incoming.refill(flow, None, patience)
    assert flow.missing()
    assert receiver.incoming.counters.lost == 0


def test_a_lost_end_is_heard_in_the_beat() -> None:
    """The last events are missed although nothing came after them."""
    receiver = Receiver().feed(event(1), beat({"alert.info": 3}))
    assert (receiver.missing[0].next, receiver.missing[0].known) == (2, 3)


def test_a_topic_that_is_new_since_the_last_complete_beat_is_expected_from_its_beginning() -> None:
    """Its first message may be the one that is missing."""
    receiver = Receiver().feed(beat({"alert.info": 3}), event(2, topic="alert.new"))
    assert receiver.got == []
    assert (receiver.missing[0].topic, receiver.missing[0].next) == ("alert.new", 1)


def test_numbers_go_on_across_lives() -> None:
    """The next number under a later epoch is the next message, a higher one a gap."""
    receiver = Receiver().feed(event(1), event(2, epoch=5), event(3, epoch=5))
    assert receiver.got == [(1, 1), (5, 2), (5, 3)]
    receiver.feed(event(5, epoch=6))
    assert receiver.missing[0].next == 4


def test_a_lost_outbox_begins_anew() -> None:
    """A lower number under a later epoch is news, not a duplicate."""
    receiver = Receiver().feed(event(7), event(1, epoch=9), event(2, epoch=9))
    assert receiver.got == [(1, 7), (9, 1), (9, 2)]


def test_a_gap_in_a_stream_is_counted_and_passed_over() -> None:
    """Streams go on at once; the loss is told by topic."""
    receiver = Receiver(MarketTrade, heal=False).feed(stream(1), stream(4), stream(4), stream(5))
    assert receiver.got == [(1, 1), (1, 4), (1, 5)]
    assert receiver.incoming.counters.by_topic_lost == {"market.trade.e.s": 2}
    assert receiver.incoming.counters.duplicates == 1


def test_a_lost_end_of_a_stream_is_noticed_at_the_second_beat() -> None:
    """One beat may overtake messages on another connection, so it takes two."""
    receiver = Receiver(MarketTrade, heal=False).feed(stream(1), beat(streams={"market.trade.e.s": 3}))
    assert receiver.incoming.counters.lost == 0
    receiver.feed(beat(streams={"market.trade.e.s": 3}))
    assert receiver.incoming.counters.lost == 2


def test_a_new_life_of_a_stream_counts_from_one() -> None:
    """A later epoch is no gap; a frame of an earlier one is dropped."""
    receiver = Receiver(MarketTrade, heal=False).feed(stream(8), stream(1, 2), stream(9), stream(2, 2))
    assert receiver.got == [(1, 8), (2, 1), (2, 2)]
    assert receiver.incoming.counters.lost == 0


def test_a_stream_heals_when_asked_to() -> None:
    """With heal, what is beyond the gap waits, as with events."""
    receiver = Receiver(MarketTrade).feed(stream(1), stream(4))
    assert receiver.got == [(1, 1)]
    chunk = ReplayChunk(frames=[stream(n) for n in (2, 3, 4)], next_seq=5)
    receiver.incoming.refill(receiver.missing[0], chunk, Patience())
    assert receiver.got == [(1, n) for n in (1, 2, 3, 4)]


def test_a_payload_that_is_not_its_message_is_poison_and_the_next_is_handled() -> None:
    """It is counted and handed over with its reason; its number is spent."""
    bad = event(2)[: -len(encode(ALERT))] + encode(TRADE)
    receiver = Receiver().feed(event(1), bad, event(3))
    assert receiver.got == [(1, 1), (1, 3)]
    assert receiver.incoming.counters.malformed == 1
    assert "key" in str(receiver.poison[0][1])


@given(st.lists(st.integers(1, 12), max_size=60), st.randoms(use_true_random=False))
def test_whatever_arrives_in_whatever_order_each_event_is_handled_once(
    arrivals: list[int], chance: random.Random
) -> None:
    """With replays answered, the handled numbers are contiguous and never repeat."""
    receiver = Receiver()
    for seq in arrivals:
        receiver.feed(event(seq))
        flow = receiver.missing[-1] if receiver.missing else None
        if flow is not None and flow.missing() and chance.random() < 0.5:
            wanted = [event(n) for n in range(flow.next, flow.known + 1)]
            receiver.incoming.refill(flow, ReplayChunk(frames=wanted, next_seq=flow.known + 1), Patience())
    numbers = [seq for _, seq in receiver.got]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))) if numbers else arrivals == []


@given(st.binary(max_size=300))
def test_arbitrary_frames_never_raise(data: bytes) -> None:
    """Hostile bytes are counted or ignored, and a good frame after them is handled."""
    receiver = Receiver().feed(data, event(1))
    assert receiver.got == [(1, 1)]


@given(st.integers(0, 200), st.integers(0, 255), st.integers(0, 200))
def test_damaged_frames_never_raise(at: int, value: int, cut: int) -> None:
    """A good frame with a byte changed, cut anywhere, is handled or refused."""
    data = bytearray(event(1))
    data[at % len(data)] = value
    receiver = Receiver().feed(bytes(data[: len(data) - cut % len(data)]))
    assert len(receiver.got) + len(receiver.poison) <= 1


def batch(first: int, number: int, epoch: int = 1) -> bytes:
    """A batch of stream messages."""
    head = frames.head("market.trade.e.s", "data", MarketTrade.SCHEMA_ID, 1, epoch, frames.FLAG_BATCH)
    item = frames.ITEM.pack(len(encode(TRADE))) + encode(TRADE)
    return head + frames.VARIABLE.pack(first, 1) + item * number


def test_a_batch_counts_as_its_messages() -> None:
    """Gaps before it, duplicates within it and what follows are numbered as if sent one by one."""
    receiver = Receiver(MarketTrade, heal=False)
    receiver.feed(stream(1), batch(2, 3), stream(5), batch(8, 2), batch(8, 3), stream(11))
    assert [seq for _, seq in receiver.got] == [1, 2, 3, 4, 5, 8, 9, 10, 11]
    assert receiver.incoming.counters.lost == 2
    assert receiver.incoming.counters.duplicates == 2


def test_a_batch_is_the_same_as_its_singles() -> None:
    """Taken apart, every frame is the message's own."""
    assert list(frames.singles(batch(4, 2))) == [
        stream(4)[: -len(encode(TRADE)) - 8] + frames.VARIABLE.pack(4, 1)[8:] + encode(TRADE),
        stream(5)[: -len(encode(TRADE)) - 8] + frames.VARIABLE.pack(5, 1)[8:] + encode(TRADE),
    ]
    assert list(frames.singles(stream(1))) == [stream(1)]


@given(st.integers(1, 200), st.integers(0, 255), st.integers(0, 300))
def test_a_damaged_batch_never_raises(at: int, value: int, cut: int) -> None:
    """It is handled as far as it adds up, and counted; the next frame is handled."""
    data = bytearray(batch(1, 3))
    data[at % len(data)] = value
    receiver = Receiver(MarketTrade, heal=False).feed(
        bytes(data[: len(data) - cut % len(data)]), stream(1, 9)
    )
    assert receiver.got[-1] == (9, 1) or receiver.incoming.counters.duplicates
