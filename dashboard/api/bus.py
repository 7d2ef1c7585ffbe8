"""The bus over the API: what passes, what may pass, and what passed. `/live` shows it as it passes."""

import pkgutil
import time
from importlib import import_module
from itertools import islice
from typing import Any

from flask import Flask, Response, request

from ...bus import contracts
from ...bus.contracts.base import SCHEMAS
from ...bus.contracts.bus import BusStats, GetBusStats
from ...bus.replay import replay
from ...configs.errors import UsageError
from ..access import requires
from ..context import dashboard
from ..problems import ApiProblem
from .answers import PREFIX, answer, ask, limit, number
from .lists import page_of
from .shapes import MessageKind, MessageKinds, ReplayedMessage, ReplayedMessages

_MS = 1_000_000
_MAX_REPLAYED = 1000
# A chain of causes is told from its beginning, and seldom is longer than this.
_DEFAULT_SPAN_MS = 3_600_000


def install(app: Flask) -> None:
    """Add the routes."""
    add = app.add_url_rule
    add(f"{PREFIX}/bus", "api_bus", stats, methods=["GET"])
    add(f"{PREFIX}/bus/kinds", "api_bus_kinds", kinds, methods=["GET"])
    add(f"{PREFIX}/bus/replay", "api_bus_replay", past, methods=["GET"])


@requires("bus.read")
def stats() -> Response:
    """Messages and bytes by topic, busiest first, and what was lost."""
    found = ask("bus", GetBusStats(limit=5000), BusStats)
    return page_of(found, "topics", lambda one: one.topic)


@requires("bus.read")
def kinds() -> Response:
    """Every kind of message: number, name, how it is delivered, who may cause it."""
    for module in pkgutil.iter_modules(contracts.__path__):
        import_module(f"{contracts.__name__}.{module.name}")
    found = [
        MessageKind(
            number=number, name=kind.__name__, version=kind.SCHEMA_VERSION, delivery=kind.DELIVERY.value,
            permission=kind.PERMISSION, summary=(kind.__doc__ or "").strip().splitlines()[0],
        )
        for number, kind in sorted(SCHEMAS.items())
    ]  # fmt: skip
    return page_of(MessageKinds(kinds=found), "kinds", lambda one: str(one.number))


@requires("audit.read")
def past() -> Response:
    """Messages of the journal, oldest first: ?topic=&from_ms=&to_ms=&correlation_id=&where=&limit=."""
    given, now = request.args, time.time_ns() // _MS
    correlation = given.get("correlation_id", "")[:64]
    since = number("from_ms")
    begin = since if since is not None else (0 if correlation else now - _DEFAULT_SPAN_MS)
    end = number("to_ms")
    most = limit(200)
    if most > _MAX_REPLAYED:
        raise ApiProblem(400, "invalid_parameter", f"limit must be from 1 to {_MAX_REPLAYED} here.")
    try:
        found = replay(
            dashboard().home, given.get("topic", "") or "*", from_ns=begin * _MS,
            to_ns=(end if end is not None else now + 1000) * _MS, where=given.get("where") or None,
            correlation_id=correlation,
        )  # fmt: skip
        messages = [ReplayedMessage(**_told(one)) for one in islice(found, most)]
    except UsageError as error:
        raise ApiProblem(400, "invalid_parameter", str(error)) from error
    return answer(ReplayedMessages(messages=messages))


def _told(message: dict[str, Any]) -> dict[str, Any]:
    kind = SCHEMAS.get(message["schema_id"])
    named = {name: message[name] for name in ("topic", "source", "epoch", "seq", "correlation_id", "payload")}
    return {
        **named,
        "ts_ms": message["ts_ns"] // _MS,
        "kind": kind.__name__ if kind is not None else "",
    }
