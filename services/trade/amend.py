"""Changing an order that rests: its successor takes its place in one step of the venue, where it has one."""

from dataclasses import replace
from decimal import Decimal

from ...bus.contracts.trade import AmendOrder
from ...configs.errors import RequestFailedError
from . import ids, limits, money, rounding
from .clock import now_ms
from .dispatcher import Urgency
from .execution import Execution, venue_request
from .order import OrderRecord
from .parts import Parts
from .states import Event, State

_RESTING = (State.ACCEPTED, State.PARTIALLY_FILLED)


class Amendments:
    """Carries out `AmendOrder`."""

    def __init__(self, parts: Parts, execution: Execution) -> None:
        self._parts, self._execution = parts, execution
        self._account, self._booking = parts.account, parts.booking
        self._waiting: dict[str, str] = {}

    def amend(self, asked: AmendOrder) -> OrderRecord:
        """Journal the successor of an order and have it sent.

        Raises:
            RequestFailedError: there is no such order, it does not rest, or a limit is against it.
        """
        old = self._amendable(asked)
        market = self._account.markets[old.symbol]
        new = _successor(old, asked, self._parts.account.name)
        rounded = rounding.request(market, venue_request(new))
        new.amount, new.price = rounded.amount, rounded.price
        if (new.amount, new.price) == (old.remaining, old.price):
            raise RequestFailedError("nothing_asked", "Give a price or an amount that differs.")
        subject = self._execution.subject(rounded, market, self._picture(old), new)
        denial = limits.check(subject)
        told = f"{old.id}: {old.remaining} at {old.price} becomes {new.amount} at {new.price}"
        self._booking.audit(asked.actor, "amend", new.id, told, ok=denial is None)
        if denial is not None:
            raise RequestFailedError(denial.code, denial.reason)
        self._booking.journal(new, decision=limits.account_for(subject, None))
        self._send(old, new)
        return new

    def on_order(self, order: OrderRecord) -> None:
        """An order ended whose successor waits for that."""
        if order.is_open or order.id not in self._waiting:
            return
        successor = self._waiting.pop(order.id)
        if order.state is State.CANCELED:
            self._execution.send_later(successor)
        else:
            self._booking.move(successor, Event.REJECT, f"the order before it ended {order.state.value}")

    def _amendable(self, asked: AmendOrder) -> OrderRecord:
        order = self._account.find(order_id=asked.order_id)
        if order is None:
            raise RequestFailedError("unknown_order", f"There is no order {asked.order_id}.")
        if order.state not in _RESTING or order.awaits_fills:
            raise RequestFailedError("not_resting", f"The order is {order.state.value}; it does not rest.")
        if order.type != "limit" or order.list_id:
            raise RequestFailedError(
                "not_amendable", "Only single limit orders are amended; for a guard use `protect`."
            )
        if order.id in self._waiting:
            raise RequestFailedError("not_resting", "The order is being replaced already.")
        return order

    def _picture(self, old: OrderRecord) -> limits.Picture:
        """What the limits would see if the old order were gone."""
        seen = self._execution.picture(old.symbol, old.side)
        bought = old.side == "buy"
        return replace(
            seen,
            open_orders=seen.open_orders - 1,
            closing=money.subtract(seen.closing, old.remaining),
            buying=money.subtract(seen.buying, old.reserved_quote),
            free_quote=money.add(seen.free_quote, old.reserved_quote if bought else money.ZERO),
            free_base=money.add(seen.free_base, money.ZERO if bought else old.reserved_base),
        )

    def _send(self, old: OrderRecord, new: OrderRecord) -> None:
        venue = self._parts.venue
        if venue is not None and venue.capabilities.amend:
            self._parts.dispatcher.put(Urgency.CANCEL, lambda: self._replace(old, new.id))
            return
        self._waiting[old.id] = new.id
        self._execution.cancel(old.id, new.source)

    async def _replace(self, old: OrderRecord, new_id: str) -> None:
        failure = await self._execution.replace(old, new_id, only_unfilled=not old.filled)
        if failure is None:
            return
        self._booking.move(new_id, Event.REJECT, str(failure))
        if failure.old_gone:
            self._booking.alert(
                f"amend:{old.id}",
                "warning",
                "An order was cancelled and its successor was refused",
                f"{old.side} {old.amount} {old.symbol}: {failure}",
            )


def _successor(old: OrderRecord, asked: AmendOrder, account: str) -> OrderRecord:
    moment = now_ms()
    intent = f"amend:{old.id}:{moment}"
    order_id = ids.client_order_id(old.exchange, intent, account)
    price: Decimal | None = asked.price if asked.price is not None else old.price
    return OrderRecord(
        id=order_id,
        client_order_id=order_id,
        intent_id=intent,
        source=old.source,
        exchange=old.exchange,
        symbol=old.symbol,
        side=old.side,
        type=old.type,
        amount=old.remaining if asked.amount is None else asked.amount,
        price=price,
        time_in_force=old.time_in_force,
        post_only=old.post_only,
        reduce_only=old.reduce_only,
        reason=f"amended by {asked.actor}",
        reference_price=old.reference_price,
        replaces=old.id,
        created_ms=moment,
        updated_ms=moment,
    )
