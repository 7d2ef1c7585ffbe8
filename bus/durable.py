"""How a subscription's handler is called: once for each message, with its position recorded after it."""

import logging
import time
from collections.abc import Callable
from typing import Any

from .api import Received
from .contracts.base import Delivery, Message
from .flows import Counters
from .identity import ClientIdentity, RecordedPositions
from .receiving import Listener

_log = logging.getLogger("cryptobot.bus")


def listener(
    identity: ClientIdentity,
    prefix: str,
    schema: type[Message],
    deliver: Callable[[Received[Any]], None],
    durable: str,
    heal: bool | None,
    guard: "LagGuard | None" = None,
) -> tuple[Listener, RecordedPositions | None]:
    """The listener of a subscription, and its positions when it is durable.

    Raises:
        ValueError: `durable` for a class that is not written ahead.
    """
    event = schema.DELIVERY is Delivery.EVENT
    if durable and not event:
        raise ValueError(f"{schema.__name__} is not of the event class, so a subscription cannot be durable.")
    positions = identity.positions(durable) if durable else None
    wanted = event if heal is None else heal
    deliver = guard.around(deliver) if guard is not None else deliver
    return Listener(prefix, schema, deliver, heal=wanted, positions=positions), positions


class LagGuard:
    """Drops what is older than a stream is good for: a reader that fell behind is up to date at once."""

    def __init__(self, prefix: str, max_lag_s: float, counters: Counters) -> None:
        self._prefix, self._max_lag_s, self._counters = prefix, max_lag_s, counters
        self._behind = False

    def around(self, deliver: Callable[[Received[Any]], None]) -> Callable[[Received[Any]], None]:
        """The same, for messages that are young enough."""
        limit_ns = int(self._max_lag_s * 1e9)

        def guarded(received: Received[Any]) -> None:
            if time.time_ns() - received.ts_ns > limit_ns:
                self._late()
                return
            self._behind = False
            deliver(received)

        return guarded

    def _late(self) -> None:
        self._counters.late += 1
        if not self._behind:
            self._behind = True
            _log.warning(
                "messages of %s are older than %g s: they are dropped until the reader has caught up",
                self._prefix,
                self._max_lag_s,
            )


def record(positions: RecordedPositions | None, received: Received[Any]) -> None:
    """The message was handled, or is in the dead-letter topic."""
    if positions is not None:
        positions.record(received.source, received.topic, received.epoch, received.seq)
