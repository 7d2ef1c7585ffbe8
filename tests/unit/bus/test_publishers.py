"""The sending half: when messages of a stream share a frame, and when none waits."""

from collections.abc import Callable, Iterator

import pytest
from cryptobot.bus import frames, publishers
from cryptobot.bus.contracts.market import MarketTrade
from cryptobot.bus.contracts.service import Alert, Heartbeat
from cryptobot.bus.identity import MemoryIdentities
from cryptobot.bus.publishing import Outgoing

TRADE = MarketTrade(exchange="e", symbol="s", id="1", ts_ms=1, side="buy", price="1", amount="1")
CLOSE_NS = 2_000


class Sender:
    """An Outgoing on a clock that tests move; `sent` are its frames, `turn` ends a turn of the loop."""

    def __init__(self) -> None:
        self.now_ns = 1_000_000_000_000_000_000
        self.sent: list[bytes] = []
        self._soon: list[Callable[[], None]] = []
        identity = MemoryIdentities().of("data")
        self.outgoing = Outgoing("data", identity, 100, self._soon.append)
        self.outgoing.reached(self.sent.append)

    def send(self, number: int, apart_ns: int, topic: str = "market.a", correlation_id: str = "") -> None:
        """Send messages so far apart."""
        for _ in range(number):
            self.now_ns += apart_ns
            self.outgoing.publisher(topic, MarketTrade).send(TRADE, correlation_id=correlation_id)

    def turn(self) -> None:
        """What was to happen soon happens."""
        while self._soon:
            self._soon.pop()()

    def counts(self) -> list[int]:
        """How many messages each frame holds; the frames are forgotten."""
        found = [len(list(frames.singles(frame))) for frame in self.sent]
        self.sent.clear()
        return found


@pytest.fixture
def sender(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sender]:
    """A sender whose clock is in force."""
    made = Sender()
    monkeypatch.setattr(publishers, "_now_ns", lambda: made.now_ns)
    return made


@pytest.fixture
def busy(sender: Sender) -> Sender:
    """A sender that has just become busy."""
    sender.send(publishers.BURST + 1, CLOSE_NS)
    assert sender.counts() == [1] * (publishers.BURST + 1)
    return sender


def test_at_rest_each_message_leaves_at_once(sender: Sender) -> None:
    """Fifty thousand messages a second are not yet a burst."""
    sender.send(2_000, 20_000)
    assert sender.counts() == [1] * 2_000


def test_messages_of_a_busy_stream_share_frames(busy: Sender) -> None:
    """So many to a frame; the rest goes when the turn ends, and every number is there once."""
    busy.send(publishers.SHARE + 3, CLOSE_NS)
    assert busy.counts() == [publishers.SHARE]
    busy.turn()
    assert [frames.parse(frame).seq for frame in busy.sent] == [publishers.BURST + publishers.SHARE + 2]
    assert busy.counts() == [3]


def test_a_message_that_comes_late_does_not_wait(busy: Sender) -> None:
    """It lets go what waits, and goes alone; the stream stays busy."""
    busy.send(2, CLOSE_NS)
    busy.send(1, publishers.CLOSE_NS)
    assert busy.counts() == [2, 1]
    busy.send(2, CLOSE_NS)
    assert busy.counts() == []


def test_a_pause_ends_the_burst(busy: Sender) -> None:
    """After five milliseconds of silence each message leaves at once again."""
    busy.send(1, publishers.PAUSE_NS + 1)
    busy.send(10, CLOSE_NS)
    assert busy.counts() == [1] * 11


def test_a_wait_for_few_ends_the_burst(busy: Sender) -> None:
    """Messages that come in twos are not held up twice."""
    busy.send(2, CLOSE_NS)
    busy.turn()
    assert busy.counts() == [2]
    busy.send(2, CLOSE_NS)
    assert busy.counts() == [1, 1]


def test_nothing_overtakes_what_waits(busy: Sender) -> None:
    """A message of another topic, with a cause, or of the event class comes after those said before it."""
    busy.send(2, CLOSE_NS)
    busy.send(1, CLOSE_NS, "market.b")
    busy.send(2, CLOSE_NS)
    busy.send(1, CLOSE_NS, correlation_id="why")
    busy.send(2, CLOSE_NS)
    alert = Alert(key="k", severity="info", source="s", title="t", detail="d")
    busy.outgoing.publisher("alert.info", Alert).send(alert)
    topics = [frames.parse(frame).topic for frame in busy.sent]
    assert topics == ["market.a", "market.b", "market.a", "market.a", "market.a", "alert.info"]
    assert busy.counts() == [2, 1, 2, 1, 2, 1]


def test_a_beat_tells_no_number_that_still_waits(busy: Sender) -> None:
    """What waits goes before the beat that counts it."""
    busy.send(2, CLOSE_NS)
    assert busy.outgoing.beat({}) is not None
    assert busy.counts() == [2]


def test_one_class_of_two_on_a_topic_does_not_take_the_others_numbers(busy: Sender) -> None:
    """Two publishers of one topic count on together."""
    busy.send(2, CLOSE_NS)
    busy.outgoing.publisher("market.a", Heartbeat).send(
        Heartbeat(name="data", pid=1, progress=1, loop_lag_ms=0.0)
    )
    numbers = [frames.parse(single).seq for frame in busy.sent for single in frames.singles(frame)]
    assert numbers == [publishers.BURST + 2, publishers.BURST + 3, publishers.BURST + 4]
