"""Addresses of `/api/v1`: read what services know, and ask them to act."""

from collections.abc import Callable
from typing import TypeVar

import msgspec
from flask import Flask, Response, request

from ...bus.contracts.base import Done, Message
from ...bus.contracts.market import Candles, Feeds, ListCandles, ListFeeds
from ...bus.contracts.service import ControlService, GetStatus, SupervisorStatus
from ...bus.contracts.strategy import ListStrategies, SetStrategyRunning, Strategies
from ...bus.contracts.trade import (
    CancelOrder,
    EquityHistory,
    Fills,
    GetPortfolio,
    ListEquity,
    ListFills,
    ListOrders,
    Orders,
    Portfolio,
    SetTradingState,
    TradingState,
)
from ..access import ANY_USER, requires
from ..context import dashboard, session
from ..gateway import SUPERVISOR
from ..problems import ApiProblem

B = TypeVar("B", bound=msgspec.Struct)
R = TypeVar("R", bound=Message)

PREFIX = "/api/v1"
MAX_LIMIT = 5000
# Closing positions waits for the venue.
ACT_TIMEOUT_S = 10.0


class TradingChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of POST /trading."""

    state: str
    reason: str = ""
    cancel_orders: bool = False
    flatten: bool = False


def install(app: Flask) -> None:
    """Add the routes."""
    add = app.add_url_rule
    reads: dict[str, Callable[[], Response]] = {
        "session": own_session, "status": status, "orders": orders, "fills": fills, "positions": positions,
        "balance": balance, "equity": equity, "candles": candles, "feeds": feeds, "strategies": strategies,
        "trading": trading,
    }  # fmt: skip
    for name, view in reads.items():
        add(f"{PREFIX}/{name}", f"api_{name}", view, methods=["GET"])
    add(f"{PREFIX}/services/<name>/<action>", "api_control_service", control_service, methods=["POST"])
    add(f"{PREFIX}/strategies/<name>/<action>", "api_control_strategy", control_strategy, methods=["POST"])
    add(f"{PREFIX}/orders/<order_id>/cancel", "api_cancel_order", cancel_order, methods=["POST"])
    add(f"{PREFIX}/trading", "api_set_trading", set_trading, methods=["POST"])


@requires(ANY_USER)
def own_session() -> Response:
    """Who am I, and what may I do?"""
    return _json(session())


@requires("service.read")
def status() -> Response:
    """The supervisor and all services."""
    return _json(_ask(SUPERVISOR, GetStatus(), SupervisorStatus))


@requires("trade.read")
def orders() -> Response:
    """Orders, newest first: ?open=1&symbol=&limit=."""
    question = ListOrders(
        symbol=request.args.get("symbol"), open_only=request.args.get("open") == "1", limit=_limit(500)
    )
    return _json(_ask("trade", question, Orders))


@requires("trade.read")
def fills() -> Response:
    """Fills, newest first: ?symbol=&since_ms=&limit=."""
    question = ListFills(symbol=request.args.get("symbol"), since_ms=_number("since_ms"), limit=_limit(500))
    return _json(_ask("trade", question, Fills))


@requires("trade.read")
def positions() -> Response:
    """Positions."""
    return _json({"positions": _ask("trade", GetPortfolio(), Portfolio).positions})


@requires("trade.read")
def balance() -> Response:
    """Balances of the ledger."""
    return _json({"balances": _ask("trade", GetPortfolio(), Portfolio).balances})


@requires("trade.read")
def equity() -> Response:
    """The equity curve, oldest first: ?since_ms=&limit=."""
    return _json(_ask("trade", ListEquity(since_ms=_number("since_ms"), limit=_limit(2000)), EquityHistory))


@requires("trade.read")
def trading() -> Response:
    """Is trading active, reducing or halted, and why?"""
    return _json(_ask("trade", GetPortfolio(), Portfolio).trading_state)


@requires("market.read")
def feeds() -> Response:
    """Which markets are watched."""
    return _json(_ask("data", ListFeeds(), Feeds))


@requires("market.read")
def candles() -> Response:
    """Finished candles: ?exchange=&symbol=&timeframe=&since_ms=&limit=."""
    given = {name: request.args.get(name, "") for name in ("exchange", "symbol", "timeframe")}
    missing = [name for name, value in given.items() if not value]
    if missing:
        raise ApiProblem(400, "missing_parameter", f"The query needs {', '.join(missing)}.")
    question = ListCandles(**given, limit=_limit(500), since_ms=_number("since_ms"))
    return _json(_ask("data", question, Candles))


@requires("strategy.read")
def strategies() -> Response:
    """Strategies that run, and those that could."""
    return _json(_ask("strategy", ListStrategies(), Strategies))


@requires("service.control")
def control_service(name: str, action: str) -> Response:
    """Start, stop or restart one service."""
    if action not in ("start", "stop", "restart"):
        raise ApiProblem(404, "unknown_action", f"There is no action {action!r}; use start, stop or restart.")
    question = ControlService(action=action, service=name, actor=session().user)
    done = _ask(SUPERVISOR, question, Done, ACT_TIMEOUT_S)
    return _json({"message": done.message or f"{action} of {name} is under way."}, 202)


@requires("strategy.control")
def control_strategy(name: str, action: str) -> Response:
    """Start or stop one strategy."""
    if action not in ("start", "stop"):
        raise ApiProblem(404, "unknown_action", f"There is no action {action!r}; use start or stop.")
    question = SetStrategyRunning(name=name, running=action == "start", actor=session().user)
    done = _ask("strategy", question, Done, ACT_TIMEOUT_S)
    board = dashboard()
    board.gateway.tell_from_thread(board.gateway.refresh, "strategy")
    return _json({"message": done.message or f"{action} of {name} is done."})


@requires("trade.order")
def cancel_order(order_id: str) -> Response:
    """Cancel one order by trade's own id."""
    done = _ask("trade", CancelOrder(order_id=order_id, actor=session().user), Done, ACT_TIMEOUT_S)
    return _json({"message": done.message or "The order is being cancelled."}, 202)


