"""What a guard sees when it decides on its next step."""

from ..connectors.venue import Market
from . import legs, money
from .clock import now_ms
from .parts import Parts
from .protection_plan import ProtectionRecord, Scene
from .states import State

# The fills of an entry that does not rest come within moments; a pair is placed once, when they are all here.
GROWS_FOR_MS = 1_000


def look(parts: Parts, record: ProtectionRecord, market: Market, waiting_ids: list[str]) -> Scene:
    """The guard's orders, the position, and what wants to be sold.

    Args:
        waiting_ids: exits that are kept back until the guard has given up its coins.
    """
    account, venue = parts.account, parts.venue
    waiting = [
        order
        for order_id in waiting_ids
        if (order := account.orders.get(order_id)) is not None and order.state is State.PENDING
    ]
    names = {order.id for order in waiting}
    selling = [
        order.remaining
        for order in account.orders.values()
        if order.symbol == record.symbol
        and order.side == "sell"
        and order.id not in names
        and not legs.is_leg(order)
    ]
    return Scene(
        market=market,
        held=account.position(record.symbol).amount,
        leg=account.find(order_id=record.leg) if record.leg else None,
        previous=account.orders.get(record.previous_leg),
        exits=money.add(*(order.remaining for order in waiting)),
        selling=money.add(*selling),
        target=account.find(order_id=record.target_leg) if record.target_leg else None,
        pairs=venue is not None and venue.capabilities.oco,
        growing=_grows(parts, record),
    )


def _grows(parts: Parts, record: ProtectionRecord) -> bool:
    """The entry is one that does not rest, and not all of its fills are here yet."""
    entry = parts.account.find(order_id=record.entry) if record.entry else None
    if entry is None or (entry.type != "market" and entry.time_in_force == "GTC"):
        return False
    coming = entry.is_open or entry.awaits_fills
    return coming and now_ms() - entry.sent_ms < GROWS_FOR_MS
