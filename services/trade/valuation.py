"""Prices from the bus, and the equity curve that follows from them."""

import time
from collections.abc import Callable
from decimal import Decimal

from ...bus import topics
from ...bus.api import AsyncBusApi, Received
from ...bus.contracts.market import Candle
from ...bus.contracts.trade import Equity
from .account import Account
from .store import Change, TradeStore

_SHORTEST_PAUSE_S = 1.0
_WRITE_EVERY_MS = 5_000
_KEEP_MS = 400 * 86_400_000
_FORGET_EVERY = 1000


class Valuation:
    """Keeps prices fresh; publishes and records what the account is worth."""

    def __init__(self, account: Account, store: TradeStore, bus: AsyncBusApi, currency: str) -> None:
        self._account, self._store, self._bus, self._currency = account, store, bus, currency
        self.on_price: list[Callable[[str, Decimal], None]] = []
        self._told_s = 0.0
        self._written_ms = 0
        self._writes = 0
        start = store.fact(self._fact)
        self._start = None if start is None else Decimal(start)

    def on_candle(self, received: Received[Candle]) -> None:
        """Every candle, finished or not, tells the price; a finished one makes a point of the curve."""
        candle = received.message
        if candle.exchange != self._account.exchange:
            return
        price = Decimal(candle.close)
        self._account.set_price(candle.symbol, price)
        for listener in self.on_price:
            listener(candle.symbol, price)
        if candle.closed and time.monotonic() - self._told_s >= _SHORTEST_PAUSE_S:
            self.tell()

    def tell(self) -> None:
        """Publish the positions that are open and the equity."""
        point = self.now()
        if point is None:
            return
        self._told_s = time.monotonic()
        self._bus.publish(topics.equity(point.exchange, point.account), point)
        if point.ts_ms - self._written_ms >= _WRITE_EVERY_MS:
            self._write(point)

    def now(self) -> Equity | None:
        """The account's value; None while it cannot be told."""
        if not self._account.assets():
            return None
        return self._account.equity(self._currency, self._start)

    @property
    def _fact(self) -> str:
        return f"start_equity|{self._account.exchange}"

    def _write(self, point: Equity) -> None:
        change = Change(equity=[point])
        if self._start is None:
            self._start = point.start_equity
            change.facts[self._fact] = str(point.start_equity)
        self._store.write(change)
        self._written_ms = point.ts_ms
        self._writes += 1
        if self._writes % _FORGET_EVERY == 0:
            self._store.forget_equity_before(point.ts_ms - _KEEP_MS)
