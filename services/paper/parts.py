"""The rooms of a running exchange, as its calls and sockets see them."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from ...configs.schema import PaperSettings
from .desk import Desk
from .faults import Fault, Faults
from .feed import Feed
from .limits import Limits
from .listen_keys import ListenKeys
from .matching import Engine
from .scripts import Script
from .storage import Storage
from .streams import Hub

USER = "@user:"
"""Prefix of the inner stream that carries an account's own events."""


class Listener(Protocol):
    """A socket that may have subscribed to accounts' events."""

    def tell(self, account: str, event: dict[str, object]) -> None:
        """Called with every event of every account."""


class Parts:
    """What an exchange is made of. `exchange.PaperExchange` fills it and gives it life.

    Args:
        clock: milliseconds since 1970.
    """

    engine: Engine
    desk: Desk
    feed: Feed
    storage: Storage
    script: Script

    def __init__(self, settings: PaperSettings, clock: Callable[[], int]) -> None:
        self.settings, self._clock = settings, clock
        self.faults = Faults()
        self.hub = Hub()
        self.listeners: set[Listener] = set()
        self.limits = Limits(settings.request_weight_limit, settings.order_limit)
        self.listen_keys = ListenKeys(self.clock)

    def clock(self) -> int:
        """The exchange's time in ms, which a fault may have put wrong."""
        return self._clock() + self.faults.skew_ms

    @property
    def symbols(self) -> list[str]:
        """In ccxt's spelling."""
        return [market.rules.unified for market in self.engine.markets.values()]

    @property
    def note(self) -> str:
        """What a person must know of prices and speed."""
        if self.settings.source == "live":
            return f"Paper money on real prices ({self.script.note})."
        every = f"{self.settings.candle_interval_s:g} s"
        note = (
            f"Paper money. Prices are {self.script.note}, shown as {self.settings.symbol}: one"
            f" candle is played every {every} at today's time, so this is not the market of today."
        )
        rounds = self.feed.timeline.number // len(self.script)
        if rounds:
            note += f" The recording has ended and started over {rounds} time(s)."
        return note

    def inject(self, fault: Fault) -> None:
        """Switch a fault on; those that act at once do so now."""
        if fault.kind == "close-sockets":
            for connection in tuple(self.hub.connections):
                connection.close()
        elif fault.kind == "silence-sockets":
            for connection in self.hub.connections:
                connection.silent = True
        elif fault.kind == "cancel-orders":
            for order in list(self.engine.open_orders.values()):
                self.desk.cancel(order, "")
        else:
            self.faults.add(fault)

    async def travel(self) -> None:
        """The way of an order to the book (paper.latency_s)."""
        if self.settings.latency_s:
            await asyncio.sleep(self.settings.latency_s)

    def _tell(self, account: str, events: list[dict[str, object]]) -> None:
        self.faults.events(account, events, lambda news: self._send(account, news))

    def _send(self, account: str, events: list[dict[str, object]]) -> None:
        for event in events:
            self.hub.publish(USER + account, lambda e=event: e)  # type: ignore[misc]
            for listener in tuple(self.listeners):
                listener.tell(account, event)
