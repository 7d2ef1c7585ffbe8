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
    StateEntry,
    StateLog,
)
from ..access import requires
from ..context import session
from ..problems import ApiProblem
from .answers import PREFIX, answer, ask_running, body, limit, number
from .lists import cursor, cursor_number, following, page
from .shapes import Message, Note

MONITOR = "monitor"
# The doctor looks at disks, ports and certificates.
DOCTOR_TIMEOUT_S = 30.0
# So many services may change their state within one millisecond.
_SAME_MOMENT = 100


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
    """Alerts, newest first: ?open=1&severity=&key=&since_ms=&cursor=&limit=."""
    given, most = request.args, limit(200)
    question = ListAlerts(
        open_only=given.get("open") == "1", severity=given.get("severity", ""), key=given.get("key", ""),
        since_ms=number("since_ms") or 0, before=cursor_number() or number("before") or 0, limit=most,
    )  # fmt: skip
    found = ask_running(MONITOR, question, AlertLog)
    return page(found, "alerts", found.alerts, following(found.alerts, most, lambda one: str(one.id)))


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
    """How services went from state to state, newest first: ?service=&since_ms=&cursor=&limit=."""
    most, behind = limit(200), cursor()
    moment, _, service = behind.partition("|")
    if behind and not (moment.isascii() and moment.isdigit() and len(moment) <= 18):
        raise ApiProblem(400, "invalid_cursor", "This is no cursor; take `next` of the page before.")
    question = ListStates(
        service=request.args.get("service", ""), since_ms=number("since_ms") or 0,
        limit=most + _SAME_MOMENT, before_ms=int(moment) + 1 if behind else 0,
    )  # fmt: skip
    found = ask_running(MONITOR, question, StateLog)
    rows = [
        one for one in found.entries if not behind or (-one.since_ms, one.service) > (-int(moment), service)
    ]
    rows.sort(key=lambda one: (-one.since_ms, one.service))
    more = len(rows) > most
    return page(found, "entries", rows[:most], _state_key(rows[most - 1]) if more else "")


@requires("health.read")
def doctor() -> Response:
    """Look for the usual faults; changes nothing."""
    return answer(ask_running(MONITOR, RunDoctor(), DoctorReport, DOCTOR_TIMEOUT_S))


def _state_key(entry: StateEntry) -> str:
    return f"{entry.since_ms}|{entry.service}"
