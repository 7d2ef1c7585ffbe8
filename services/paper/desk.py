"""The trading desk: carries out what accounts ask, stores it, and only then tells anybody.

Orders are matched in memory at once. Answers and events wait until the commit that holds them is on disk;
whatever else comes meanwhile goes into the next commit, so many orders share one write.
"""

import asyncio
import hmac
import secrets
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from . import storage as db
from . import wire
from .changes import Changes
from .matching import Engine
from .orders import NewOrder, Order, OrderList, PublicTrade, RefusedError, Trade
from .storage import Storage, Write
from .units import parse

_HOUSE, _FEES, _DEPOSITED = "@house", "@fees", "@deposited"
_TRADE_BLOCK = 100_000
"""Trade numbers are reserved in blocks, so that none is given twice after a crash."""


@dataclass(frozen=True, slots=True)
class Account:
    """A customer of the exchange."""

    name: str
    api_key: str
    api_secret: str = field(repr=False)


class Desk:
    """Accounts, orders and their storage.

    Args:
        clock: milliseconds.
        tell: called after a commit with (account, events) in order.
        book_changed: called with a symbol when its book may look different.
        publish: called with the lines of the tape that are public now.
    """

    def __init__(
        self,
        engine: Engine,
        storage: Storage,
        clock: Callable[[], int],
        tell: Callable[[str, list[wire.Json]], None],
    ) -> None:
        self.engine, self.storage, self.clock, self._tell = engine, storage, clock, tell
        self.accounts: dict[str, Account] = {}
        self.by_key: dict[str, Account] = {}
        self.book_changed: Callable[[str], None] = lambda symbol: None
        self.publish: Callable[[list[PublicTrade]], None] = lambda trades: None
        self.failed: BaseException | None = None
        self._writes: list[Write] = []
        self._after: list[Callable[[], None]] = []
        self._waiting: asyncio.Future[None] | None = None
        self._wake = asyncio.Event()
        self._busy = False
        self._reserved = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="paper-storage")

    # the beginning

    def load(self) -> None:
        """Take up everything stored."""
        balances = self.engine.balances
        for name, key, secret in self.storage.accounts():
            self._know(Account(name, key, secret))
        pots = {_HOUSE: balances.house, _FEES: balances.fees, _DEPOSITED: balances.deposited}
        for account, asset, free, locked in self.storage.balances():
            if account in pots:
                pots[account][asset] = free
            else:
                balances.restore(account, asset, free, locked)
        for order in self.storage.open_orders():
            self.engine.restore(order)
        for order_list in self.storage.open_lists():
            self.engine.lists.restore(order_list)
        order_id, trade_id, list_id = self.storage.highest()
        reserved = int(self.storage.facts().get("next_trade_id", "1"))
        self.engine.next_order_id, self.engine.lists.next_id = order_id + 1, list_id + 1
        self.engine.next_trade_id = max(trade_id + 1, reserved)

    def open_account(self, name: str, deposits: dict[str, int]) -> Account:
        """A new account with keys of its own and something to begin with.

        Raises:
            RefusedError: -4001, there is one of this name.
        """
        if name in self.accounts:
            raise RefusedError(-4001, f"Account {name} exists.")
        account = Account(name, secrets.token_hex(32), secrets.token_hex(32))
        self._know(account)
        self._writes.append((db.PUT_ACCOUNT, [(name, account.api_key, account.api_secret)]))
        for asset, amount in deposits.items():
            self.engine.balances.deposit(name, asset, amount)
        self.settle()
        return account

    def deposit(self, account: str, asset: str, amount: int) -> None:
        """Money from outside; below zero it leaves."""
        self.engine.balances.deposit(account, asset, amount)
        now = self.clock()
        self._after.append(lambda: self._tell(account, [wire.balance_update(asset, amount, now)]))
        self.settle()

    def _know(self, account: Account) -> None:
        self.accounts[account.name] = self.by_key[account.api_key] = account
        self.engine.balances.open(account.name)

    def account_of(self, api_key: str) -> Account | None:
        """Whose key it is; compared without telling by its timing how much of it was right."""
        found = self.by_key.get(api_key)
        return found if found is not None and hmac.compare_digest(found.api_key, api_key) else None

    # orders

    def place(self, account: str, request: NewOrder) -> tuple[Order, list[Trade]]:
        """Place an order; it as it is now, and its executions. Await `committed` before answering."""
        order = self.engine.place(account, request, self.clock())
        fills = [t for t in self.engine.changes.trades if t.order_id == order.order_id]
        self.settle()
        self.book_changed(request.symbol)
        return order.copy(), fills

    def place_list(
        self, account: str, above: NewOrder, below: NewOrder, client_id: str
    ) -> tuple[OrderList, list[Order]]:
        """Place both orders of an OCO; the list and its orders as they are now."""
        order_list = self.engine.lists.place(account, above, below, client_id, self.clock())
        return order_list, self._placed(order_list)

    def place_after(
        self, account: str, working: NewOrder, pending: tuple[NewOrder, ...], client_id: str
    ) -> tuple[OrderList, list[Order]]:
        """Place an order and those that wait for it (OTO, OTOCO); the list and its orders as they are now."""
        now = self.clock()
        order_list = self.engine.lists.place_after(account, working, pending, client_id, now)
        self.engine.lists.work_due(now)
        return order_list, self._placed(order_list)

    def _placed(self, order_list: OrderList) -> list[Order]:
        """The orders of a list that was just placed, those that are done already too."""
        changed = self.engine.changes.orders
        placed = [changed[number].copy() for number in order_list.order_ids]
        self.settle()
        self.book_changed(order_list.symbol)
        return placed

    def cancel(self, order: Order, cancel_id: str) -> Order:
        """Cancel an open order; returns it as it is then."""
        self.engine.cancel(order, self.clock(), cancel_id)
        self.settle()
        self.book_changed(order.symbol)
        return order.copy()

    # storing and telling

    def settle(self, extra: Sequence[Write] = ()) -> None:
        """Take what happened in the engine; market data is public at once, the rest after its commit."""
        changes = self.engine.take_changes()
        self._writes.extend(extra)
        self._reserve_trades()
        private = {t.trade_id for t in changes.trades}
        tape = changes.tape
        if not private and not changes.durable():
            if tape:
                self.publish(tape)
        else:
            self._after.append(lambda: self.publish(tape))
        self._collect(changes)
        if self._writes or self._after:
            self._wake.set()

    def _collect(self, changes: Changes) -> None:
        if changes.orders:
            self._writes.append((db.PUT_ORDER, [db.order_row(order) for order in changes.orders.values()]))
        if changes.trades:
            self._writes.append((db.PUT_TRADE, [db.trade_row(trade) for trade in changes.trades]))
        if changes.lists:
            self._writes.append((db.PUT_LIST, [db.list_row(x) for x in changes.lists.values()]))
        touched = self.engine.balances.touched
        if touched:
            self._writes.append((db.PUT_BALANCE, self._balance_rows(touched)))
        events = self._events(changes, touched)
        if events:
            self._after.append(lambda: self._tell_all(events))
        touched.clear()

    def _balance_rows(self, touched: set[tuple[str, str]]) -> list[tuple[str, str, int, int]]:
        balances = self.engine.balances
        rows = [(a, x, balances.free(a, x), balances.locked(a, x)) for a, x in sorted(touched)]
        for name, pot in ((_HOUSE, balances.house), (_FEES, balances.fees), (_DEPOSITED, balances.deposited)):
            rows += [(name, asset, amount, 0) for asset, amount in pot.items()]
        return rows

    def _events(self, changes: Changes, touched: set[tuple[str, str]]) -> dict[str, list[wire.Json]]:
        """Events for each account: its reports, its lists, then its balances."""
        now, balances = self.clock(), self.engine.balances
        events: dict[str, list[wire.Json]] = {}
        for report in changes.reports:
            events.setdefault(report.order.account, []).append(wire.execution_report(report, now))
        for order_list in changes.lists.values():
            events.setdefault(order_list.account, []).append(wire.list_status(order_list, now))
        for account in {a for a, _ in touched} & (set(events) | set(self.accounts)):
            assets = sorted(asset for a, asset in touched if a == account)
            rows = [(x, balances.free(account, x), balances.locked(account, x)) for x in assets]
            events.setdefault(account, []).append(wire.account_position(rows, now, now))
        return events

    def _tell_all(self, events: dict[str, list[wire.Json]]) -> None:
        for account, news in events.items():
            self._tell(account, news)

    def _reserve_trades(self) -> None:
        if self.engine.next_trade_id + _TRADE_BLOCK // 2 > self._reserved:
            self._reserved = self.engine.next_trade_id + _TRADE_BLOCK
            self._writes.append((db.PUT_FACT, [("next_trade_id", str(self._reserved))]))

    async def committed(self) -> None:
        """Return when everything that happened up to now is on disk."""
        if self.failed is not None:
            raise self.failed
        if not self._writes and not self._after and not self._busy:
            return
        if self._waiting is None:
            self._waiting = asyncio.get_running_loop().create_future()
        self._wake.set()
        await asyncio.shield(self._waiting)

    async def run(self) -> None:
        """Commit what comes, for ever. Fails when the disk does: then nothing can be promised any more."""
        loop = asyncio.get_running_loop()
        while True:
            await self._wake.wait()
            self._wake.clear()
            writes, self._writes = self._writes, []
            after, self._after = self._after, []
            waiting, self._waiting = self._waiting, None
            self._busy = True
            try:
                if writes:
                    await loop.run_in_executor(self._thread, self.storage.write, writes)
            except BaseException as error:
                self.failed = error
                if waiting is not None and not waiting.done():
                    waiting.set_exception(error)
                raise
            finally:
                self._busy = False
            for action in after:
                action()
            if waiting is not None and not waiting.done():
                waiting.set_result(None)

    def finish(self) -> None:
        """Write what is left; call when `run` has ended."""
        if self.failed is None and self._writes:
            self._thread.submit(self.storage.write, self._writes).result()
            self._writes = []
        self._thread.shutdown()


def deposits(balances: dict[str, object]) -> dict[str, int]:
    """The settings' balances in units."""
    return {asset: parse(str(amount)) for asset, amount in balances.items()}


def now_ms() -> int:
    """The machine's clock."""
    return time.time_ns() // 1_000_000
