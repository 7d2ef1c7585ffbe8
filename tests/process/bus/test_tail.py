"""Watching the bus from outside."""

import threading
from pathlib import Path
from typing import Any

import pytest
from cryptobot.bus import segments
from cryptobot.bus.blocking import BlockingBus
from cryptobot.bus.contracts.market import MarketTrade
from cryptobot.bus.replay import copy, plain, replay
from cryptobot.bus.tail import tail
from cryptobot.configs.errors import NotRunningError
from cryptobot.configs.paths import Home


def trade(price: str) -> MarketTrade:
    """A trade told apart by its price."""
    return MarketTrade(
        exchange="paper", symbol="BTC/USDT", id="1", ts_ms=1, side="buy", price=price, amount="1"
    )


def test_a_tail_shows_matching_messages_as_plain_data(home: Home, broker: Any) -> None:
    """Pattern and condition choose; topic, source, seq, time, correlation id and payload are there."""
    with BlockingBus.open(home, "data") as bus, tail(home, "market.*.BTC-USDT", where="price > 100") as seen:
        bus.publish("market.trade.paper.ETH-USDT", trade("500"))
        bus.publish("market.trade.paper.BTC-USDT", trade("99.5"))
        bus.publish("market.trade.paper.BTC-USDT", trade("1000"), correlation_id="cd" * 16)
        message = next(seen)
    assert message["payload"]["price"] == "1000"
    assert (message["topic"], message["source"], message["seq"], message["correlation_id"]) == (
        "market.trade.paper.BTC-USDT",
        "data",
        2,
        "cd" * 16,
    )
    assert message["ts_ns"] > 0


def test_a_tail_ends_when_it_is_closed(home: Home, broker: Any) -> None:
    """Closing from another thread ends the iteration."""
    seen = tail(home)
    threading.Timer(0.05, seen.close).start()
    for _ in seen:
        pass


def test_without_a_broker_a_tail_says_so(home: Home) -> None:
    """Nobody waits for messages that cannot come."""
    with pytest.raises(NotRunningError, match="cryptobot up"):
        tail(home)


def test_a_tail_begins_with_the_journal_when_asked(home: Home, broker: Any) -> None:
    """Messages from before it came first, each once, then the live ones."""
    topic = "market.trade.paper.BTC-USDT"
    with BlockingBus.open(home, "data") as bus:
        with tail(home, topic) as witness:
            for number in range(5):
                bus.publish(topic, trade(str(number)))
            for _ in range(5):
                next(witness)
        with tail(home, topic, since_s=60, where="price >= 2") as seen:
            bus.publish(topic, trade("5"))
            prices = [next(seen)["payload"]["price"] for _ in range(4)]
    assert prices == ["2", "3", "4", "5"]


def test_the_journal_is_read_by_topic_time_and_cause(home: Home, broker: Any, tmp_path: Path) -> None:
    """Replay needs no running platform; a copied span reads the same."""
    with BlockingBus.open(home, "data") as bus, tail(home, "market.*") as witness:
        bus.publish("market.trade.paper.A", trade("1"), correlation_id="cause of it")
        bus.publish("market.trade.paper.B", trade("2"))
        bus.publish("market.trade.paper.A", trade("3"))
        times = [next(witness)["ts_ns"] for _ in range(3)]
    broker.stop()
    assert [m["payload"]["price"] for m in replay(home, "market.trade.paper.A")] == ["1", "3"]
    assert [m["payload"]["price"] for m in replay(home, "market.*", from_ns=times[1])] == ["2", "3"]
    assert [m["payload"]["price"] for m in replay(home, "market.*", to_ns=times[1])] == ["1", "2"]
    assert [m["payload"]["price"] for m in replay(home, correlation_id="cause of it")] == ["1"]
    assert copy(home, tmp_path / "copy", "market.*") == 3
    data = next((tmp_path / "copy").iterdir()).read_bytes()
    assert [plain(body)["payload"]["price"] for _, body in segments.scan(data)] == ["1", "2", "3"]
