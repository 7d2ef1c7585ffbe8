"""Order books and public trades, while somebody looks at a market."""

from collections.abc import Callable
from typing import Any

from ..bus import topics
from ..bus.api import AsyncBusApi, Received, Subscription
from ..bus.contracts.market import Book, MarketTrade

LEVELS = 12


class MarketDepth:
    """Subscribes to books and trades between `start` and `stop`; of a book only the newest counts."""

    def __init__(self, bus: AsyncBusApi, tell: Callable[[str, str, str, Any], None]) -> None:
        self._bus, self._tell = bus, tell
        self._subscriptions: list[Subscription] = []

    def start(self) -> None:
        """Begin, if that did not happen yet."""
        if not self._subscriptions:
            self._subscriptions = [
                self._bus.subscribe(topics.BOOKS, Book, self._book),
                self._bus.subscribe(topics.TRADES, MarketTrade, self._trade),
            ]

    def stop(self) -> None:
        """Nobody looks any more."""
        for subscription in self._subscriptions:
            subscription.close()
        self._subscriptions.clear()

    def _book(self, received: Received[Book]) -> None:
        book = received.message
        data = {
            "exchange": book.exchange,
            "symbol": book.symbol,
            "bids": book.bids[:LEVELS],
            "asks": book.asks[:LEVELS],
        }
        self._tell("depth", f"book|{book.exchange}|{book.symbol}", "book", data)

    def _trade(self, received: Received[MarketTrade]) -> None:
        trade = received.message
        self._tell("depth", f"trade|{trade.exchange}|{trade.symbol}|{trade.id}", "trade", trade)
