"""Booking what the venue tells: each piece of news becomes one committed change, then events on the bus.

Everything here is synchronous and runs on the loop's thread, so two pieces of news never mix.
"""

from collections import OrderedDict
from collections.abc import Callable
from copy import copy
from enum import Enum

import msgspec
import structlog

from ...bus import topics
from ...bus.api import AsyncBusApi
from ...bus.contracts.service import Alert, Audit
from ...bus.contracts.strategy import correlation_of
from ...bus.contracts.trade import TradingState
from ...configs import accounts
from ..connectors.venue import VenueOrder, VenueTrade, VenueTransfer
from . import ids, ledger, positions, rows
from . import order as orders
from .account import Account
from .clock import now_ms
from .money import ZERO
from .order import Concern, FillRecord, News, OrderRecord
from .protection_plan import ProtectionRecord
from .states import Event, State
from .store import Change, OutgoingEvent, TradeStore

# A repeated one is nearly always among the newest; the database knows all others.
_FILLS_REMEMBERED = 500
_TEXT: dict[Concern, tuple[str, str]] = {
    Concern.FILL_AFTER_END: ("warning", "A fill arrived after the order had ended; it is counted"),
    Concern.OVERFILL: ("error", "The venue filled more than was ordered; all of it is counted"),
    Concern.BACK_FROM_REJECTED: ("warning", "The venue has an order that was taken for rejected"),
    Concern.INCOMPLETE: ("error", "The venue tells of fills that it does not list; the order is flagged"),
}


class Counted(Enum):
    """What became of a fill."""

    COUNTED = "counted"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"


