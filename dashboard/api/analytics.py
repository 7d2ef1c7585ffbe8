"""Performance over any period, and reports of it, by the analytics service."""

from pathlib import Path
from typing import Annotated

from flask import Flask, Response, request
from msgspec import Meta

from ...bus.contracts.analytics import (
    GetPerformance,
    ListReports,
    MakeReport,
    Performance,
    ReportFile,
    Reports,
    SendReport,
)
from ..access import requires
from ..context import dashboard, session
from ..problems import ApiProblem
from .answers import PREFIX, answer, ask_running, body, number
from .shapes import Body

SERVICE = "analytics"
TIMEOUT_S = 60.0
# The page draws with styles of its own and holds no script.
REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"
Moment = Annotated[int, Meta(ge=0, le=10**17)]
_TYPES = {
    ".html": "text/html",
    ".json": "application/json",
    ".csv": "text/csv",
    ".parquet": "application/vnd.apache.parquet",
}


class ReportWish(Body, frozen=True, kw_only=True):
    """A report: html, json, csv or parquet; `table` (days, trades, groups …) for the last two."""

    from_ms: Moment = 0
    to_ms: Moment = 0
    benchmark: str = ""
    format: str = "html"
    table: str = "days"


class ReportName(Body, frozen=True, kw_only=True):
    """A planned report, by its name in analytics.reports."""

    name: str


def install(app: Flask) -> None:
    """Add the routes."""
    add = app.add_url_rule
    add(f"{PREFIX}/analytics", "api_performance", performance, methods=["GET"])
    add(f"{PREFIX}/analytics/reports", "api_reports", reports, methods=["GET"])
    add(f"{PREFIX}/analytics/reports", "api_make_report", make, methods=["POST"])
    add(f"{PREFIX}/analytics/reports/<name>", "api_report", report, methods=["GET"])
    add(f"{PREFIX}/analytics/send", "api_send_report", send, methods=["POST"])


@requires("trade.read")
def performance() -> Response:
    """How the account did: ?from_ms=&to_ms=&benchmark=; without times from the beginning until now."""
    question = GetPerformance(
        from_ms=number("from_ms") or 0,
        to_ms=number("to_ms") or 0,
        benchmark=request.args.get("benchmark", "")[:40],
    )
    return answer(ask_running(SERVICE, question, Performance, TIMEOUT_S))


@requires("trade.read")
def reports() -> Response:
    """Reports that were made and those that are planned."""
    return answer(ask_running(SERVICE, ListReports(), Reports))


@requires("trade.read")
def make() -> Response:
    """Write a report; it is fetched by its name."""
    wish = body(ReportWish)
    question = MakeReport(
        from_ms=wish.from_ms,
        to_ms=wish.to_ms,
        benchmark=wish.benchmark[:40],
        format=wish.format[:12],
        table=wish.table[:20],
    )
    return answer(ask_running(SERVICE, question, ReportFile, TIMEOUT_S), 201)


@requires("trade.read")
def report(name: str) -> Response:
    """A report that was made."""
    there = {one.name for one in ask_running(SERVICE, ListReports(), Reports).files}
    path = dashboard().home.root / "reports" / name
    if name not in there or not path.is_file():
        raise ApiProblem(404, "unknown_report", f"There is no report {name[:80]}.")
    return _file(path)


def _file(path: Path) -> Response:
    kind = _TYPES.get(path.suffix, "application/octet-stream")
    headers = {"Content-Security-Policy": REPORT_POLICY}
    if path.suffix != ".html":
        headers["Content-Disposition"] = f"attachment; filename={path.name}"
    return Response(path.read_bytes(), mimetype=kind, headers=headers)


@requires("notify.manage")
def send() -> Response:
    """Make a planned report now and send it as a notice."""
    question = SendReport(name=body(ReportName).name[:40], actor=session().user)
    return answer(ask_running(SERVICE, question, ReportFile, TIMEOUT_S), 201)
