"""The orders of a guard: its stop, its target, its exits; and how a pair of them reaches the venue."""

from decimal import Decimal

from ...configs.errors import (
    CredentialsError,
    OrderRejectedError,
    OutcomeUnknownError,
    RequestFailedError,
)
from ..connectors.venue import Market
from . import ids, rounding
from .clock import now_ms
from .execution import venue_request
from .order import OrderRecord
from .parts import Parts
from .protection_plan import ProtectionRecord
from .states import Event

SOURCE = "protection"


def is_leg(order: OrderRecord) -> bool:
    """Whether an order rests at the venue for a guard, as a stop or as a target."""
    return order.source == SOURCE and (order.type == "stop_loss" or order.list_id != "")


def stop(record: ProtectionRecord, amount: Decimal, account: str) -> OrderRecord:
    """The stop of the guard's present generation."""
    intent = f"protect:{record.symbol}:{record.created_ms}:{record.generation}"
    return _sell(record, account, intent, amount, "stop_loss", stop_price=record.stop_price)


def pair(
    record: ProtectionRecord, market: Market, amount: Decimal, account: str
) -> tuple[OrderRecord, OrderRecord]:
    """A stop and an order at the target, of which one cancels the other."""
    assert record.take_profit is not None
    lower = stop(record, amount, account)
    price = rounding.price(market, "sell", record.take_profit)
    upper = _sell(record, account, f"{lower.intent_id}:target", amount, "limit", price=price)
    upper.post_only = True
    lower.list_id = upper.list_id = ids.client_order_id(record.exchange, f"{lower.intent_id}:list", account)
    return lower, upper


def market_exit(record: ProtectionRecord, amount: Decimal, why: str, account: str) -> OrderRecord:
    """Sells at once."""
    order = _sell(record, account, f"exit:{record.symbol}:{now_ms()}", amount, "market")
    order.reason = why
    return order


async def place_pair(parts: Parts, stop_id: str, target_id: str) -> None:
    """Send both in one step of the venue, once. What came of it is booked, or asked for."""
    booking, venue = parts.booking, parts.venue
    lower, upper = booking.move(stop_id, Event.SEND), booking.move(target_id, Event.SEND)
    if lower is None or upper is None or venue is None:
        for order_id in (stop_id, target_id):
            booking.move(order_id, Event.REJECT, "not sent: it was withdrawn")
        return
    await parts.store.durable()
    try:
        told = await venue.create_oco(venue_request(lower), venue_request(upper), lower.list_id)
    except OutcomeUnknownError as error:
        parts.log.warning("outcome unknown", order=stop_id, reason=str(error))
        parts.ask_for(stop_id)
        parts.ask_for(target_id)
    except (OrderRejectedError, CredentialsError) as error:
        parts.log.warning("pair rejected", order=stop_id, reason=str(error))
        # The target first: when the stop's end is seen, nothing of the pair may seem to be under way.
        for order_id in (target_id, stop_id):
            booking.move(order_id, Event.REJECT, str(error))
    else:
        for news in told:
            booking.told(news)


def check_prices(record: ProtectionRecord, price: Decimal) -> None:
    """Whether a guard makes sense at the market's price.

    Raises:
        RequestFailedError: it does not; the code says what is wrong.
    """
    if record.stop_price is None and record.trailing_percent is None and record.take_profit is None:
        raise RequestFailedError("nothing_asked", "Give a stop price, a trailing distance or a target.")
    if record.stop_price is not None and record.stop_price >= price:
        raise RequestFailedError(
            "bad_stop", f"The stop {record.stop_price} is not below the market at {price}."
        )
    if record.take_profit is not None and record.take_profit <= price:
        raise RequestFailedError(
            "bad_target", f"The target {record.take_profit} is not above the market at {price}."
        )
    if record.trailing_percent is not None and not 0 < record.trailing_percent < 100:
        raise RequestFailedError("bad_distance", "The trailing distance is between 0 and 100 %.")


def _sell(
    record: ProtectionRecord,
    account: str,
    intent: str,
    amount: Decimal,
    kind: str,
    *,
    price: Decimal | None = None,
    stop_price: Decimal | None = None,
) -> OrderRecord:
    order_id, created = ids.client_order_id(record.exchange, intent, account), now_ms()
    return OrderRecord(
        id=order_id,
        client_order_id=order_id,
        intent_id=intent,
        source=SOURCE,
        exchange=record.exchange,
        symbol=record.symbol,
        side="sell",
        type=kind,
        amount=amount,
        price=price,
        stop_price=stop_price,
        reduce_only=True,
        reason=f"protects the position for {record.actor}",
        created_ms=created,
        updated_ms=created,
    )
