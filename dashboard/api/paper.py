"""The paper exchange over the API: where it answers, and its faults on demand."""

from flask import Flask, Response

from ...bus.contracts.paper import GetPaperInfo, InjectPaperFault, PaperFaults, PaperInfo
from ..access import requires
from ..context import session
from .answers import PREFIX, answer, ask_running, body
from .shapes import Fault

PAPER = "paper"


def install(app: Flask) -> None:
    """Add the routes."""
    add = app.add_url_rule
    add(f"{PREFIX}/paper", "api_paper", info, methods=["GET"])
    add(f"{PREFIX}/paper/faults", "api_paper_faults", faults, methods=["GET"])
    add(f"{PREFIX}/paper/faults", "api_paper_fault", inject, methods=["POST"])


@requires("secret.read")
def info() -> Response:
    """Addresses and demo keys of the paper exchange."""
    return answer(ask_running(PAPER, GetPaperInfo(), PaperInfo))


@requires("paper.fault")
def faults() -> Response:
    """Which faults there are, which are switched on, how often each struck."""
    return answer(ask_running(PAPER, InjectPaperFault(kind="", actor=session().user), PaperFaults))


@requires("paper.fault")
def inject() -> Response:
    """Let the paper exchange fail on purpose; the kind `clear` switches all faults off."""
    wanted = body(Fault)
    question = InjectPaperFault(
        kind=wanted.kind, target=wanted.target[:100], count=wanted.count, seconds=wanted.seconds,
        actor=session().user,
    )  # fmt: skip
    return answer(ask_running(PAPER, question, PaperFaults))
