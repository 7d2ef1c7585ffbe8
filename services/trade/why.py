"""Why an order was made and what became of it, from what is on disk: trade's database and the bus's journal.

Runs in the process of a command, whether or not the platform does; it changes nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from ...bus import topics
from ...bus.contracts.trade import ActionsReport
from ...bus.replay import replay
from ...configs import snapshot
from ...configs.accounts import MAIN, account_of, names, service_of
from ...configs.errors import CryptoBotError, NotRunningError
from ...configs.paths import Home
from ...configs.schema import DatabaseSettings
from ..database.target import FileTarget, target_of
from . import rows
from .order import OrderRecord
from .store import TradeStore

_NAMES = ("id", "client_order_id", "exchange_order_id", "intent_id")
_BEFORE_NS = 120_000_000_000
_AFTER_NS = 5_000_000_000
_LATER_NS = 60_000_000_000


def explain(home: Home, name: str) -> dict[str, Any]:
    """The chain of an order: candle, signal, limits, order, fills, and the sealed actions about it.

    What the journal no longer holds is None (candle, signal) or empty (states).

    Args:
        name: the order's id, client order id, the venue's id, or the id of its intent.

    Raises:
        CryptoBotError: there is no such order.
    """
    for account in _accounts(home):
        with _books(home, account) as store:
            order = None if store is None else _find(store, name)
            if store is not None and order is not None:
                return _explained(home, store, order)
    raise CryptoBotError(
        f"This home has no order {name}; `cryptobot orders --json` lists them with their ids."
    )


def _explained(home: Home, store: TradeStore, order: OrderRecord) -> dict[str, Any]:
    successor = store.successor_of(order.id)
    return {
        "order": _plain(rows.order_message(order, store.account)),
        "candle": _candle(home, order),
        "signal": _signal(home, order),
        "limits": store.decision(order.id),
        "states": _states(home, order),
        "fills": [_plain(rows.fill_message_of(row, store.account)) for row in store.fills_of(order.id)],
        "actions": [
            {"number": row.number, "ts_ms": row.ts_ms, "actor": row.actor, "action": row.action,
             "detail": row.detail, "ok": bool(row.ok)}
            for row in store.actions_of(order.id)
        ],
        "replaced_by": "" if successor is None else successor.id,
    }  # fmt: skip


def verify(home: Home) -> ActionsReport:
    """Check the chains of trading actions as they lie in the databases: the first that is wrong, else all."""
    entries = 0
    for account in _accounts(home):
        with _books(home, account) as store:
            if store is None:
                continue
            found = store.verify_actions()
        entries += found.entries
        if not found.ok:
            where = "" if account == MAIN else f"in the account {account}, "
            return ActionsReport(
                ok=False, entries=entries, wrong_number=found.wrong_number, reason=where + found.reason
            )
    return ActionsReport(ok=True, entries=entries)


def _accounts(home: Home) -> list[str]:
    """Those of the settings, and those whose database is still there."""
    files = sorted(home.databases.glob(f"{service_of('*')}.sqlite"))
    kept = [account_of(path.stem) for path in files]
    try:
        named = names(snapshot.read(home))
    except NotRunningError:
        named = [MAIN]
    return list(dict.fromkeys([*named, *kept]))


@contextmanager
def _books(home: Home, account: str) -> Iterator[TradeStore | None]:
    """The database of an account; None when it never traded."""
    try:
        settings = snapshot.read(home).database
    except NotRunningError:
        settings = DatabaseSettings()
    target = target_of(home, service_of(account), settings)
    if isinstance(target, FileTarget) and not target.path.exists():
        yield None
        return
    store = TradeStore(home, account)
    try:
        yield store
    finally:
        store.close()


def _find(store: TradeStore, name: str) -> OrderRecord | None:
    found = (store.find_order(column, name) for column in _NAMES)
    return next((order for order in found if order is not None), None)


def _plain(message: msgspec.Struct) -> dict[str, Any]:
    built: dict[str, Any] = msgspec.to_builtins(message, enc_hook=str)
    return built


def _candle(home: Home, order: OrderRecord) -> dict[str, Any] | None:
    """The finished candle that the decision was made on."""
    if not order.candle_open_ms:
        return None
    prefix = f"{topics.CANDLES}{topics.part(order.exchange)}.{topics.part(order.symbol)}."
    newest = None
    for message in _around(home, prefix, order):
        payload = message["payload"]
        if payload.get("open_ms") == order.candle_open_ms and payload.get("closed"):
            newest = payload | {"ts_ms": message["ts_ns"] // 1_000_000}
    return newest


def _signal(home: Home, order: OrderRecord) -> dict[str, Any] | None:
    for message in _around(home, topics.SIGNALS, order):
        payload = message["payload"]
        if payload.get("intent_id") == order.intent_id != "":
            return dict(payload) | {"ts_ms": message["ts_ns"] // 1_000_000}
    return None


def _around(home: Home, prefix: str, order: OrderRecord) -> Iterator[dict[str, Any]]:
    """Journalled messages of the time in which an order was made."""
    made_ns = order.created_ms * 1_000_000
    found = replay(home, prefix, from_ns=made_ns - _BEFORE_NS, to_ns=made_ns + _AFTER_NS)
    return (message for message in found if isinstance(message["payload"], dict))


def _states(home: Home, order: OrderRecord) -> list[dict[str, Any]]:
    """The order's states as they were told, oldest first."""
    begin, end = order.created_ms * 1_000_000 - _LATER_NS, order.updated_ms * 1_000_000 + _LATER_NS
    told: list[dict[str, Any]] = []
    for message in replay(home, topics.ORDERS, from_ns=begin, to_ns=end):
        payload = message["payload"]
        if not isinstance(payload, dict) or payload.get("id") != order.id:
            continue
        state = {name: payload.get(name) for name in ("state", "filled", "reason")}
        if not told or any(told[-1][name] != value for name, value in state.items()):
            told.append(state | {"ts_ms": message["ts_ns"] // 1_000_000})
    return told
