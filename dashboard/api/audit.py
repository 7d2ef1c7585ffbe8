"""The audit log over the API: search, check, take along. auth keeps it."""

import csv
import io
from collections.abc import Iterator

import msgspec
from flask import Flask, Response, request

from ...bus.contracts.auth import AuditEntry, AuditLog, AuditReport, ListAudit, VerifyAudit
from ..access import requires
from ..context import dashboard
from .answers import PREFIX, answer, ask, limit, number
from .lists import cursor_number, following, page

TIMEOUT_S = 10.0
# Every seal is computed anew.
VERIFY_TIMEOUT_S = 60.0
_CHUNK = 2000
# A spreadsheet takes a field that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def install(app: Flask) -> None:
    """Add the routes."""
    add = app.add_url_rule
    add(f"{PREFIX}/audit", "api_audit", entries, methods=["GET"])
    add(f"{PREFIX}/audit/verify", "api_verify_audit", verify, methods=["GET"])
    add(f"{PREFIX}/audit.csv", "api_audit_csv", as_csv, methods=["GET"])
    add(f"{PREFIX}/audit.json", "api_audit_json", as_json, methods=["GET"])


@requires("audit.read")
def entries() -> Response:
    """Who did what, newest first: ?kind=&actor=&search=&since_ms=&cursor=&limit=."""
    most = limit(200)
    found = ask("auth", _question(cursor_number() or 0, most), AuditLog, TIMEOUT_S)
    return page(found, "entries", found.entries, following(found.entries, most, _number_of))


@requires("audit.read")
def verify() -> Response:
    """Check every seal of the chain."""
    return answer(ask("auth", VerifyAudit(), AuditReport, VERIFY_TIMEOUT_S))


@requires("audit.read")
def as_csv() -> Response:
    """The whole log as a table, newest first: ?kind=&actor=&search=&since_ms=."""
    return _download(_csv_parts(_all()), "text/csv", "cryptobot-audit.csv")


@requires("audit.read")
def as_json() -> Response:
    """The whole log with its seals, one JSON object a line, newest first: ?kind=&actor=&search=&since_ms=."""
    lines = (msgspec.json.encode(one) + b"\n" for one in _all())
    return _download(lines, "application/x-ndjson", "cryptobot-audit.jsonl")


def _question(before: int, most: int) -> ListAudit:
    given = request.args
    return ListAudit(
        kind=given.get("kind", "")[:20], actor=given.get("actor", "")[:80],
        search=given.get("search", "")[:200], since_ms=number("since_ms") or 0, before=before, limit=most,
    )  # fmt: skip


def _all() -> Iterator[AuditEntry]:
    """Page by page; the first is asked for at once, so that a refusal is still answered as one."""
    gateway, question = dashboard().gateway, _question(0, _CHUNK)
    first = ask("auth", question, AuditLog, TIMEOUT_S).entries

    def go_on() -> Iterator[AuditEntry]:
        found = first
        while found:
            yield from found
            if len(found) < _CHUNK:
                return
            further = msgspec.structs.replace(question, before=found[-1].number)
            found = gateway.request_from_thread("auth", further, AuditLog, TIMEOUT_S).entries

    return go_on()


def _csv_parts(found: Iterator[AuditEntry]) -> Iterator[bytes]:
    names = [field.name for field in msgspec.structs.fields(AuditEntry)]
    yield (",".join(names) + "\r\n").encode()
    for one in found:
        line = io.StringIO()
        csv.writer(line).writerow([_harmless(value) for value in msgspec.structs.astuple(one)])
        yield line.getvalue().encode()


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _download(parts: Iterator[bytes], kind: str, name: str) -> Response:
    headers = {"Content-Disposition": f"attachment; filename={name}"}
    return Response(parts, mimetype=kind, headers=headers)


def _number_of(entry: AuditEntry) -> str:
    return str(entry.number)
