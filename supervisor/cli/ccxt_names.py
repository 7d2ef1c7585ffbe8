"""Trade's messages under the field names of ccxt, which people and programs already know.

Money is text. What ccxt has no name for keeps ours: `state` (docs/orders.md), `intentId`, `localId`.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from ...bus.contracts.trade import Balance, Fill, Order, Position

# ccxt knows five states of an order; ours, which say more, are in docs/orders.md.
_CLOSED = {"FILLED": "closed", "CANCELED": "canceled", "CANCELLED": "canceled", "EXPIRED": "expired"}
_REFUSED = {"REJECTED": "rejected", "DENIED": "rejected", "FAILED": "rejected"}
_STATUSES = _CLOSED | _REFUSED


def order_status(state: str) -> str:
    """open, closed, canceled, expired or rejected."""
    return _STATUSES.get(state.upper(), "open")


def order(message: Order) -> dict[str, Any]:
    return {
        "id": message.exchange_order_id or None,
        "clientOrderId": message.client_order_id,
        "localId": message.id,
        "intentId": message.intent_id,
        "exchange": message.exchange,
        "timestamp": message.created_ms,
        "datetime": iso(message.created_ms),
        "lastUpdateTimestamp": message.updated_ms,
        "symbol": message.symbol,
        "type": message.type,
        "timeInForce": message.time_in_force,
        "side": message.side,
        "status": order_status(message.state),
        "state": message.state,
        "reason": message.reason,
        "price": text(message.price),
        "stopPrice": text(message.stop_price),
        "average": text(message.average),
        "amount": text(message.amount),
        "filled": text(message.filled),
        "remaining": text(message.remaining),
        "cost": text(message.cost),
        "reduceOnly": message.reduce_only,
        "source": message.source,
        "account": message.account,
    }


def fill(message: Fill) -> dict[str, Any]:
    return {
        "id": message.id,
        "order": message.order_id,
        "clientOrderId": message.client_order_id,
        "exchange": message.exchange,
        "timestamp": message.ts_ms,
        "datetime": iso(message.ts_ms),
        "symbol": message.symbol,
        "side": message.side,
        "takerOrMaker": "maker" if message.maker else "taker",
        "price": text(message.price),
        "amount": text(message.amount),
        "cost": text(message.cost),
        "fee": {"currency": message.fee_currency, "cost": text(message.fee)},
        "source": message.source,
        "account": message.account,
    }


def position(message: Position) -> dict[str, Any]:
    return {
        "symbol": message.symbol,
        "exchange": message.exchange,
        "timestamp": message.updated_ms,
        "datetime": iso(message.updated_ms),
        "side": position_side(message.amount),
        "contracts": text(abs(message.amount)),
        "amount": text(message.amount),
        "entryPrice": text(message.average),
        "unrealizedPnl": text(message.unrealised_pnl),
        "realizedPnl": text(message.realised_pnl),
        "fees": text(message.fees),
        "account": message.account,
    }


def balance(message: Balance) -> dict[str, Any]:
    return {
        "currency": message.asset,
        "code": message.asset,
        "exchange": message.exchange,
        "free": text(message.free),
        "used": text(message.used),
        "total": text(message.total),
        "account": message.account,
    }


def position_side(amount: Decimal) -> str:
    if amount == 0:
        return "flat"
    return "long" if amount > 0 else "short"


def iso(ms: int) -> str:
    """ccxt's datetime: ISO 8601, UTC, milliseconds, Z."""
    moment = datetime.fromtimestamp(ms / 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def day(ms: int) -> str | None:
    """The date alone; None when it never happened."""
    return iso(ms)[:10] if ms else None


def text(value: Decimal | None) -> str | None:
    """Plain digits, never an exponent."""
    return None if value is None else f"{value:f}"
