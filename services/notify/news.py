"""What happened, as people are told it: one sentence for a title, one for the rest."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ...bus.api import Received
from ...bus.contracts.notify import NOTICES, Notice
from ...bus.contracts.service import Alert, Audit
from ...bus.contracts.trade import Fill, Order, TradingState

SEVERITIES = ("info", "warning", "error", "critical")
_STATE_SEVERITY = {"HALTED": "critical", "REDUCING": "warning"}
_ORDER_SEVERITY = {"REJECTED": "warning", "DENIED": "warning", "UNKNOWN": "error"}
_TOLD_ORDERS = frozenset({*_ORDER_SEVERITY, "FILLED", "CANCELED", "EXPIRED"})


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """Something that happened.

    Args:
        origin: names the event for ever: delivered again by the bus, it is the same news.
        topic: what rules are matched with, such as alert.service.trade.
        key: of a fault that can be told again and be over; "" for what happens once.
        over: the fault of this key has ended.
    """

    origin: str
    topic: str
    severity: str
    title: str
    text: str
    ts_ms: int
    key: str = ""
    over: bool = False
    files: tuple[str, ...] = ()

    @property
    def urgent(self) -> bool:
        """Passes quiet hours and every limit."""
        return self.severity == "critical" and not self.over


def rank(severity: str) -> int:
    """How grave, from 0; an unknown word counts as the least."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else 0


def news_of(received: Received[Any]) -> News | None:
    """The news in an event; None when nobody could want to hear of it."""
    make = _MAKERS.get(type(received.message))
    return None if make is None else make(received)


def _origin(received: Received[Any]) -> str:
    return f"{received.source}:{received.epoch}:{received.topic}:{received.seq}"[-160:]


def _alert(received: Received[Alert]) -> News:
    alert = received.message
    return News(
        origin=_origin(received),
        topic=f"alert.{alert.key}",
        key=alert.key,
        severity=alert.severity,
        title=f"Over: {alert.title}" if alert.recovered else alert.title,
        text=alert.detail,
        ts_ms=received.ts_ns // 1_000_000,
        over=alert.recovered,
    )


def _trading(received: Received[TradingState]) -> News:
    state = received.message
    words = {
        "ACTIVE": "Trading is active",
        "REDUCING": "Only smaller positions",
        "HALTED": "Trading is halted",
    }
    return News(
        origin=_origin(received),
        topic="trade.state",
        severity=_STATE_SEVERITY.get(state.state, "info"),
        title=words.get(state.state, state.state),
        text=". ".join(part for part in (state.reason, f"By {state.actor}" if state.actor else "") if part),
        ts_ms=received.ts_ns // 1_000_000,
    )


def _fill(received: Received[Fill]) -> News:
    fill = received.message
    verb = "Bought" if fill.side == "buy" else "Sold"
    base = fill.symbol.partition("/")[0]
    fee = f", fee {plain(fill.fee)} {fill.fee_currency}" if fill.fee else ""
    return News(
        origin=_origin(received),
        topic=f"fill.{fill.exchange}.{fill.symbol}",
        severity="info",
        title=f"{verb} {plain(fill.amount)} {base} at {plain(fill.price)}",
        text=f"{fill.symbol} on {fill.exchange} for {fill.source}: {plain(fill.cost)}{fee}.",
        ts_ms=received.ts_ns // 1_000_000,
    )


def _order(received: Received[Order]) -> News | None:
    order = received.message
    if order.state not in _TOLD_ORDERS:
        return None
    what = f"{order.side} {plain(order.amount)} {order.symbol}"
    return News(
        origin=_origin(received),
        topic=f"order.{order.state.lower()}",
        severity=_ORDER_SEVERITY.get(order.state, "info"),
        title=f"Order {order.state.lower()}: {what}",
        text=f"{order.type} order of {order.source} on {order.exchange}. {order.reason}".strip(),
        ts_ms=received.ts_ns // 1_000_000,
    )


def _audit(received: Received[Audit]) -> News:
    entry = received.message
    outcome = "" if entry.ok else " (refused)"
    return News(
        origin=_origin(received),
        topic=f"audit.{entry.kind}",
        severity="info" if entry.ok else "warning",
        title=f"{entry.actor}: {entry.action}{outcome}",
        text=" ".join(part for part in (entry.subject, entry.detail) if part),
        ts_ms=received.ts_ns // 1_000_000,
    )


def _notice(received: Received[Notice]) -> News:
    notice = received.message
    return News(
        origin=_origin(received),
        topic=received.topic.removeprefix(NOTICES),
        severity=notice.severity,
        title=notice.title,
        text=notice.text,
        ts_ms=received.ts_ns // 1_000_000,
        files=tuple(notice.files),
    )


def plain(value: Decimal) -> str:
    """A number for people: without exponent and without zeros at its end."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


_MAKERS: dict[type, Callable[[Received[Any]], News | None]] = {
    Alert: _alert,
    TradingState: _trading,
    Fill: _fill,
    Order: _order,
    Audit: _audit,
    Notice: _notice,
}
