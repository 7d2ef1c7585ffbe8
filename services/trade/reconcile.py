"""Keeping in step with the venue: at start, after every break of a stream, and now and then.

Nothing is assumed from silence: a fill exists only when the venue lists it; a comparison that failed changes
nothing but forbids entries. Single orders are asked for in questions.py.
"""

import asyncio
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import structlog

from ...bus.contracts.trade import LedgerDifference, LedgerReport
from ...configs.errors import ConnectorError
from ..connectors.venue import Venue, VenueTrade
from . import ledger, money
from .account import Account
from .booking import Booking
from .clock import now_ms
from .questions import Questions
from .states import AT_VENUE
from .store import TradeStore

ORPHAN_TRIES = 20
"""A fill whose order the venue denies is looked at so often before it is given up."""
_RETRY_FIRST_S, _RETRY_MOST_S = 0.5, 15.0
_COMPARE_TRIES = 4
_COMPARE_PAUSE_S = 0.3


class Reconciler:
    """Compares orders, fills and balances with the venue and books what is missing.

    Args:
        symbols: markets whose trades are always looked at.
        resend_cancel: called with the id of an order whose cancel must be repeated.
    """

    def __init__(
        self,
        account: Account,
        store: TradeStore,
        booking: Booking,
        log: structlog.typing.FilteringBoundLogger,
        *,
        symbols: list[str],
        interval_s: float,
        resend_cancel: Callable[[str], None],
    ) -> None:
        self._account, self._store, self._booking, self._log = account, store, booking, log
        self._symbols, self._interval_s = symbols, interval_s
        self.venue: Venue | None = None
        self.questions = Questions(
            account, booking, log, venue=lambda: self.venue, fetch_fills=self.fetch_missed_fills,
            resend_cancel=resend_cancel,
        )  # fmt: skip
        self.in_step = False
        self._alarmed = False
        self.first_done = asyncio.Event()
        self._wanted = asyncio.Event()
        self._orphans: dict[str, int] = {}
        self._pass_lock = asyncio.Lock()

    def want(self) -> None:
        """Compare as soon as possible."""
        self._wanted.set()

    async def run(self) -> None:
        """Passes over everything: when wanted, and every interval."""
        retry_s = _RETRY_FIRST_S
        while True:
            self._wanted.clear()
            try:
                await self.full_pass()
            except ConnectorError as error:
                self._fell_out_of_step(str(error))
                pause_s, retry_s = retry_s, min(retry_s * 2, _RETRY_MOST_S)
            else:
                pause_s, retry_s = self._interval_s, _RETRY_FIRST_S
            try:
                await asyncio.wait_for(self._wanted.wait(), pause_s)
            except TimeoutError:
                continue

    async def full_pass(self) -> None:
        """Orders, then fills, then balances.

        Raises:
            ConnectorError: the venue did not answer; what was booked until then stays.
        """
        async with self._pass_lock:
            venue = self._need_venue()
            if self._store.fact(self._fact("opened")) is None:
                await self._open_books(venue)
            await self._compare_orders(venue)
            await self.fetch_missed_fills(venue)
            differences = await self._compare_balances(venue)
            self._judge_balances(differences)
        if not self.in_step:
            self._log.info("in step with the venue", open_orders=len(self._account.orders))
        if self._alarmed:
            self._booking.alert("out-of-step", "error", "In step with the venue again", "", recovered=True)
        self.in_step, self._alarmed = True, False
        self.first_done.set()

    async def verify(self) -> LedgerReport:
        """The ledger held against the venue now.

        Raises:
            ConnectorError: the venue did not answer.
        """
        async with self._pass_lock:
            venue = self._need_venue()
            await self._compare_orders(venue)
            await self.fetch_missed_fills(venue)
            differences = await self._compare_balances(venue)
        counted_orders, fills = self._store.counts()
        unknown = sum(order.outcome_unknown or order.incomplete for order in self._account.orders.values())
        return LedgerReport(
            equal=not differences,
            differences=differences,
            orders=counted_orders,
            fills=fills,
            open_orders=len(self._account.orders),
            unknown_orders=unknown,
        )

    async def adopt_differences(self, actor: str, reason: str) -> LedgerReport:
        """Book what differs now as money from outside; a person says so.

        Raises:
            ConnectorError: the venue did not answer.
        """
        report = await self.verify()
        changes = {one.asset: money.subtract(one.venue, one.ledger) for one in report.differences}
        if changes:
            told = "; ".join(f"{asset} {amount}" for asset, amount in changes.items())
            self._booking.audit(actor, "adopt differences", told, reason)
            moment = now_ms()
            entry = ledger.external_entry(self._account.exchange, f"adopted|{moment}", changes, moment)
            self._booking.book_entry(entry, {})
            report = await self.verify()
        self._judge_balances(report.differences)
        return report

    async def fetch_missed_fills(self, venue: Venue) -> None:
        """Book every execution since the last one that was listed."""
        for symbol in self._symbols_of_interest():
            while await self._fetch_page(venue, symbol):
                pass

    async def _open_books(self, venue: Venue) -> None:
        """First start: what the venue holds becomes the opening balance. Repeated until no fill falls
        between.
        """
        while True:
            before = {symbol: await self._last_trade(venue, symbol) for symbol in self._symbols}
            balances = await venue.fetch_balance()
            open_orders = await venue.fetch_open_orders()
            after = {symbol: await self._last_trade(venue, symbol) for symbol in self._symbols}
            if before == after:
                break
        started = now_ms()
        totals = {asset: balance.total for asset, balance in balances.items()}
        facts = {self._fact("opened"): str(started)}
        for symbol, last in after.items():
            facts[self._cursor(symbol)] = json.dumps({"id": last, "ts_ms": started})
        self._booking.book_entry(ledger.opening_entry(self._account.exchange, totals, started), facts)
        self._log.info(
            "books opened", balances={asset: str(total) for asset, total in totals.items() if total}
        )
        for order in open_orders:
            self._booking.adopt(order, before_us=True)

    async def _last_trade(self, venue: Venue, symbol: str) -> str:
        trades = await venue.fetch_my_trades(symbol)
        return trades[-1].id if trades else ""

    async def _compare_orders(self, venue: Venue) -> None:
        asked_ms = now_ms()
        listed = {order.id: order for order in await venue.fetch_open_orders()}
        for news in listed.values():
            if self._booking.told(news) is None:
                self._booking.adopt(news, before_us=False)
        for order in list(self._account.orders.values()):
            sent_long_ago = order.sent_ms < asked_ms and order.state in AT_VENUE
            if sent_long_ago and order.exchange_order_id not in listed:
                self.questions.ask_for(order.id)

    async def _fetch_page(self, venue: Venue, symbol: str) -> bool:
        """Book one page of executions; whether there may be another."""
        known = self._store.fact(self._cursor(symbol))
        if known is None:
            # A symbol that was not watched when the books were opened: what is older is in the opening
            # balances.
            cursor: dict[str, Any] = {
                "id": "",
                "ts_ms": int(self._store.fact(self._fact("opened")) or now_ms()),
            }
            from_id = ""
        else:
            cursor = json.loads(known)
            from_id = str(int(cursor["id"]) + 1) if cursor["id"].isdigit() else "0"
        trades = await venue.fetch_my_trades(symbol, cursor["ts_ms"], from_id)
        # What cannot be booked yet is listed again: the cursor stays before it.
        booked = [await self._book_listed(venue, trade) for trade in trades]
        done = booked.index(False) if False in booked else len(trades)
        if done and trades[done - 1].id != cursor["id"]:
            last = {"id": trades[done - 1].id, "ts_ms": trades[done - 1].ts_ms}
            self._booking.note_fact(self._cursor(symbol), json.dumps(last))
            return done == len(trades) >= venue.capabilities.trade_limit
        return False

    async def _book_listed(self, venue: Venue, trade: VenueTrade) -> bool:
        """Book an execution; False when the venue does not know its order, which may be a passing fault."""
        order = self._account.find(client_id=trade.client_id, exchange_order_id=trade.order_id)
        if order is None:
            # Ours, if its answer was lost; else somebody else's. The venue knows by which name it was placed.
            news = await venue.fetch_order(trade.symbol, "", trade.order_id)
            if news is None:
                tries = self._orphans[trade.id] = self._orphans.get(trade.id, 0) + 1
                if tries < ORPHAN_TRIES:
                    return False
                self._booking.alert(
                    f"orphan:{trade.symbol}:{trade.id}",
                    "error",
                    "The venue lists a fill of an order that it does not know",
                    f"{trade.symbol} trade {trade.id} of order {trade.order_id}; it is not booked.",
                )
                return True
            order = self._booking.told(news) or self._booking.adopt(news, before_us=False)
        self._orphans.pop(trade.id, None)
        self._booking.filled(trade, self._account.find(order_id=order.id) or order)
        return True

    async def _compare_balances(self, venue: Venue) -> list[LedgerDifference]:
        """Differences that stay when everything that is under way has been booked."""
        differences: list[LedgerDifference] = []
        for attempt in range(_COMPARE_TRIES):
            if attempt:
                await asyncio.sleep(_COMPARE_PAUSE_S)
                await self.fetch_missed_fills(venue)
            balances = await venue.fetch_balance()
            totals = {asset: balance.total for asset, balance in balances.items()}
            differences = self._differences(totals)
            if not differences:
                return []
        return differences

    def _differences(self, totals: dict[str, Decimal]) -> list[LedgerDifference]:
        found = []
        for asset in sorted({*totals, *self._account.assets()}):
            ours, theirs = self._account.total(asset), totals.get(asset, money.ZERO)
            if ours != theirs:
                found.append(LedgerDifference(asset=asset, ledger=ours, venue=theirs))
        return found

    def _judge_balances(self, differences: list[LedgerDifference]) -> None:
        told = self._store.fact(self._fact("differs"))
        if differences:
            detail = "; ".join(f"{d.asset}: ledger {d.ledger}, venue {d.venue}" for d in differences)
            if told != detail:
                self._booking.alert("ledger", "error", "The ledger differs from the venue", detail)
                self._booking.note_fact(self._fact("differs"), detail)
        elif told:
            self._booking.alert("ledger", "error", "The ledger equals the venue again", "", recovered=True)
            self._booking.note_fact(self._fact("differs"), "")

    def _fell_out_of_step(self, reason: str) -> None:
        if not self._alarmed:
            self._alarmed = True
            self._booking.alert(
                "out-of-step",
                "error",
                "The venue cannot be compared with; no entries until it can",
                reason,
            )
        self._log.warning("comparison failed", reason=reason)
        self.in_step = False

    def _symbols_of_interest(self) -> list[str]:
        held = [position.symbol for position in self._account.positions.values() if position.amount]
        open_ = [order.symbol for order in self._account.orders.values()]
        return list(dict.fromkeys([*self._symbols, *held, *open_]))

    def _need_venue(self) -> Venue:
        if self.venue is None:
            raise ConnectorError("there is no connection to the venue yet")
        return self.venue

    def _fact(self, name: str) -> str:
        return f"{name}|{self._account.exchange}"

    def _cursor(self, symbol: str) -> str:
        return self._fact(f"trades|{symbol}")
