"""Records as rows and messages, and back."""

import json
from collections import deque
from dataclasses import asdict, fields
from decimal import Decimal
from typing import Any

from ...bus.contracts.trade import Equity, Fill, Order, Position, Protection, TradingState
from .order import FillRecord, OrderRecord
from .positions import Lot, PositionRecord
from .protection_plan import ProtectionRecord
from .states import State

_ORDER_FIELDS = tuple(field.name for field in fields(OrderRecord))
_FILL_FIELDS = tuple(field.name for field in fields(FillRecord))
_TOLD_OF_FILL = tuple(name for name in Fill.__struct_fields__ if name != "account")
_CHANGING = (
    "exchange_order_id",
    "state",
    "amount",
    "price",
    "stop_price",
    "filled",
    "cost",
    "told_status",
    "told_filled",
    "told_ms",
    "reason",
    "sent_ms",
    "updated_ms",
    "misses",
    "incomplete",
)


def order_row(order: OrderRecord) -> dict[str, Any]:
    row = {name: getattr(order, name) for name in _ORDER_FIELDS}
    row["state"], row["intent_id"] = order.state.value, order.intent_id or None
    return row


def order_changes(order: OrderRecord) -> dict[str, Any]:
    """What may change after the first writing."""
    row = {name: getattr(order, name) for name in _CHANGING}
    row["state"] = order.state.value
    return row


def order_record(row: Any) -> OrderRecord:
    values = {name: getattr(row, name) for name in _ORDER_FIELDS}
    values["state"], values["intent_id"] = State(row.state), row.intent_id or ""
    return OrderRecord(**values)


def order_message(order: OrderRecord, account: str) -> Order:
    return Order(
        id=order.id,
        client_order_id=order.client_order_id,
        exchange_order_id=order.exchange_order_id,
        intent_id=order.intent_id,
        source=order.source,
        exchange=order.exchange,
        symbol=order.symbol,
        side=order.side,
        type=order.type,
        state=order.state.value,
        amount=order.amount,
        filled=order.filled,
        remaining=order.remaining,
        price=order.price,
        stop_price=order.stop_price,
        average=order.average,
        cost=order.cost,
        time_in_force=order.time_in_force,
        reduce_only=order.reduce_only,
        reason=order.reason,
        candle_open_ms=order.candle_open_ms,
        created_ms=order.created_ms,
        updated_ms=order.updated_ms,
        list_id=order.list_id,
        replaces=order.replaces,
        account=account,
    )


def fill_row(fill: FillRecord, order: OrderRecord) -> dict[str, Any]:
    row = {name: getattr(fill, name) for name in _FILL_FIELDS}
    return row | {"key": fill.key, "client_order_id": order.client_order_id, "source": order.source}


def fill_record(row: Any) -> FillRecord:
    return FillRecord(**{name: getattr(row, name) for name in _FILL_FIELDS})


def fill_message(row: dict[str, Any], account: str) -> Fill:
    """From `fill_row`'s dictionary."""
    return Fill(**{name: row[name] for name in _TOLD_OF_FILL}, account=account)


def fill_message_of(row: Any, account: str) -> Fill:
    """From a row of the table."""
    return Fill(**{name: getattr(row, name) for name in _TOLD_OF_FILL}, account=account)


def position_row(position: PositionRecord) -> dict[str, Any]:
    return {
        "key": f"{position.exchange}|{position.symbol}",
        "exchange": position.exchange,
        "symbol": position.symbol,
        "amount": position.amount,
        "cost": position.cost,
        "realised": position.realised,
        "realised_fifo": position.realised_fifo,
        "fees": position.fees,
        "updated_ms": position.updated_ms,
        "lots": json.dumps([[str(lot.amount), str(lot.cost)] for lot in position.lots]),
    }


def position_record(row: Any) -> PositionRecord:
    return PositionRecord(
        exchange=row.exchange,
        symbol=row.symbol,
        amount=row.amount,
        cost=row.cost,
        realised=row.realised,
        realised_fifo=row.realised_fifo,
        fees=row.fees,
        updated_ms=row.updated_ms,
        lots=deque(Lot(Decimal(amount), Decimal(cost)) for amount, cost in json.loads(row.lots)),
    )


def position_message(position: PositionRecord, price: Decimal | None, account: str) -> Position:
    return Position(
        exchange=position.exchange,
        symbol=position.symbol,
        amount=position.amount,
        average=position.average,
        realised_pnl=position.realised,
        unrealised_pnl=position.unrealised(price),
        fees=position.fees,
        updated_ms=position.updated_ms,
        realised_pnl_fifo=position.realised_fifo,
        account=account,
    )


def protection_row(protection: ProtectionRecord) -> dict[str, Any]:
    return asdict(protection)


def protection_record(row: Any) -> ProtectionRecord:
    return ProtectionRecord(**{field.name: getattr(row, field.name) for field in fields(ProtectionRecord)})


def protection_message(protection: ProtectionRecord, account: str) -> Protection:
    return Protection(
        exchange=protection.exchange,
        symbol=protection.symbol,
        stop_price=protection.stop_price,
        take_profit=protection.take_profit,
        take_profit_amount=protection.take_profit_amount,
        trailing_percent=protection.trailing_percent,
        stop_order_id=protection.leg,
        target_order_id=protection.target_leg,
        state=protection.state,
        actor=protection.actor,
        account=account,
    )


def state_row(state: TradingState) -> dict[str, Any]:
    return {
        "state": state.state,
        "reason": state.reason,
        "actor": state.actor,
        "since_ms": state.since_ms,
    }


def state_message(row: Any, account: str) -> TradingState:
    return TradingState(
        state=row.state, reason=row.reason, actor=row.actor, since_ms=row.since_ms, account=account
    )


def equity_row(point: Equity) -> dict[str, Any]:
    return {
        "ts_ms": point.ts_ms,
        "exchange": point.exchange,
        "currency": point.currency,
        "equity": point.equity,
        "start_equity": point.start_equity,
        "realised": point.realised_pnl,
        "unrealised": point.unrealised_pnl,
    }


def equity_message(row: Any, account: str) -> Equity:
    return Equity(
        exchange=row.exchange,
        currency=row.currency,
        equity=row.equity,
        start_equity=row.start_equity,
        realised_pnl=row.realised,
        unrealised_pnl=row.unrealised,
        ts_ms=row.ts_ms,
        account=account,
    )
