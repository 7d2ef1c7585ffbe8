"""Watching the bus from outside."""

import threading
from typing import Any

import pytest
from cryptobot.bus.blocking import BlockingBus
from cryptobot.bus.contracts.market import MarketTrade
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
