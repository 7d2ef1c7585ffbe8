"""Closing a position by hand: one market order that can only make it smaller."""

import uuid

from flask import Flask, Response

from ...bus.contracts.strategy import OrderIntent, OrderIntentReply
from ...bus.contracts.trade import GetPortfolio, Portfolio
from ..access import requires
from ..context import session
from ..problems import ApiProblem
from .accounts import ask_one
from .answers import PREFIX, answer, body
from .shapes import Message
from .text_shapes import ClosePosition

ACT_TIMEOUT_S = 10.0


def install(app: Flask) -> None:
    """Add the route."""
    app.add_url_rule(f"{PREFIX}/positions/close", "api_close_position", close, methods=["POST"])


@requires("trade.order", account="one")
def close() -> Response:
    """Sell what is held in one market, at the market price."""
    wish = body(ClosePosition)
    held = next(
        (
            one
            for one in ask_one(GetPortfolio(), Portfolio).positions
            if (one.exchange, one.symbol) == (wish.exchange, wish.symbol) and one.amount
        ),
        None,
    )
    if held is None:
        raise ApiProblem(404, "no_position", f"There is no position in {wish.symbol[:40]}.")
    intent = OrderIntent(
        intent_id=f"close:{uuid.uuid4().hex}", source="dashboard", exchange=held.exchange, symbol=held.symbol,
        side="sell" if held.amount > 0 else "buy", type="market", amount=abs(held.amount), reduce_only=True,
        reason=f"closed by {session().user} in the dashboard",
    )  # fmt: skip
    reply = ask_one(intent, OrderIntentReply, ACT_TIMEOUT_S)
    if not reply.accepted:
        raise ApiProblem(409, reply.code or "denied", reply.reason or "The limits did not let it pass.")
    return answer(Message(message=f"The position in {held.symbol} is being closed."), 202)
