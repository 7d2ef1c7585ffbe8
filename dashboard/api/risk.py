"""Limits over the whole account, by the risk service."""

from flask import Flask, Response

from ...bus.contracts.risk import GetRisk, RearmRisk, RiskReport
from ..access import requires
from ..context import session
from .accounts import named, one_account
from .answers import PREFIX, answer, ask_running, body
from .shapes import Rearm

RISK = "risk"


def install(app: Flask) -> None:
    """Add the routes."""
    add = app.add_url_rule
    add(f"{PREFIX}/risk", "api_risk", risk, methods=["GET"])
    add(f"{PREFIX}/risk/rearm", "api_rearm", rearm, methods=["POST"])


@requires("trade.read", account="one")
def risk() -> Response:
    """The verdict in force and how much of every limit is used; of main, or of ?account=."""
    return answer(ask_running(RISK, GetRisk(account=one_account()), RiskReport))


@requires("trade.halt", step_up=True, account="all")
def rearm() -> Response:
    """Let trading go on after risk halted it (or ?account= alone); losses count from now on."""
    wanted = body(Rearm)
    question = RearmRisk(
        actor=session().user, reason=wanted.reason[:500], blocks=wanted.blocks, account=named()
    )
    return answer(ask_running(RISK, question, RiskReport, 10.0))
