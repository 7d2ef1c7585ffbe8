"""What survives `kill -9`: accounts, balances, orders, trades, the place in the recording. One SQLite file.

A commit is on disk (synchronous=FULL) before it returns. Rows are prepared by the caller's thread, written by
another; reads use a connection of their own.
"""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ...configs.errors import StartError
from .orders import EXECUTING, Order, OrderList, Trade

FILE = "paper.sqlite"
_VERSION = 2
_CHECKED_BYTES = 16 * 1024 * 1024
Connect = Callable[[Path], sqlite3.Connection]
_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS accounts (
    name TEXT PRIMARY KEY, api_key TEXT NOT NULL UNIQUE, api_secret TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS balances (
    account TEXT NOT NULL, asset TEXT NOT NULL, free INTEGER NOT NULL, locked INTEGER NOT NULL,
    PRIMARY KEY (account, asset)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS orders (
    order_id INTEGER PRIMARY KEY, account TEXT NOT NULL, symbol TEXT NOT NULL, client_id TEXT NOT NULL,
    open INTEGER NOT NULL, created_ms INTEGER NOT NULL, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS orders_by_account ON orders (account, symbol, order_id);
CREATE INDEX IF NOT EXISTS orders_by_client ON orders (account, symbol, client_id);
CREATE INDEX IF NOT EXISTS orders_open ON orders (order_id) WHERE open = 1;
CREATE TABLE IF NOT EXISTS trades (
    trade_id INTEGER NOT NULL, order_id INTEGER NOT NULL, account TEXT NOT NULL, symbol TEXT NOT NULL,
    time_ms INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (trade_id, order_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS trades_by_account ON trades (account, symbol, trade_id);
CREATE INDEX IF NOT EXISTS trades_by_order ON trades (order_id);
CREATE TABLE IF NOT EXISTS segments (
    slot INTEGER PRIMARY KEY, number INTEGER NOT NULL, count INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS lists (
    list_id INTEGER PRIMARY KEY, account TEXT NOT NULL, body BLOB NOT NULL, open INTEGER NOT NULL DEFAULT 1);
CREATE INDEX IF NOT EXISTS lists_open ON lists (list_id) WHERE open = 1;
"""
_TO_VERSION_2 = "ALTER TABLE lists ADD COLUMN open INTEGER NOT NULL DEFAULT 1"

Write = tuple[str, Sequence[Sequence[Any]]]
"""One statement and the rows to run it with."""

PUT_FACT = "INSERT OR REPLACE INTO facts VALUES (?, ?)"
PUT_ACCOUNT = "INSERT INTO accounts VALUES (?, ?, ?)"
PUT_BALANCE = "INSERT OR REPLACE INTO balances VALUES (?, ?, ?, ?)"
PUT_ORDER = "INSERT OR REPLACE INTO orders VALUES (?, ?, ?, ?, ?, ?, ?)"
PUT_TRADE = "INSERT OR REPLACE INTO trades VALUES (?, ?, ?, ?, ?, ?)"
PUT_SEGMENT = "INSERT OR REPLACE INTO segments VALUES (?, ?, ?)"
DROP_SEGMENTS = "DELETE FROM segments"
PUT_LIST = "INSERT OR REPLACE INTO lists VALUES (?, ?, ?, ?)"

_ORDERS = (
    "SELECT body FROM orders WHERE account = ? AND symbol = ? AND order_id >= ?"
    " AND created_ms BETWEEN ? AND ? ORDER BY order_id {} LIMIT ?"
)
_TRADES = (
    "SELECT body FROM trades WHERE account = ? AND symbol = ? AND trade_id >= ?"
    " AND time_ms BETWEEN ? AND ? AND (? = 0 OR order_id = ?) ORDER BY trade_id {} LIMIT ?"
)
_ORDERS_OLDEST, _ORDERS_NEWEST = _ORDERS.format("ASC"), _ORDERS.format("DESC")
_TRADES_OLDEST, _TRADES_NEWEST = _TRADES.format("ASC"), _TRADES.format("DESC")

_order = msgspec.json.Decoder(Order)
_trade = msgspec.json.Decoder(Trade)
_list = msgspec.json.Decoder(OrderList)


def order_row(order: Order) -> tuple[Any, ...]:
    return (
        order.order_id, order.account, order.symbol, order.client_id, int(order.open), order.created_ms,
        msgspec.json.encode(order),
    )  # fmt: skip


def trade_row(trade: Trade) -> tuple[Any, ...]:
    return (
        trade.trade_id, trade.order_id, trade.account, trade.symbol, trade.time_ms, msgspec.json.encode(trade)
    )  # fmt: skip


def list_row(order_list: OrderList) -> tuple[Any, ...]:
    body = msgspec.json.encode(order_list)
    return order_list.list_id, order_list.account, body, int(order_list.status == EXECUTING)


class Storage:
    """The file of one paper exchange."""

    def __init__(self, folder: Path, connect: Connect | None = None) -> None:
        """Open or make the file.

        Args:
            connect: opens it, where it is encrypted.

        Raises:
            StartError: it cannot be opened, is damaged, or was written by a newer program.
        """
        path = folder / FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._writer = _tuned((connect or _connect)(path))
            _refuse_damaged(self._writer, path)
            version = self._writer.execute("PRAGMA user_version").fetchone()[0]
            if version > _VERSION:
                raise StartError(
                    f"{path} was written by a newer version of the program; update it, or use another home."
                )
            columns = {row[1] for row in self._writer.execute("PRAGMA table_info(lists)")}
            if columns and "open" not in columns:
                self._writer.execute(_TO_VERSION_2)
            self._writer.executescript(_SCHEMA)
            self._writer.execute(f"PRAGMA user_version = {_VERSION}")
            self._writer.commit()
            self._reader = _tuned((connect or _connect)(path))
        except (OSError, sqlite3.Error) as error:
            full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
            advice = (
                "Make room on its disk, then `cryptobot start paper`."
                if full
                else "Move it away to begin with a new account, or restore a backup."
            )
            raise StartError(
                f"The paper exchange's file {path} cannot be used ({error}). {advice}"
            ) from error

    def write(self, writes: Sequence[Write]) -> None:
        """Commit all of them or none. Called from the writing thread."""
        with self._writer:
            for statement, rows in writes:
                self._writer.executemany(statement, rows)

    def close(self) -> None:
        self._writer.close()
        self._reader.close()

    def facts(self) -> dict[str, str]:
        return dict(self._reader.execute("SELECT name, value FROM facts"))

    def accounts(self) -> list[tuple[str, str, str]]:
        """(name, api key, api secret), oldest first."""
        return self._reader.execute("SELECT name, api_key, api_secret FROM accounts").fetchall()

    def balances(self) -> list[tuple[str, str, int, int]]:
        return self._reader.execute("SELECT account, asset, free, locked FROM balances").fetchall()

    def segments(self) -> list[tuple[int, int, int]]:
        """(first slot of time, first number in the recording, candles), in the order of time."""
        return self._reader.execute("SELECT slot, number, count FROM segments ORDER BY slot").fetchall()

    def open_orders(self) -> list[Order]:
        rows = self._reader.execute("SELECT body FROM orders WHERE open = 1 ORDER BY order_id")
        return [_order.decode(body) for (body,) in rows]

    def order_lists(self, account: str, limit: int) -> list[OrderList]:
        """The newest order lists of an account, oldest first."""
        query = "SELECT body FROM lists WHERE account = ? ORDER BY list_id DESC LIMIT ?"
        rows = self._reader.execute(query, (account, limit)).fetchall()
        return [_list.decode(body) for (body,) in reversed(rows)]

    def open_lists(self) -> list[OrderList]:
        """All lists that are not done."""
        rows = self._reader.execute("SELECT body FROM lists WHERE open = 1 ORDER BY list_id")
        return [_list.decode(body) for (body,) in rows]

    def highest(self) -> tuple[int, int, int]:
        """Highest order, trade and list numbers ever given."""
        order = self._reader.execute("SELECT coalesce(max(order_id), 0) FROM orders").fetchone()[0]
        trade = self._reader.execute("SELECT coalesce(max(trade_id), 0) FROM trades").fetchone()[0]
        order_list = self._reader.execute("SELECT coalesce(max(list_id), 0) FROM lists").fetchone()[0]
        return order, trade, order_list

    def order(self, account: str, symbol: str, order_id: int, client_id: str) -> Order | None:
        """By number, or the newest by the client's name."""
        if order_id:
            rows = self._reader.execute(
                "SELECT body FROM orders WHERE order_id = ? AND account = ? AND symbol = ?",
                (order_id, account, symbol),
            )
        else:
            rows = self._reader.execute(
                "SELECT body FROM orders WHERE account = ? AND symbol = ? AND client_id = ?"
                " ORDER BY order_id DESC LIMIT 1",
                (account, symbol, client_id),
            )
        row = rows.fetchone()
        return None if row is None else _order.decode(row[0])

    def orders(
        self, account: str, symbol: str, *, from_id: int | None, since_ms: int, until_ms: int, limit: int
    ) -> list[Order]:
        """Oldest first: from a number on (0 is the very first), or the newest within a time."""
        newest = from_id is None and not since_ms
        values = (account, symbol, from_id or 0, since_ms, until_ms or 2**62, limit)
        rows = self._reader.execute(_ORDERS_NEWEST if newest else _ORDERS_OLDEST, values).fetchall()
        found = [_order.decode(body) for (body,) in rows]
        return found[::-1] if newest else found

    def trades(
        self,
        account: str,
        symbol: str,
        *,
        order_id: int,
        from_id: int | None,
        since_ms: int,
        until_ms: int,
        limit: int,
    ) -> list[Trade]:
        """Oldest first: from a number on (0 is the very first), of one order, or the newest within a time."""
        newest = from_id is None and not since_ms and not order_id
        values = (account, symbol, from_id or 0, since_ms, until_ms or 2**62, order_id, order_id, limit)
        rows = self._reader.execute(_TRADES_NEWEST if newest else _TRADES_OLDEST, values).fetchall()
        found = [_trade.decode(body) for (body,) in rows]
        return found[::-1] if newest else found


def _refuse_damaged(connection: sqlite3.Connection, path: Path) -> None:
    """Small files are read whole; large ones would hold up the start."""
    if path.stat().st_size <= _CHECKED_BYTES:
        finding = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if finding != "ok":
            raise sqlite3.DatabaseError(" ".join(str(finding).split()))


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, check_same_thread=False, timeout=5.0)


def _tuned(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection
