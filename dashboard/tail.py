"""Everything that passes on the bus, while somebody looks at it."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

from ..bus.api import AsyncBusApi, Received, Subscription
from ..bus.contracts.base import SCHEMAS, Delivery, Message

SHOWN_PER_TICK = 60
TICK_S = 0.1
COUNTS_EVERY_S = 1.0


class BusTail:
    """Subscribes to all messages between `start` and `stop`; too many at a time are counted, not shown."""

    def __init__(self, bus: AsyncBusApi, tell: Callable[[str, str, str, Any], None]) -> None:
        self._bus, self._tell = bus, tell
        self._loop = asyncio.get_running_loop()
        self._subscriptions: list[Subscription] = []
        self._counts: Counter[str] = Counter()
        self._tick_ends, self._in_tick, self._counts_due = 0.0, 0, 0.0

    def start(self) -> None:
        """Begin, if that did not happen yet."""
        if self._subscriptions:
            return
        for schema in tuple(SCHEMAS.values()):
            if schema.DELIVERY in (Delivery.STREAM, Delivery.EVENT):
                self._subscriptions.append(self._bus.subscribe("", schema, self._passed))

    def stop(self) -> None:
        """Nobody looks any more."""
        for subscription in self._subscriptions:
            subscription.close()
        self._subscriptions.clear()
        self._counts.clear()

    def _passed(self, received: Received[Message]) -> None:
        now = self._loop.time()
        self._counts[received.topic] += 1
        if now >= self._counts_due:
            self._counts_due = now + COUNTS_EVERY_S
            self._tell("bus", "topics", "topics", {"counts": dict(self._counts)})
        if now >= self._tick_ends:
            self._tick_ends, self._in_tick = now + TICK_S, 0
        self._in_tick += 1
        if self._in_tick <= SHOWN_PER_TICK:
            name = f"{received.source}|{received.epoch}|{received.topic}|{received.seq}"
            self._tell("bus", name, "tail", _line(name, received))


def _line(name: str, received: Received[Message]) -> dict[str, Any]:
    return {
        "id": name,
        "topic": received.topic,
        "source": received.source,
        "seq": received.seq,
        "ts_ms": received.ts_ns // 1_000_000,
        "correlation_id": received.correlation_id,
        "schema": type(received.message).__name__,
        "message": received.message,
    }
