"""One order as trade knows it, and how news of it change it. Pure: no clock, no database, no network."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum

from . import money
from .money import ZERO
from .states import AT_VENUE, TERMINAL, Event, IllegalMoveError, State, advance

_ENDINGS = {"canceled": Event.CANCEL, "expired": Event.EXPIRE}


@dataclass(slots=True, kw_only=True)
class OrderRecord:
    """Facts of an order. `told_*` is what the venue claims; `filled` and `cost` are the sums of counted
    fills. `list_id` is the same for orders of which one cancels the other; `replaces` is the id of the
    order whose place this one takes in one step of the venue.
    """

    id: str
    client_order_id: str
    exchange: str
    symbol: str
    side: str
    type: str
    amount: Decimal
    exchange_order_id: str = ""
    intent_id: str = ""
    source: str = ""
    state: State = State.PENDING
    price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: str = "GTC"
    post_only: bool = False
    reduce_only: bool = False
    external: bool = False
    filled: Decimal = ZERO
    cost: Decimal = ZERO
    told_status: str = ""
    told_filled: Decimal = ZERO
    told_ms: int = 0
    reason: str = ""
    candle_open_ms: int = 0
    reference_price: Decimal | None = None
    created_ms: int = 0
    sent_ms: int = 0
    updated_ms: int = 0
    misses: int = 0
    incomplete: bool = False
    list_id: str = ""
    replaces: str = ""

    @property
    def remaining(self) -> Decimal:
        """Never below zero, also after an overfill."""
        left = money.subtract(self.amount, self.filled)
        return left if left > 0 else ZERO

    @property
    def average(self) -> Decimal | None:
        """Volume-weighted price of the filled part."""
        return money.divide(self.cost, self.filled) if self.filled else None

    @property
    def is_open(self) -> bool:
        return self.state not in TERMINAL

    @property
    def outcome_unknown(self) -> bool:
        """Sent, and nothing was heard of it."""
        return self.state is State.SUBMITTED

    @property
    def awaits_fills(self) -> bool:
        """The venue tells of more than we counted: the details must be fetched."""
        return self.told_filled > self.filled and not self.incomplete

    @property
    def reserved_base(self) -> Decimal:
        """What an open sell order binds."""
        return self.remaining if self.side == "sell" and self.state in _RESERVING else ZERO

    @property
    def reserved_quote(self) -> Decimal:
        """What an open buy order binds; a market order that is under way binds its value at the last
        price.
        """
        price = self.price or self.stop_price or self.reference_price
        if self.side != "buy" or self.state not in _RESERVING or price is None:
            return ZERO
        return money.multiply(self.remaining, price)


_RESERVING = AT_VENUE | {State.PENDING}


@dataclass(frozen=True, slots=True, kw_only=True)
class FillRecord:
    """One execution; `(exchange, symbol, id)` names it for ever."""

    id: str
    order_id: str
    exchange: str
    symbol: str
    side: str
    price: Decimal
    amount: Decimal
    cost: Decimal
    fee: Decimal
    fee_currency: str
    maker: bool
    ts_ms: int

    @property
    def key(self) -> str:
        return f"{self.exchange}|{self.symbol}|{self.id}"

    def same_execution(self, other: "FillRecord") -> bool:
        """Whether both tell the same: the fee may come late, the rest may not differ."""
        return (self.price, self.amount, self.side) == (other.price, other.amount, other.side)


class Concern(Enum):
    """What a person should hear of."""

    FILL_AFTER_END = "fill after the end"
    OVERFILL = "overfill"
    BACK_FROM_REJECTED = "back from rejected"
    INCOMPLETE = "incomplete"


@dataclass(slots=True)
class News:
    """What a piece of news did to an order."""

    changed: bool = False
    concerns: list[Concern] = field(default_factory=list)


def apply_fill(order: OrderRecord, fill: FillRecord) -> News:
    """Count a fill that was not counted before. In every state: a fill is money that moved."""
    news = News(changed=True)
    ended = order.state in TERMINAL
    complete = money.add(order.filled, fill.amount) >= order.amount
    if ended and not (order.state is State.FILLED and order.incomplete):
        news.concerns.append(Concern.FILL_AFTER_END)
    order.filled = money.add(order.filled, fill.amount)
    order.cost = money.add(order.cost, fill.cost)
    order.updated_ms = max(order.updated_ms, fill.ts_ms)
    if order.filled > order.amount:
        news.concerns.append(Concern.OVERFILL)
    order.state = advance(order.state, Event.FILL_REST if complete else Event.FILL_PART)
    if order.incomplete and order.filled >= order.told_filled:
        order.incomplete = False
    _end_when_complete(order)
    return news


def apply_told(
    order: OrderRecord,
    *,
    status: str,
    filled: Decimal,
    exchange_order_id: str,
    told_ms: int,
    reason: str = "",
) -> News:
    """Take what the venue says of the order, unless it is older than what it said before.

    An end waits until every fill that the venue speaks of is counted.

    Args:
        status: open, closed, canceled, expired or rejected.
        filled: the venue's cumulative filled amount.
        told_ms: the venue's time of that state; 0 when it does not say.
    """
    if _is_stale(order, status, filled, told_ms):
        return News()
    claims_change = (order.told_status, order.told_filled) != (status, filled)
    news = News(changed=claims_change or order.outcome_unknown or order.misses > 0)
    if order.state is State.REJECTED and status != "rejected":
        news.concerns.append(Concern.BACK_FROM_REJECTED)
        news.changed = True
    if exchange_order_id and exchange_order_id != order.exchange_order_id:
        order.exchange_order_id, news.changed = exchange_order_id, True
    order.told_status, order.told_filled = status, max(order.told_filled, filled)
    order.told_ms = max(order.told_ms, told_ms)
    order.updated_ms = max(order.updated_ms, told_ms)
    order.misses = 0
    if reason and status != "open":
        order.reason = reason
    if status == "rejected" and Event.REJECT in _moves(order):
        order.state = advance(order.state, Event.REJECT)
    elif order.state in (State.SUBMITTED, State.REJECTED):
        order.state = advance(order.state, Event.ACKNOWLEDGE)
    _end_when_complete(order)
    return news


def give_up_on_details(order: OrderRecord) -> News:
    """The venue tells of fills that it cannot list: end the order as told, flagged, with nothing made up."""
    if not order.awaits_fills:
        return News()
    order.incomplete = True
    order.reason = (
        f"incomplete: the venue tells of {order.told_filled} filled, details came for {order.filled}"
    )
    _end_when_complete(order)
    return News(changed=True, concerns=[Concern.INCOMPLETE])


def move(order: OrderRecord, event: Event, *, now_ms: int, reason: str = "") -> None:
    """An event of our own side: send, withdraw, reject, ask cancel, keep open.

    Raises:
        IllegalMoveError: the state does not allow it; the order is unchanged.
    """
    order.state = advance(order.state, event)
    order.updated_ms = max(order.updated_ms, now_ms)
    if reason:
        order.reason = reason


def keep(order: OrderRecord, now_ms: int) -> None:
    """A cancel was refused or not carried out: the order is open as before."""
    move(order, Event.KEEP_PART if order.filled else Event.KEEP_OPEN, now_ms=now_ms)


def can(order: OrderRecord, event: Event) -> bool:
    return event in _moves(order)


def _moves(order: OrderRecord) -> frozenset[Event]:
    allowed = set()
    for event in Event:
        try:
            advance(order.state, event)
        except IllegalMoveError:
            continue
        allowed.add(event)
    return frozenset(allowed)


def _is_stale(order: OrderRecord, status: str, filled: Decimal, told_ms: int) -> bool:
    if told_ms and told_ms < order.told_ms:
        return True
    if filled < order.told_filled:
        return True
    return order.told_status not in ("", "open") and status == "open"


def _end_when_complete(order: OrderRecord) -> None:
    if order.told_status in ("", "open", "rejected") or order.awaits_fills or order.state in TERMINAL:
        return
    if order.told_status == "closed":
        # All fills are here and make less than the amount: the venue let the rest go.
        whole = max(order.filled, order.told_filled) >= order.amount
        order.state = advance(order.state, Event.FILL_REST if whole else Event.CANCEL)
        return
    order.state = advance(order.state, _ENDINGS[order.told_status])
