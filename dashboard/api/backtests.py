"""Backtests over the API: start, follow, compare, read the report."""

import re

from flask import Flask, Response, request

from ...bus.contracts.auth import permits
from ...bus.contracts.backtest import (
    Backtest,
    Backtests,
    BacktestStarted,
    CancelBacktest,
    GetBacktest,
    GetTrust,
    ListBacktests,
    StartBacktest,
    TrustVerdict,
)
from ...bus.contracts.base import Done
from ..access import requires
from ..context import session
from ..problems import ApiProblem
from .answers import PREFIX, answer, ask_running, body
from .lists import page_of
from .shapes import BacktestWish, Message

SERVICE = "backtest"
# A page of tens of thousands of candles is drawn first.
REPORT_TIMEOUT_S = 30.0
START_TIMEOUT_S = 10.0
MAX_KEPT = 1000
_STRATEGY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")
_SERIES = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(/[A-Za-z0-9][A-Za-z0-9:_-]*){1,2}")
# The page brings its own scripts; it gets an origin of its own, without cookies, and reaches nothing.
REPORT_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


def install(app: Flask) -> None:
    """Add the routes."""
    add = app.add_url_rule
    add(f"{PREFIX}/backtests", "api_backtests", backtests, methods=["GET"])
    add(f"{PREFIX}/backtests", "api_start_backtest", start, methods=["POST"])
    add(f"{PREFIX}/backtests/<name>", "api_backtest", backtest, methods=["GET"])
    add(f"{PREFIX}/backtests/<name>/cancel", "api_cancel_backtest", cancel, methods=["POST"])
    add(f"{PREFIX}/backtests/<name>/report", "api_backtest_report", report, methods=["GET"])
    add(f"{PREFIX}/trust", "api_trust", trust, methods=["GET"])


@requires("backtest.read")
def backtests() -> Response:
    """Kept jobs and running ones, newest first, and the series to run over: ?strategy=&cursor=&limit=."""
    question = ListBacktests(limit=MAX_KEPT, strategy=request.args.get("strategy", ""))
    return page_of(ask_running(SERVICE, question, Backtests), "backtests", lambda one: one.id, 100)


@requires("backtest.run")
def start() -> Response:
    """Start a job: run, sweep, optimize, walk-forward, monte-carlo or trust."""
    wanted = body(BacktestWish)
    _demand_names(wanted)
    question = StartBacktest(
        kind=wanted.kind, strategy=wanted.strategy, data=wanted.data, actor=session().user,
        parameters=wanted.parameters, grid=wanted.grid, rules=wanted.rules, options=wanted.options,
    )  # fmt: skip
    return answer(ask_running(SERVICE, question, BacktestStarted, START_TIMEOUT_S), 201)


def _demand_names(wanted: BacktestWish) -> None:
    """A strategy by its name, never by a file: that would run whatever lies there. Candles by a series of the
    local store; files of this machine are for those who administer it.

    Raises:
        ApiProblem: no_path.
    """
    if not _STRATEGY.fullmatch(wanted.strategy) or wanted.strategy.endswith(".py"):
        raise ApiProblem(400, "no_path", "Name a strategy, such as ema-cross; files are not taken here.")
    texts = [wanted.data, *wanted.options.get("also", "").split(";")]
    if permits(session().permissions, "config.write"):
        return
    for text in texts:
        name = text.rpartition("=")[2].strip()
        if name and not _SERIES.fullmatch(name):
            raise ApiProblem(400, "no_path", f"Name a series such as paper/BTC-USDT/1h, not {text[:60]!r}.")


@requires("backtest.read")
def backtest(name: str) -> Response:
    """One job with its curve, trades and trials."""
    return answer(ask_running(SERVICE, GetBacktest(id=name), Backtest, REPORT_TIMEOUT_S))


@requires("backtest.run")
def cancel(name: str) -> Response:
    """End a job; what it had done is kept."""
    done = ask_running(SERVICE, CancelBacktest(id=name, actor=session().user), Done)
    return answer(Message(message=done.message or "It is being ended."))


@requires("backtest.read")
def report(name: str) -> Response:
    """The report of a single run as one page."""
    question = GetBacktest(id=name, report=True, trades=1)
    page = ask_running(SERVICE, question, Backtest, REPORT_TIMEOUT_S).report
    if not page:
        raise ApiProblem(404, "no_report", "Only single runs that are done have a report.")
    return Response(page, mimetype="text/html", headers={"Content-Security-Policy": REPORT_POLICY})


@requires("backtest.read")
def trust() -> Response:
    """How far backtests of a strategy may be trusted: ?strategy=&symbol=."""
    given = request.args
    question = GetTrust(strategy=given.get("strategy", ""), symbol=given.get("symbol", ""))
    return answer(ask_running(SERVICE, question, TrustVerdict))
