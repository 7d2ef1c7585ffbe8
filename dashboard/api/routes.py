"""Addresses of `/api/v1`: read what services know, and ask them to act."""

from collections.abc import Callable

import msgspec
from flask import Flask, Response, request

from ...bus.contracts.base import Done
from ...bus.contracts.market import Candles, Feeds, ListCandles, ListFeeds
from ...bus.contracts.service import ControlService, GetStatus, SupervisorStatus
from ...bus.contracts.strategy import ListStrategies, SetStrategyParameters, SetStrategyRunning, Strategies
from ...bus.contracts.trade import (
    EquityHistory,
    Fill,
    Fills,
    GetPortfolio,
    ListEquity,
    ListFills,
    ListOrders,
    Order,
    Orders,
    Portfolio,
    SetTradingState,
    TradingState,
)
from ...configs.accounts import service_of
from ..access import ANY_USER, requires
from ..context import dashboard, session
from ..gateway import SUPERVISOR
from ..problems import ApiProblem
from ..state import balance_key, position_key
from . import (
    account,
    analytics,
    audit,
    backtests,
    bus,
    closing,
    commands,
    exports,
    health,
    keys,
    notifications,
    openapi,
    paper,
    portfolio,
    risk,
    roles,
    settings,
    setup,
    texts,
    updates,
    users,
    vault,
)
from . import (
    orders as orders_api,
)
from .accounts import ask_each, ask_one, pages, tell_each
from .answers import PREFIX, answer, ask, body, limit, number
from .lists import cursor, cursor_number, following, page, page_of
from .shapes import Balances, Message, ParametersChange, Positions, TradingChange

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
    add(f"{PREFIX}/strategies/<name>/parameters", "api_set_parameters", set_parameters, methods=["POST"])
    add(f"{PREFIX}/reload", "api_reload", reload, methods=["POST"])
    add(f"{PREFIX}/trading", "api_set_trading", set_trading, methods=["POST"])
    account.install(app)
    keys.install(app)
    health.install(app)
    risk.install(app)
    updates.install(app)
    backtests.install(app)
    analytics.install(app)
    notifications.install(app)
    portfolio.install(app)
    settings.install(app)
    users.install(app)
    texts.install(app)
    closing.install(app)
    exports.install(app)
    setup.install(app)
    roles.install(app)
    vault.install(app)
    audit.install(app)
    bus.install(app)
    orders_api.install(app)
    paper.install(app)
    commands.install(app)
    openapi.install(app)


@requires(ANY_USER, with_old_password=True)
def own_session() -> Response:
    """Who am I, and what may I do?"""
    return answer(session())


@requires("service.read")
def status() -> Response:
    """The supervisor and all services."""
    return page_of(ask(SUPERVISOR, GetStatus(), SupervisorStatus), "services", lambda one: one.name)


@requires("trade.read", account="any")
def orders() -> Response:
    """Orders, newest first: ?account=&open=1&symbol=&cursor=&limit=."""
    most, seen = limit(500), cursor()
    question = ListOrders(
        symbol=request.args.get("symbol"), open_only=request.args.get("open") == "1", limit=most
    )

    def read(account: str, last: str) -> list[Order]:
        wish = msgspec.structs.replace(question, older_than=last)
        return ask(service_of(account), wish, Orders).orders

    rows, key = pages(seen, most, read, lambda one: one.id, lambda one: one.created_ms)
    return page(Orders(orders=rows), "orders", rows, key)


@requires("trade.read", account="any")
def fills() -> Response:
    """Fills, newest first: ?account=&symbol=&since_ms=&cursor=&limit=."""
    most, seen = limit(500), cursor()
    question = ListFills(symbol=request.args.get("symbol"), since_ms=number("since_ms"), limit=most)

    def read(account: str, last: str) -> list[Fill]:
        wish = msgspec.structs.replace(question, older_than=last)
        return ask(service_of(account), wish, Fills).fills

    rows, key = pages(seen, most, read, _fill_key, lambda one: one.ts_ms)
    return page(Fills(fills=rows), "fills", rows, key)


@requires("trade.read", account="any")
def positions() -> Response:
    """Positions: ?account=."""
    told = ask_each(GetPortfolio(), Portfolio)
    found = Positions(positions=[one for portfolio in told for one in portfolio.positions])
    return page_of(found, "positions", position_key)


@requires("trade.read", account="any")
def balance() -> Response:
    """Balances of the ledger: ?account=."""
    told = ask_each(GetPortfolio(), Portfolio)
    found = Balances(balances=[one for portfolio in told for one in portfolio.balances])
    return page_of(found, "balances", balance_key)


@requires("trade.read", account="one")
def equity() -> Response:
    """The equity curve of an account, oldest first; further pages go back in time.

    Query: account (main without one), since_ms, before_ms, cursor, limit.
    """
    most, seen = limit(2000), cursor_number()
    before_ms = number("before_ms") if seen is None else seen
    question = ListEquity(since_ms=number("since_ms"), limit=most, before_ms=before_ms)
    found = ask_one(question, EquityHistory)
    key = following(found.points, most, lambda one: str(one.ts_ms), newest_last=True)
    return page(found, "points", found.points, key)


@requires("trade.read", account="one")
def trading() -> Response:
    """Is trading active, reducing or halted, and why? Of main, or of ?account=."""
    return answer(ask_one(GetPortfolio(), Portfolio).trading_state)


@requires("market.read")
def feeds() -> Response:
    """Which markets are watched."""
    return page_of(
        ask("data", ListFeeds(), Feeds), "feeds", lambda one: f"{one.exchange}|{one.symbol}|{one.timeframe}"
    )


@requires("market.read")
def candles() -> Response:
    """Finished candles, oldest first; further pages go back in time.

    Query: exchange, symbol, timeframe, since_ms, cursor, limit.
    """
    given = {name: request.args.get(name, "") for name in ("exchange", "symbol", "timeframe")}
    missing = [name for name, value in given.items() if not value]
    if missing:
        raise ApiProblem(400, "missing_parameter", f"The query needs {', '.join(missing)}.")
    most = limit(500)
    question = ListCandles(**given, limit=most, since_ms=number("since_ms"), before_ms=cursor_number())
    found = ask("data", question, Candles)
    key = following(found.candles, most, lambda one: str(one.open_ms), newest_last=True)
    return page(found, "candles", found.candles, key)


@requires("strategy.read")
def strategies() -> Response:
    """Strategies that run, and those that could."""
    return page_of(ask("strategy", ListStrategies(), Strategies), "strategies", lambda one: one.name)


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


@requires("strategy.control", resource="name")
def set_parameters(name: str) -> Response:
    """Change parameters of a running strategy from its next candle on; all are taken, or none."""
    wanted = body(ParametersChange)
    if not wanted.values and not wanted.reset:
        raise ApiProblem(400, "invalid_body", "Say what to change in `values`, or `reset`.")
    question = SetStrategyParameters(
        name=name, values=wanted.values, actor=session().user, reset=wanted.reset
    )
    done = ask("strategy", question, Done, ACT_TIMEOUT_S)
    return answer(Message(message=done.message or f"The parameters of {name} are changed."))


@requires("service.control")
def reload() -> Response:
    """Put changed settings in force; only what changed is restarted."""
    return answer(Message(message=settings.put_in_force()), 202)


@requires("trade.halt", account="all")
def set_trading() -> Response:
    """Halt, reduce or re-arm trading with all accounts, or with ?account=; answers the state of the first."""
    wanted = body(TradingChange)
    if wanted.state not in ("ACTIVE", "REDUCING", "HALTED"):
        raise ApiProblem(400, "invalid_state", f"{wanted.state!r} is not one of ACTIVE, REDUCING, HALTED.")
    user = session().user
    question = SetTradingState(
        state=wanted.state, reason=wanted.reason or f"by {user} in the dashboard", actor=user,
        cancel_orders=wanted.cancel_orders, flatten=wanted.flatten,
    )  # fmt: skip
    return answer(tell_each(question, TradingState, ACT_TIMEOUT_S)[0])


def _fill_key(fill: Fill) -> str:
    return f"{fill.exchange}|{fill.symbol}|{fill.id}"
