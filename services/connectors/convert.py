"""ccxt's unified structures as our own. All numbers arrive as text or, in books alone, as float."""

from decimal import Decimal
from typing import Any

from .venue import ZERO, Market, VenueOrder, VenueTrade

_DECIMAL_PLACES = 2  # ccxt.DECIMAL_PLACES
_SMALLEST = Decimal("1e-8")


def text(value: Any) -> str:
    """A number as plain decimal text; a float as the shortest text that reads back as the same float."""
    if isinstance(value, str):
        return value
    return format(Decimal(repr(value) if isinstance(value, float) else str(value)), "f")


def decimal(value: Any) -> Decimal:
    """Zero for None and for empty text."""
    return Decimal(text(value)) if value not in (None, "") else ZERO


def optional_decimal(value: Any) -> Decimal | None:
    """None for what is missing or zero: venues write "0.00" for a price that does not exist."""
    number = decimal(value)
    return number if number != 0 else None


def market_from(raw: dict[str, Any], precision_mode: int) -> Market:
    limits = raw["limits"]
    return Market(
        symbol=raw["symbol"],
        base=raw["base"],
        quote=raw["quote"],
        tick=_smallest_change(raw["precision"].get("price"), precision_mode),
        step=_smallest_change(raw["precision"].get("amount"), precision_mode),
        min_amount=decimal(limits["amount"].get("min")),
        max_amount=optional_decimal(limits["amount"].get("max")),
        min_cost=decimal(limits["cost"].get("min")),
        active=raw.get("active") is not False,
    )


def order_from(raw: dict[str, Any]) -> VenueOrder:
    kind = str(raw.get("type") or "")
    status = str(raw.get("status") or "open")
    return VenueOrder(
        id=str(raw["id"]),
        client_id=str(raw.get("clientOrderId") or ""),
        symbol=raw["symbol"],
        side=raw["side"],
        type=kind,
        status="open" if status == "canceling" else status,
        amount=decimal(raw.get("amount")),
        filled=decimal(raw.get("filled")),
        cost=decimal(raw.get("cost")),
        price=None if kind == "market" else optional_decimal(raw.get("price")),
        stop_price=optional_decimal(raw.get("triggerPrice")),
        time_in_force=str(raw.get("timeInForce") or "GTC"),
        updated_ms=int(raw.get("lastUpdateTimestamp") or raw.get("timestamp") or 0),
    )


def trade_from(raw: dict[str, Any]) -> VenueTrade:
    fee = raw.get("fee") or {}
    price, amount = decimal(raw["price"]), decimal(raw["amount"])
    return VenueTrade(
        id=str(raw["id"]),
        order_id=str(raw.get("order") or ""),
        client_id=str(raw.get("clientOrderId") or ""),
        symbol=raw["symbol"],
        side=raw["side"],
        price=price,
        amount=amount,
        cost=decimal(raw["cost"]) if raw.get("cost") is not None else price * amount,
        fee=decimal(fee.get("cost")),
        fee_currency=str(fee.get("currency") or ""),
        maker=raw.get("takerOrMaker") == "maker",
        ts_ms=int(raw["timestamp"]),
    )


def book_levels(side: list[list[Any]], depth: int) -> list[tuple[str, str]]:
    return [(text(level[0]), text(level[1])) for level in side[:depth]]


def _smallest_change(precision: Any, mode: int) -> Decimal:
    if precision in (None, ""):
        return _SMALLEST
    if mode == _DECIMAL_PLACES:
        return Decimal(1).scaleb(-int(precision))
    return Decimal(text(precision))
