"""Addresses of `/api/v1`: read what services know, and ask them to act."""

from collections.abc import Callable

from flask import Flask, Response, request

from ...bus.contracts.base import Done
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
from . import account, backtests, health, keys, openapi, portfolio, risk, settings, users
from .answers import PREFIX, answer, ask, body, limit, number
from .shapes import Balances, Message, Positions, TradingChange

# Closing positions waits for the venue.
ACT_TIMEOUT_S = 10.0


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
    account.install(app)
    keys.install(app)
    health.install(app)
    risk.install(app)
    backtests.install(app)
    portfolio.install(app)
    settings.install(app)
    users.install(app)
    openapi.install(app)


@requires(ANY_USER, with_old_password=True)
def own_session() -> Response:
    """Who am I, and what may I do?"""
    return answer(session())


@requires("service.read")
def status() -> Response:
    """The supervisor and all services."""
    return answer(ask(SUPERVISOR, GetStatus(), SupervisorStatus))


@requires("trade.read")
def orders() -> Response:
    """Orders, newest first: ?open=1&symbol=&limit=."""
    question = ListOrders(
        symbol=request.args.get("symbol"), open_only=request.args.get("open") == "1", limit=limit(500)
    )
    return answer(ask("trade", question, Orders))


@requires("trade.read")
def fills() -> Response:
    """Fills, newest first: ?symbol=&since_ms=&limit=."""
    question = ListFills(symbol=request.args.get("symbol"), since_ms=number("since_ms"), limit=limit(500))
    return answer(ask("trade", question, Fills))


@requires("trade.read")
def positions() -> Response:
    """Positions."""
    return answer(Positions(positions=ask("trade", GetPortfolio(), Portfolio).positions))


@requires("trade.read")
def balance() -> Response:
    """Balances of the ledger."""
    return answer(Balances(balances=ask("trade", GetPortfolio(), Portfolio).balances))


@requires("trade.read")
def equity() -> Response:
    """The equity curve, oldest first: ?since_ms=&limit=."""
    return answer(ask("trade", ListEquity(since_ms=number("since_ms"), limit=limit(2000)), EquityHistory))


@requires("trade.read")
def trading() -> Response:
    """Is trading active, reducing or halted, and why?"""
    return answer(ask("trade", GetPortfolio(), Portfolio).trading_state)


@requires("market.read")
def feeds() -> Response:
    """Which markets are watched."""
    return answer(ask("data", ListFeeds(), Feeds))


@requires("market.read")
def candles() -> Response:
    """Finished candles: ?exchange=&symbol=&timeframe=&since_ms=&limit=."""
    given = {name: request.args.get(name, "") for name in ("exchange", "symbol", "timeframe")}
    missing = [name for name, value in given.items() if not value]
    if missing:
        raise ApiProblem(400, "missing_parameter", f"The query needs {', '.join(missing)}.")
    question = ListCandles(**given, limit=limit(500), since_ms=number("since_ms"))
    return answer(ask("data", question, Candles))


@requires("strategy.read")
def strategies() -> Response:
    """Strategies that run, and those that could."""
    return answer(ask("strategy", ListStrategies(), Strategies))


@requires("service.control", resource="name")
def control_service(name: str, action: str) -> Response:
    """Start, stop or restart one service."""
    if action not in ("start", "stop", "restart"):
        raise ApiProblem(404, "unknown_action", f"There is no action {action!r}; use start, stop or restart.")
    question = ControlService(action=action, service=name, actor=session().user)
    done = ask(SUPERVISOR, question, Done, ACT_TIMEOUT_S)
    return answer(Message(message=done.message or f"{action} of {name} is under way."), 202)


@requires("strategy.control", resource="name")
def control_strategy(name: str, action: str) -> Response:
    """Start or stop one strategy."""
    if action not in ("start", "stop"):
        raise ApiProblem(404, "unknown_action", f"There is no action {action!r}; use start or stop.")
    question = SetStrategyRunning(name=name, running=action == "start", actor=session().user)
    done = ask("strategy", question, Done, ACT_TIMEOUT_S)
    board = dashboard()
    board.gateway.tell_from_thread(board.gateway.refresh, "strategy")
    return answer(Message(message=done.message or f"{action} of {name} is done."))


@requires("trade.order")
def cancel_order(order_id: str) -> Response:
    """Cancel one order by trade's own id."""
    done = ask("trade", CancelOrder(order_id=order_id, actor=session().user), Done, ACT_TIMEOUT_S)
    return answer(Message(message=done.message or "The order is being cancelled."), 202)


@requires("trade.halt")
def set_trading() -> Response:
    """Halt, reduce or re-arm trading."""
    wanted = body(TradingChange)
    if wanted.state not in ("ACTIVE", "REDUCING", "HALTED"):
        raise ApiProblem(400, "invalid_state", f"{wanted.state!r} is not one of ACTIVE, REDUCING, HALTED.")
    user = session().user
    question = SetTradingState(
        state=wanted.state, reason=wanted.reason or f"by {user} in the dashboard", actor=user,
        cancel_orders=wanted.cancel_orders, flatten=wanted.flatten,
    )  # fmt: skip
    return answer(ask("trade", question, TradingState, ACT_TIMEOUT_S))
