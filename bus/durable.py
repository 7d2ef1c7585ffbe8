"""How a subscription's handler is called: once for each message, with its position recorded after it."""

from collections.abc import Callable
from typing import Any

from .api import Received
from .contracts.base import Delivery, Message
from .identity import ClientIdentity, RecordedPositions
from .receiving import Listener


def listener(
    identity: ClientIdentity,
    prefix: str,
    schema: type[Message],
    deliver: Callable[[Received[Any]], None],
    durable: str,
    heal: bool | None,
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
    return Listener(prefix, schema, deliver, heal=wanted, positions=positions), positions


def record(positions: RecordedPositions | None, received: Received[Any]) -> None:
    """The message was handled, or is in the dead-letter topic."""
    if positions is not None:
        positions.record(received.source, received.topic, received.epoch, received.seq)
