"""Health over the API: alerts, history of resources and states, the doctor's findings."""

from flask import Flask, Response, request

from ...bus.contracts.base import Done
from ...bus.contracts.monitor import (
    AcknowledgeAlert,
    AlertLog,
    DoctorReport,
    HealthHistory,
    ListAlerts,
    ListHealthHistory,
    ListStates,
    RunDoctor,
    StateLog,
)
from ..access import requires
from ..context import session
from ..problems import ApiProblem
from .answers import PREFIX, answer, ask_running, body, limit, number
from .shapes import Message, Note

MONITOR = "monitor"
# The doctor looks at disks, ports and certificates.
DOCTOR_TIMEOUT_S = 30.0


def install(app: Flask) -> None:
    """Add the routes."""
    add = app.add_url_rule
    add(f"{PREFIX}/alerts", "api_alerts", alerts, methods=["GET"])
    add(f"{PREFIX}/alerts/<number>/acknowledge", "api_acknowledge", acknowledge, methods=["POST"])
    add(f"{PREFIX}/health", "api_health", health, methods=["GET"])
    add(f"{PREFIX}/states", "api_states", states, methods=["GET"])
    add(f"{PREFIX}/doctor", "api_doctor", doctor, methods=["GET"])


@requires("health.read")
def alerts() -> Response:
    """Alerts, newest first: ?open=1&severity=&key=&since_ms=&before=&limit=."""
    given = request.args
    question = ListAlerts(
        open_only=given.get("open") == "1", severity=given.get("severity", ""), key=given.get("key", ""),
        since_ms=number("since_ms") or 0, before=number("before") or 0, limit=limit(200),
    )  # fmt: skip
    return answer(ask_running(MONITOR, question, AlertLog))


@requires("alert.acknowledge")
def acknowledge(number: str) -> Response:
    """Say that somebody knows of an alert; 0 means all that are open."""
    if not (number.isascii() and number.isdigit() and len(number) <= 18):
        raise ApiProblem(404, "unknown_alert", f"There is no alert {number[:40]!r}.")
    question = AcknowledgeAlert(id=int(number), actor=session().user, note=body(Note).note[:500])
    done = ask_running(MONITOR, question, Done)
    return answer(Message(message=done.message or "Acknowledged."))


@requires("health.read")
def health() -> Response:
    """Resources over time: ?service=&since_ms=&until_ms=&step_s=&points=."""
    question = ListHealthHistory(
        service=request.args.get("service", ""), since_ms=number("since_ms") or 0,
        until_ms=number("until_ms") or 0, step_s=number("step_s") or 0,
        points=min(number("points") or 600, 5000),
    )  # fmt: skip
    return answer(ask_running(MONITOR, question, HealthHistory))


@requires("health.read")
def states() -> Response:
    """How services went from state to state, newest first: ?service=&since_ms=&limit=."""
    question = ListStates(
        service=request.args.get("service", ""), since_ms=number("since_ms") or 0, limit=limit(200)
    )
    return answer(ask_running(MONITOR, question, StateLog))


@requires("health.read")
def doctor() -> Response:
    """Look for the usual faults; changes nothing."""
    return answer(ask_running(MONITOR, RunDoctor(), DoctorReport, DOCTOR_TIMEOUT_S))