class Booking:
    """Writes changes to the store, then to memory, then to the bus."""

    def __init__(
        self,
        account: Account,
        store: TradeStore,
        bus: AsyncBusApi,
        log: structlog.typing.FilteringBoundLogger,
    ) -> None:
        self._account, self._store, self._bus, self._log = account, store, bus, log
        self._fills: OrderedDict[str, FillRecord] = OrderedDict()
        self.on_order: list[Callable[[OrderRecord], None]] = []
        self._lines: list[tuple[str, dict[str, str]]] = []
        self._moved: set[str] = set()
        store.on_committed = self._publish

    def journal(
        self,
        *orders: OrderRecord,
        protection: ProtectionRecord | None = None,
        decision: bytes = b"",
        action: Audit | None = None,
        sent: bool = False,
    ) -> None:
        """Write new orders down, with the guard that they belong to; wait for the store before acting on
        them.

        Args:
            decision: what the limits saw of the (first) order.
            action: who or what caused it, to be sealed together with the orders.
            sent: they are sent as soon as they are on disk, so this is their second move as well.

        Raises:
            IntegrityError: an id or intent exists already.
        """
        change = Change(new_orders=list(orders), events=[self._order_event(order) for order in orders])
        if sent:
            change.new_orders = [self._sent(order, change) for order in orders]
        if protection is not None:
            change.protections.append(protection)
        if decision:
            change.decisions[orders[0].id] = decision
        if action is not None:
            self._seal(change, action)
        self._save(change, *(orders if sent else ()))
        for order in orders:
            self._note("order journalled", order, side=order.side, amount=str(order.amount))
            if sent:
                self._note("order", order, state=State.SUBMITTED.value)

    def _sent(self, order: OrderRecord, change: Change) -> OrderRecord:
        """The order as it is once it was sent, told after its first state."""
        draft = copy(order)
        orders.move(draft, Event.SEND, now_ms=order.created_ms)
        draft.sent_ms = draft.updated_ms
        change.events.append(self._order_event(draft))
        return draft

    def move(self, order_id: str, event: Event, reason: str = "") -> OrderRecord | None:
        """Our own side's event; None when the order's state does not allow it (any more)."""
        found = self._account.find(order_id=order_id)
        if found is None or not orders.can(found, event):
            return None
        draft = copy(found)
        orders.move(draft, event, now_ms=now_ms(), reason=reason)
        if event is Event.SEND:
            draft.sent_ms = draft.updated_ms
        return self._changed(draft)

    def keep_open(self, order_id: str) -> OrderRecord | None:
        """A cancel was not carried out."""
        found = self._account.find(order_id=order_id)
        if found is None or found.state is not State.PENDING_CANCEL:
            return None
        draft = copy(found)
        orders.keep(draft, now_ms())
        return self._changed(draft)

    def missed(self, order_id: str) -> OrderRecord | None:
        """The venue did not know the order when asked; counts how often in a row."""
        found = self._account.find(order_id=order_id)
        if found is None or not found.is_open:
            return None
        draft = copy(found)
        draft.misses += 1
        self._save(Change(orders=[draft]))
        return draft

    def give_up_on_details(self, order_id: str) -> None:
        """End an order whose fills the venue does not list."""
        found = self._account.find(order_id=order_id)
        if found is not None:
            draft = copy(found)
            self._finish(draft, orders.give_up_on_details(draft))

    def told(self, news: VenueOrder) -> OrderRecord | None:
        """What the venue says of an order; None when the order is not ours and was not adopted."""
        found = self._account.find(client_id=news.client_id, exchange_order_id=news.id)
        if found is None:
            return None
        draft = copy(found)
        result = orders.apply_told(
            draft,
            status=news.status,
            filled=news.filled,
            exchange_order_id=news.id,
            told_ms=news.updated_ms,
            reason=news.reason,
        )
        return self._finish(draft, result) if result.changed else found

    def adopt(self, news: VenueOrder, *, before_us: bool) -> OrderRecord:
        """Take over an order that somebody else placed.

        Args:
            before_us: its fills until now belong to the time before this home; they are in the opening
                balances.
        """
        created = news.updated_ms or now_ms()
        order = OrderRecord(
            id=ids.external_order_id(self._account.exchange, news.id, self._account.name),
            client_order_id=news.client_id,
            exchange_order_id=news.id,
            source="external",
            exchange=self._account.exchange,
            symbol=news.symbol,
            side=news.side,
            type=news.type,
            amount=news.amount,
            state=State.ACCEPTED,
            price=news.price,
            stop_price=news.stop_price,
            time_in_force=news.time_in_force,
            external=True,
            filled=news.filled if before_us else ZERO,
            cost=news.cost if before_us else ZERO,
            told_status="open",
            reason="placed outside of CryptoBot",
            created_ms=created,
            updated_ms=created,
        )
        self._log.info("external order adopted", **_ids(order), side=order.side, amount=str(order.amount))
        self.audit("venue", "adopt order", order.id, f"{order.side} {order.amount} {order.symbol}")
        self._save(Change(new_orders=[order], events=[self._order_event(order)]))
        return self.told(news) or order

    def filled(self, trade: VenueTrade, order: OrderRecord) -> Counted:
        """Count an execution, once: order, ledger and position move together or not at all."""
        fill = _fill_record(trade, order)
        known = self._fills.get(fill.key) or self._store.find_fill(fill.key)
        if known is not None:
            return self._seen_before(fill, known)
        draft = copy(order)
        news = orders.apply_fill(draft, fill)
        market = self._account.markets[fill.symbol]
        position = self._account.position(fill.symbol).copy()
        fee_price = self._account.price_of(fill.fee_currency, market.quote)
        positions.book(position, fill, market.base, market.quote, fee_price)
        change = Change(
            orders=[draft],
            fills=[(fill, draft)],
            entries=[ledger.fill_entry(fill, market.base, market.quote)],
            positions=[position],
            events=[
                self._fill_event(fill, draft),
                self._order_event(draft),
                OutgoingEvent(
                    topics.position(fill.exchange, fill.symbol, self._account.name),
                    self._account.position_message(position),
                ),
            ],
        )
        self._note("fill booked", draft, trade=fill.id, amount=str(fill.amount), price=str(fill.price))
        self._save(change)
        self._remember(fill)
        self._raise_concerns(draft, news)
        self._moved |= {market.base, market.quote, fill.fee_currency} - {""}
        return Counted.COUNTED

    def note_fact(self, name: str, value: str) -> None:
        """Write a single fact down."""
        self._save(Change(facts={name: value}))

    def transferred(self, transfer: VenueTransfer) -> None:
        """Money came or went other than by trading; told again it changes nothing."""
        changes = {transfer.asset: transfer.amount}
        entry = ledger.external_entry(self._account.exchange, transfer.id, changes, transfer.ts_ms)
        if not self._store.has_entry(entry.key):
            self._log.info("transfer booked", asset=transfer.asset, amount=str(transfer.amount))
            self.book_entry(entry, {})
            self.audit("venue", "transfer", transfer.asset, str(transfer.amount))

    def book_entry(self, entry: ledger.Entry, facts: dict[str, str]) -> None:
        """An entry of the ledger that is no fill."""
        self._save(Change(entries=[entry], facts=facts))
        self._moved |= {posting.asset for posting in entry.postings}

    def set_trading_state(self, state: TradingState) -> None:
        self._save(Change(states=[state], events=[OutgoingEvent(topics.trading_state(state.account), state)]))

    def alert(self, key: str, severity: str, title: str, detail: str, *, recovered: bool = False) -> None:
        """Tell people. The same key is the same fault; `recovered` ends it."""
        service = accounts.service_of(self._account.name)
        alert = Alert(
            key=f"{service}:{key}",
            severity=severity,
            source=service,
            title=title,
            detail=detail,
            recovered=recovered,
        )
        self._log.warning(
            "alert", key=key, severity=severity, title=title, detail=detail, recovered=recovered
        )
        self._bus.publish(topics.alert(severity), alert)

    def audit(self, actor: str, action: str, subject: str, detail: str, *, ok: bool = True) -> None:
        """Record who or what caused what: in the sealed chain, and for the platform's audit log."""
        change = Change()
        self._seal(change, trading_action(actor, action, subject, detail, ok=ok))
        self._save(change)

    def publish_left_over(self) -> int:
        """Publish what an earlier life committed and may not have told; how many."""
        left = self._store.unpublished()
        self._publish(left)
        return len(left)

    def _publish(self, numbered: list[tuple[int, OutgoingEvent]]) -> None:
        lines, self._lines = self._lines, []
        for line, facts in lines:
            self._log.info(line, **facts)
        for number, event in numbered:
            self._bus.publish(event.topic, event.message, correlation_id=event.correlation_id)
            self._store.published(number)
        moved, self._moved = self._moved, set()
        for asset in sorted(moved):
            topic = topics.balance(self._account.exchange, self._account.name)
            self._bus.publish(topic, self._account.balance(asset))

    def _note(self, line: str, order: OrderRecord, **facts: str) -> None:
        """A line of the log, written when nothing waits for it."""
        self._lines.append((line, _ids(order) | facts))

    def _seen_before(self, fill: FillRecord, known: FillRecord) -> Counted:
        self._remember(known)
        if fill.same_execution(known):
            return Counted.DUPLICATE
        self.alert(
            f"fill:{fill.key}",
            "error",
            "The venue sent a known trade id with other figures",
            f"{fill.symbol} trade {fill.id}: booked {known.amount} at {known.price}, "
            f"now told {fill.amount} at {fill.price}. Nothing was changed; compare with the venue's records.",
        )
        return Counted.CONFLICT

    def _remember(self, fill: FillRecord) -> None:
        self._fills[fill.key] = fill
        while len(self._fills) > _FILLS_REMEMBERED:
            self._fills.popitem(last=False)

    def _finish(self, draft: OrderRecord, news: News) -> OrderRecord:
        if not news.changed:
            return draft
        self._changed(draft)
        self._raise_concerns(draft, news)
        return draft

    def _changed(self, draft: OrderRecord) -> OrderRecord:
        self._note("order", draft, state=draft.state.value, filled=str(draft.filled), reason=draft.reason)
        self._save(Change(orders=[draft], events=[self._order_event(draft)]))
        market = self._account.market(draft.symbol)
        if market is not None:
            self._moved.add(market.quote if draft.side == "buy" else market.base)
        return draft

    def _save(self, change: Change, *before: OrderRecord) -> None:
        """`before` are states that orders of the change went through; listeners hear of them, too."""
        self._store.write(change)
        self._account.adopt(change)
        for order in (*before, *change.new_orders, *change.orders):
            for listener in self.on_order:
                listener(order)

    def _raise_concerns(self, order: OrderRecord, news: News) -> None:
        for concern in news.concerns:
            severity, title = _TEXT[concern]
            detail = f"{order.side} {order.amount} {order.symbol}, {order.filled} filled, {order.state.value}"
            self.alert(f"{concern.value}:{order.id}", severity, title, f"Order {order.id}: {detail}.")

    def _seal(self, change: Change, action: Audit) -> None:
        """With the account's name, where it is not the one that goes without saying."""
        name = self._account.name
        if name != ids.MAIN:
            action = msgspec.structs.replace(action, detail=f"{name}: {action.detail}")
        change.audits.append(action)
        change.events.append(OutgoingEvent(topics.audit("trading"), action))

    def _order_event(self, order: OrderRecord) -> OutgoingEvent:
        name = self._account.name
        topic = topics.order(order.exchange, order.state.value, name)
        return OutgoingEvent(topic, rows.order_message(order, name), _correlation(order))

    def _fill_event(self, fill: FillRecord, order: OrderRecord) -> OutgoingEvent:
        name = self._account.name
        message = rows.fill_message(rows.fill_row(fill, order), name)
        return OutgoingEvent(topics.fill(fill.exchange, name), message, _correlation(order))


def trading_action(actor: str, action: str, subject: str, detail: str, *, ok: bool = True) -> Audit:
    """An entry for the sealed chain of trading actions."""
    return Audit(kind="trading", actor=actor, action=action, subject=subject, detail=detail, ok=ok)


def _fill_record(trade: VenueTrade, order: OrderRecord) -> FillRecord:
    return FillRecord(
        id=trade.id,
        order_id=order.id,
        exchange=order.exchange,
        symbol=trade.symbol,
        side=trade.side,
        price=trade.price,
        amount=trade.amount,
        cost=trade.cost,
        fee=trade.fee,
        fee_currency=trade.fee_currency,
        maker=trade.maker,
        ts_ms=trade.ts_ms,
    )


def _correlation(order: OrderRecord) -> str:
    return correlation_of(order.intent_id or order.id)


def _ids(order: OrderRecord) -> dict[str, str]:
    return {
        "order": order.id,
        "venue_order": order.exchange_order_id,
        "intent": order.intent_id,
        "symbol": order.symbol,
    }
