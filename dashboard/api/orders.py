"""Orders and positions over the API: why, cancel, amend, guard. trade decides."""

from decimal import Decimal

from flask import Flask, Response

from ...bus.contracts.base import Done
from ...bus.contracts.trade import (
    AmendOrder,
    CancelOrder,
    EndProtection,
    LedgerReport,
    Order,
    Protection,
    ProtectPosition,
    VerifyLedger,
)
from ..access import requires
from ..context import session
from ..problems import ApiProblem
from .accounts import ask_one, ask_owner
from .answers import PREFIX, answer, body
from .shapes import Amendment, EndGuard, Guard, Message

# The venue is asked.
ACT_TIMEOUT_S = 10.0
VERIFY_TIMEOUT_S = 30.0


def install(app: Flask) -> None:
    """Add the routes."""
    add = app.add_url_rule
    add(f"{PREFIX}/orders/<order_id>/cancel", "api_cancel_order", cancel_order, methods=["POST"])
    add(f"{PREFIX}/orders/<order_id>/amend", "api_amend_order", amend_order, methods=["POST"])
    add(f"{PREFIX}/positions/protect", "api_protect", protect, methods=["POST"])
    add(f"{PREFIX}/positions/unprotect", "api_unprotect", unprotect, methods=["POST"])
    add(f"{PREFIX}/ledger", "api_ledger", ledger, methods=["GET"])


@requires("trade.order", account="any")
def cancel_order(order_id: str) -> Response:
    """Cancel one order by trade's own id."""
    question = CancelOrder(order_id=order_id, actor=session().user)
    done = ask_owner(question, Done, ACT_TIMEOUT_S)
    return answer(Message(message=done.message or "The cancellation is under way."), 202)


@requires("trade.order", account="any")
def amend_order(order_id: str) -> Response:
    """Give a resting limit order another price or amount; the answer is its successor."""
    wanted = body(Amendment)
    _demand_positive(price=wanted.price, amount=wanted.amount)
    if wanted.price is None and wanted.amount is None:
        raise ApiProblem(400, "invalid_body", "Give a price or an amount.")
    question = AmendOrder(order_id=order_id, actor=session().user, price=wanted.price, amount=wanted.amount)
    return answer(ask_owner(question, Order, ACT_TIMEOUT_S))


@requires("trade.order", account="one")
def protect() -> Response:
    """Guard a position with a stop, a target, or both, until it is closed."""
    wanted = body(Guard)
    _demand_positive(
        stop=wanted.stop, trailing=wanted.trailing_percent, target=wanted.target,
        target_amount=wanted.target_amount,
    )  # fmt: skip
    if wanted.stop is None and wanted.trailing_percent is None and wanted.target is None:
        raise ApiProblem(400, "invalid_body", "Give stop, trailing_percent or target.")
    question = ProtectPosition(
        exchange=wanted.exchange, symbol=wanted.symbol, actor=session().user, stop_price=wanted.stop,
        trailing_percent=wanted.trailing_percent, take_profit=wanted.target,
        take_profit_amount=wanted.target_amount,
    )  # fmt: skip
    return answer(ask_one(question, Protection, ACT_TIMEOUT_S))


@requires("trade.order", account="one")
def unprotect() -> Response:
    """Take the stop and the target of a position away; the position stays."""
    wanted = body(EndGuard)
    question = EndProtection(exchange=wanted.exchange, symbol=wanted.symbol, actor=session().user)
    return answer(Message(message=ask_one(question, Done, ACT_TIMEOUT_S).message))


@requires("trade.read", account="one")
def ledger() -> Response:
    """Hold the ledger against the venue now."""
    return answer(ask_one(VerifyLedger(), LedgerReport, VERIFY_TIMEOUT_S))


def _demand_positive(**numbers: Decimal | None) -> None:
    for name, value in numbers.items():
        if value is not None and not (value.is_finite() and value > 0):
            raise ApiProblem(400, "invalid_body", f"{name} must be a number above 0.")
