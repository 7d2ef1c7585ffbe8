"""What trade writes down: a `Change` is written whole, in one transaction, or not at all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from ...bus.contracts.base import SCHEMAS, Message
from ...bus.contracts.service import Audit
from ...bus.contracts.trade import Equity, TradingState
from ...configs import accounts
from ...configs.paths import Home
from ..database.fields import fn
from ..database.store import Database, open_database
from . import ids, money, rows
from .actions import HEAD, Chain, ChainReport
from .batch import Batch, in_turns
from .clock import now_ms
from .ledger import Entry
from .models import (
    MIGRATIONS,
    MODELS,
    AccountRow,
    ActionRow,
    DecisionRow,
    EntryRow,
    EquityRow,
    FactRow,
    FillRow,
    OrderRow,
    OutboxRow,
    PositionRow,
    PostingRow,
    ProtectionRow,
    TradingStateRow,
)
from .order import FillRecord, OrderRecord
from .positions import PositionRecord
from .protection_plan import ENDED, ProtectionRecord
from .statements import Statements
from .states import TERMINAL, State

Accounts = dict[tuple[str, str], Decimal]
# An order leaves two turns after its commit; then there is time to tell of it.
_TURNS_TO_ACT = 4
_OPEN_NAMES = [state.value for state in State if state not in TERMINAL]


@dataclass(frozen=True, slots=True)
class OutgoingEvent:
    """An event that follows from a change."""

    topic: str
    message: Message
    correlation_id: str = ""


@dataclass(slots=True)
class Change:
    """Everything that one piece of news changes."""

    new_orders: list[OrderRecord] = field(default_factory=list)
    orders: list[OrderRecord] = field(default_factory=list)
    fills: list[tuple[FillRecord, OrderRecord]] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    positions: list[PositionRecord] = field(default_factory=list)
    protections: list[ProtectionRecord] = field(default_factory=list)
    states: list[TradingState] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    equity: list[Equity] = field(default_factory=list)
    audits: list[Audit] = field(default_factory=list)
    decisions: dict[str, bytes] = field(default_factory=dict)
    events: list[OutgoingEvent] = field(default_factory=list)


class TradeStore:
    """Trade's database (synchronous=FULL). What `write` took is on disk once `durable` returns.

    `on_committed` is called after a commit with the events that may be published from then on; whoever waited
    in `durable` has acted before: nobody waits for an order, and the order does not wait for its news.
    """

    def __init__(self, home: Home, account: str = ids.MAIN) -> None:
        self.account, main = account, account == ids.MAIN
        self._database: Database = open_database(
            home,
            accounts.service_of(account),
            models=MODELS,
            migrations=MIGRATIONS,
            synchronous="FULL",
        )
        self._fast = Statements(self._database)
        newest = ActionRow.select().order_by(ActionRow.number.desc()).first()
        known = (newest.number, newest.seal) if newest else (0, "")
        self._chain = Chain(home, *known, head=HEAD if main else f"{HEAD}-{account}")
        self._durable_head = (self._chain.number, self._chain.seal)
        self._batch = Batch(self._database, self._note_committed)
        self._numbered: list[tuple[int, OutgoingEvent]] = []
        self._committed: list[tuple[int, OutgoingEvent]] = []
        self._telling = False
        self.on_committed: Callable[[list[tuple[int, OutgoingEvent]]], None] | None = None
        self.durable, self.watch, self.flush = self._batch.durable, self._batch.watch, self._batch.flush
        self._published = 0
        self._last_event = OutboxRow.select(fn.MAX(OutboxRow.number)).scalar() or 0
        self.accounts: Accounts = {
            (row.account, row.asset): row.amount for row in AccountRow.select().iterator()
        }

    @property
    def database(self) -> Database:
        """For watching its health."""
        return self._database

    def write(self, change: Change) -> None:
        """Write all of it, with its events in the outbox; on the loop's thread.

        Raises:
            IntegrityError: an order, a fill or an entry exists already; nothing was written.
        """
        accounts = self._accounts_after(change.entries)
        actions = self._chain.rows(change.audits, now_ms()) if change.audits else []
        with self._batch.joined():
            for order in change.new_orders:
                self._fast.insert(OrderRow, rows.order_row(order))
            for order in change.orders:
                self._fast.update(OrderRow, order.id, rows.order_changes(order))
            for fill, order in change.fills:
                self._fast.insert(FillRow, rows.fill_row(fill, order))
            self._write_entries(change.entries, accounts)
            for position in change.positions:
                self._write_position(position)
            for protection in change.protections:
                self._write_protection(protection)
            for state in change.states:
                TradingStateRow.insert(**rows.state_row(state)).execute()
            for name, value in change.facts.items():
                self._write_fact(name, value)
            for point in change.equity:
                EquityRow.delete().where(EquityRow.ts_ms == point.ts_ms).execute()
                EquityRow.insert(**rows.equity_row(point)).execute()
            for action in actions:
                self._fast.insert(ActionRow, action)
            for order_id, body in change.decisions.items():
                self._fast.insert(DecisionRow, {"order_id": order_id, "body": body.decode()})
            numbered = self._write_events(change.events)
        self._chain.accept(actions)
        self.accounts.update(accounts)
        self._numbered += numbered

    def _note_committed(self) -> None:
        self._durable_head = (self._chain.number, self._chain.seal)
        self._committed += self._numbered
        self._numbered = []
        if not self._telling:
            self._telling = True
            in_turns(_TURNS_TO_ACT, self._tell_committed)

    def _tell_committed(self) -> None:
        if not self._telling:
            return  # it was closed meanwhile
        self._telling = False
        committed, self._committed = self._committed, []
        if self.on_committed is not None:
            self.on_committed(committed)

    def published(self, number: int) -> None:
        """The event of this number, and all before it, are with the bus; the next commit forgets them."""
        self._published = max(self._published, number)

    def unpublished(self) -> list[tuple[int, OutgoingEvent]]:
        """Events of an earlier life that may not have reached the bus, oldest first."""
        found = []
        for row in OutboxRow.select().order_by(OutboxRow.number):
            message = msgspec.json.decode(row.body, type=SCHEMAS[row.schema_id])
            found.append((row.number, OutgoingEvent(row.topic, message, row.correlation_id)))
        return found

    def open_orders(self) -> list[OrderRecord]:
        query = OrderRow.select().where(OrderRow.state.in_(_OPEN_NAMES))
        return [rows.order_record(row) for row in query]

    def find_order(self, column: str, value: str) -> OrderRecord | None:
        """By id, client_order_id, exchange_order_id or intent_id."""
        row = self._fast.find(OrderRow, column, value)
        return None if row is None else rows.order_record(row)

    def list_orders(
        self, symbol: str | None, open_only: bool, limit: int, older_than: str = ""
    ) -> list[OrderRecord]:
        """Newest first; with an order's id only what comes after it in that sequence."""
        query = OrderRow.select().order_by(OrderRow.created_ms.desc(), OrderRow.id).limit(limit)
        last = self._fast.find(OrderRow, "id", older_than) if older_than else None
        if last is not None:
            same_moment = (OrderRow.created_ms == last.created_ms) & (OrderRow.id > last.id)
            query = query.where((OrderRow.created_ms < last.created_ms) | same_moment)
        if symbol is not None:
            query = query.where(OrderRow.symbol == symbol)
        if open_only:
            query = query.where(OrderRow.state.in_(_OPEN_NAMES))
        return [rows.order_record(row) for row in query]

    def orders_created_since(self, since_ms: int) -> list[int]:
        """Creation times of our own orders."""
        query = OrderRow.select(OrderRow.created_ms).where(
            OrderRow.created_ms >= since_ms, ~OrderRow.external, OrderRow.state != State.DENIED.value
        )
        return sorted(row.created_ms for row in query)

    def has_entry(self, key: str) -> bool:
        """Whether this entry of the ledger is booked."""
        return self._fast.find(EntryRow, "key", key) is not None

    def find_fill(self, key: str) -> FillRecord | None:
        row = self._fast.find(FillRow, "key", key)
        return None if row is None else rows.fill_record(row)

    def list_fills(
        self, symbol: str | None, since_ms: int | None, limit: int, older_than: str = ""
    ) -> Sequence[Any]:
        """Rows, newest first; with a fill's key only what comes after it in that sequence."""
        query = FillRow.select().order_by(FillRow.ts_ms.desc(), FillRow.key.desc()).limit(limit)
        last = self._fast.find(FillRow, "key", older_than) if older_than else None
        if last is not None:
            same_moment = (FillRow.ts_ms == last.ts_ms) & (FillRow.key < last.key)
            query = query.where((FillRow.ts_ms < last.ts_ms) | same_moment)
        if symbol is not None:
            query = query.where(FillRow.symbol == symbol)
        if since_ms is not None:
            query = query.where(FillRow.ts_ms >= since_ms)
        return list(query)

    def counts(self) -> tuple[int, int]:
        """Orders and fills of this home."""
        return OrderRow.select().count(), FillRow.select().count()

    def positions(self) -> list[PositionRecord]:
        return [rows.position_record(row) for row in PositionRow.select()]

    def protections(self) -> list[ProtectionRecord]:
        return [rows.protection_record(row) for row in ProtectionRow.select()]

    def trading_state(self) -> TradingState | None:
        row = TradingStateRow.select().order_by(TradingStateRow.number.desc()).first()
        return None if row is None else rows.state_message(row, self.account)

    def fact(self, name: str) -> str | None:
        row = FactRow.get_or_none(FactRow.name == name)
        return None if row is None else str(row.value)

    def list_equity(self, since_ms: int | None, limit: int, before_ms: int | None = None) -> list[Equity]:
        """Oldest first, the newest `limit` points of that time."""
        query = EquityRow.select().order_by(EquityRow.ts_ms.desc()).limit(limit)
        if since_ms is not None:
            query = query.where(EquityRow.ts_ms >= since_ms)
        if before_ms is not None:
            query = query.where(EquityRow.ts_ms < before_ms)
        return [rows.equity_message(row, self.account) for row in reversed(list(query))]

    def forget_equity_before(self, ts_ms: int) -> None:
        EquityRow.delete().where(EquityRow.ts_ms < ts_ms).execute()

    def actions_are_cut_off(self) -> bool:
        """Whether sealed actions of an earlier life are missing at the end."""

        def seal_of(number: int) -> str:
            row = ActionRow.get_or_none(ActionRow.number == number)
            return "" if row is None else str(row.seal)

        return self._chain.is_cut_off(seal_of)

    def note_head(self) -> None:
        """Note the newest sealed action outside of the database."""
        self._chain.note(*self._durable_head)

    def actions_of(self, subject: str) -> list[Any]:
        """Sealed actions that name this subject, oldest first."""
        return list(ActionRow.select().where(ActionRow.subject == subject).order_by(ActionRow.number))

    def decision(self, order_id: str) -> dict[str, Any] | None:
        """What the limits saw of an order; None for orders that no limit was asked about."""
        row = DecisionRow.get_or_none(DecisionRow.order_id == order_id)
        return None if row is None else msgspec.json.decode(row.body)

    def successor_of(self, order_id: str) -> OrderRecord | None:
        """The order that took the place of this one."""
        row = OrderRow.select().where(OrderRow.replaces == order_id).first() if order_id else None
        return None if row is None else rows.order_record(row)

    def fills_of(self, order_id: str) -> Sequence[Any]:
        """Rows of one order's fills, oldest first."""
        return list(FillRow.select().where(FillRow.order_id == order_id).order_by(FillRow.ts_ms, FillRow.key))

    def verify_actions(self) -> ChainReport:
        """Check the whole chain of actions; takes a while when it is long."""
        return self._chain.verify(ActionRow.select().order_by(ActionRow.number).iterator())

    async def verify_actions_apart(self) -> ChainReport:
        """The same on a thread and connection of its own: the chain may be long."""
        return await self._database.read(self.verify_actions)

    def close(self) -> None:
        self._batch.flush()
        self._tell_committed()
        self.note_head()
        self._database.close()

    def _accounts_after(self, entries: list[Entry]) -> Accounts:
        after: Accounts = {}
        for entry in entries:
            for posting in entry.postings:
                key = (posting.account, posting.asset)
                before = after.get(key, self.accounts.get(key, money.ZERO))
                after[key] = money.add(before, posting.amount)
        return after

    def _write_entries(self, entries: list[Entry], accounts: Accounts) -> None:
        for entry in entries:
            self._fast.insert(EntryRow, {"key": entry.key, "ts_ms": entry.ts_ms})
            for line in entry.postings:
                self._fast.insert(
                    PostingRow,
                    {"entry": entry.key, "account": line.account, "asset": line.asset, "amount": line.amount},
                )
        for (account, asset), amount in accounts.items():
            key = f"{account}|{asset}"
            if not self._fast.update(AccountRow, key, {"amount": amount}):
                row = {"key": key, "account": account, "asset": asset, "amount": amount}
                self._fast.insert(AccountRow, row)

    def _write_position(self, position: PositionRecord) -> None:
        row = rows.position_row(position)
        if not self._fast.update(PositionRow, row["key"], row):
            self._fast.insert(PositionRow, row)

    def _write_protection(self, protection: ProtectionRecord) -> None:
        ProtectionRow.delete().where(ProtectionRow.symbol == protection.symbol).execute()
        if protection.state != ENDED:
            ProtectionRow.insert(**rows.protection_row(protection)).execute()

    def _write_fact(self, name: str, value: str) -> None:
        if not self._fast.update(FactRow, name, {"value": value}):
            self._fast.insert(FactRow, {"name": name, "value": value})

    def _write_events(self, events: list[OutgoingEvent]) -> list[tuple[int, OutgoingEvent]]:
        if self._published:
            self._fast.delete_up_to(OutboxRow.number, self._published)
            self._published = 0
        numbered = []
        for event in events:
            self._last_event += 1
            row = {
                "number": self._last_event,
                "topic": event.topic,
                "schema_id": event.message.SCHEMA_ID,
                "correlation_id": event.correlation_id,
                "body": msgspec.json.encode(event.message).decode(),
            }
            self._fast.insert(OutboxRow, row)
            numbered.append((self._last_event, event))
        return numbered