@requires("trade.halt")
def set_trading() -> Response:
    """Halt, reduce or re-arm trading."""
    body = _body(TradingChange)
    if body.state not in ("ACTIVE", "REDUCING", "HALTED"):
        raise ApiProblem(400, "invalid_state", f"{body.state!r} is not one of ACTIVE, REDUCING, HALTED.")
    user = session().user
    question = SetTradingState(
        state=body.state, reason=body.reason or f"by {user} in the dashboard", actor=user,
        cancel_orders=body.cancel_orders, flatten=body.flatten,
    )  # fmt: skip
    return _json(_ask("trade", question, TradingState, ACT_TIMEOUT_S))


def _ask(service: str, question: Message, reply: type[R], timeout_s: float = 4.0) -> R:
    return dashboard().gateway.request_from_thread(service, question, reply, timeout_s)


def _json(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, mimetype="application/json")


def _body(shape: type[B]) -> B:
    try:
        return msgspec.json.decode(request.get_data(), type=shape)
    except msgspec.MsgspecError as error:
        raise ApiProblem(400, "invalid_body", f"The request's body is not as expected: {error}.") from error


def _number(name: str) -> int | None:
    text = request.args.get(name)
    if text is None:
        return None
    if not text.isdigit():
        raise ApiProblem(400, "invalid_parameter", f"{name} must be a whole number, found {text[:40]!r}.")
    return int(text)


def _limit(default: int) -> int:
    given = _number("limit")
    chosen = default if given is None else given
    if not 1 <= chosen <= MAX_LIMIT:
        raise ApiProblem(400, "invalid_parameter", f"limit must be from 1 to {MAX_LIMIT}, found {chosen}.")
    return chosen
