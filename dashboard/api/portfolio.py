"""Weights, rebalancing, returns and tax lots, by the portfolio service."""

import csv
import io

import msgspec
from flask import Flask, Response, request

from ...bus.contracts.portfolio import (
    GetPortfolioReport,
    ListPortfolioHistory,
    ListTaxLots,
    PlanRebalance,
    PortfolioHistory,
    PortfolioReport,
    Rebalance,
    RebalancePlan,
    RebalanceResult,
    TaxDisposal,
    TaxLots,
)
from ..access import requires
from ..context import session
from .accounts import named, one_account
from .answers import PREFIX, answer, ask_running, body, limit, number
from .lists import cursor_number, following, page
from .shapes import PlanChoice

PORTFOLIO = "portfolio"
# A rebalance ends when its orders have.
REBALANCE_TIMEOUT_S = 120.0


def install(app: Flask) -> None:
    """Add the routes."""
    add = app.add_url_rule
    add(f"{PREFIX}/portfolio", "api_portfolio", portfolio, methods=["GET"])
    add(f"{PREFIX}/portfolio/history", "api_portfolio_history", history, methods=["GET"])
    add(f"{PREFIX}/portfolio/plan", "api_portfolio_plan", plan, methods=["GET"])
    add(f"{PREFIX}/portfolio/rebalance", "api_rebalance", rebalance, methods=["POST"])
    add(f"{PREFIX}/portfolio/lots", "api_lots", lots, methods=["GET"])
    add(f"{PREFIX}/portfolio/lots.csv", "api_lots_csv", lots_csv, methods=["GET"])


@requires("trade.read", account="all")
def portfolio() -> Response:
    """Weights, what each strategy holds, returns: of all accounts together, or of ?account=."""
    return answer(ask_running(PORTFOLIO, GetPortfolioReport(account=named()), PortfolioReport))


@requires("trade.read", account="all")
def history() -> Response:
    """Equity and flows, oldest first; further pages go back in time: ?since_ms=&cursor=&limit=."""
    most = limit(2000)
    question = ListPortfolioHistory(
        since_ms=number("since_ms"), limit=most, before_ms=cursor_number(), account=named()
    )
    found = ask_running(PORTFOLIO, question, PortfolioHistory)
    key = following(found.points, most, lambda one: str(one.ts_ms), newest_last=True)
    return page(found, "points", found.points, key)


@requires("trade.read", account="one")
def plan() -> Response:
    """What a rebalance would do; nothing is sent."""
    return answer(ask_running(PORTFOLIO, PlanRebalance(account=one_account()), RebalancePlan, 10.0))


@requires("trade.order", account="one")
def rebalance() -> Response:
    """Carry a plan out, sells first; answered when its orders have ended."""
    question = Rebalance(plan_id=body(PlanChoice).plan_id[:80], actor=session().user, account=one_account())
    return answer(ask_running(PORTFOLIO, question, RebalanceResult, REBALANCE_TIMEOUT_S))


@requires("trade.read", account="all")
def lots() -> Response:
    """Gains and open lots: ?method=&since_ms=&until_ms=."""
    return answer(_lots())


@requires("trade.read", account="all")
def lots_csv() -> Response:
    """The disposals as a table for a tax program: ?method=&since_ms=&until_ms=."""
    text = io.StringIO()
    names = [field.name for field in msgspec.structs.fields(TaxDisposal)]
    writer = csv.DictWriter(text, names)
    writer.writeheader()
    for one in _lots().disposals:
        writer.writerow(msgspec.to_builtins(one))
    headers = {"Content-Disposition": "attachment; filename=cryptobot-tax-lots.csv"}
    return Response(text.getvalue(), mimetype="text/csv", headers=headers)


def _lots() -> TaxLots:
    question = ListTaxLots(
        method=request.args.get("method", ""),
        since_ms=number("since_ms"),
        until_ms=number("until_ms"),
        account=named(),
    )
    return ask_running(PORTFOLIO, question, TaxLots)
