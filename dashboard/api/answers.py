"""What all addresses of the API share: asking a service, reading a body, answering in JSON."""

from typing import TypeVar

import msgspec
from flask import Response, request

from ...bus.contracts.base import Message
from ..context import dashboard
from ..problems import ApiProblem

B = TypeVar("B", bound=msgspec.Struct)
R = TypeVar("R", bound=Message)

PREFIX = "/api/v1"
# A program that says nothing of its body may mean JSON; a form of another site never can.
_JSON = frozenset({"", "application/json"})
MAX_LIMIT = 5000
# For a machine that does many things at a time: late is better than an error.
PATIENCE_S = 10.0
_AT_REST = frozenset({"STOPPED", "EXITED", "FATAL"})
# More digits than any time in milliseconds has; longer numbers fit into no message.
_MAX_DIGITS = 18


def ask(service: str, question: Message, reply: type[R], timeout_s: float = PATIENCE_S) -> R:
    """Ask a service on the bus; its refusals become the API's. What is switched off is not waited for.

    Raises:
        ApiProblem: not_running.
    """
    gateway = dashboard().gateway
    view = gateway.read_from_thread(lambda state: state.services.get(service))
    if view is not None and view.get("state") in _AT_REST and not gateway.supervisor_away:
        raise ApiProblem(
            503,
            "not_running",
            f"The service {service} is not running. `cryptobot start {service}` starts it now, "
            f"services.{service}.enabled: true always.",
        )
    return gateway.request_from_thread(service, question, reply, timeout_s)


# What the routes of add-ons call it.
ask_running = ask


def answer(value: object, status: int = 200) -> Response:
    """Anything that msgspec can write, as JSON; money stays text."""
    return Response(msgspec.json.encode(value), status, mimetype="application/json")


def body(shape: type[B]) -> B:
    """The request's body.

    Raises:
        ApiProblem: it is not JSON of that shape.
    """
    if request.mimetype not in _JSON:
        raise ApiProblem(415, "no_json", f"Send application/json, not {request.mimetype[:60]}.")
    try:
        return msgspec.json.decode(request.get_data(), type=shape)
    except msgspec.MsgspecError as error:
        raise ApiProblem(400, "invalid_body", f"The request's body is not as expected: {error}.") from error


def number(name: str) -> int | None:
    """A whole number of the query, None when it is not given."""
    text = request.args.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
        raise ApiProblem(400, "invalid_parameter", f"{name} must be a whole number, found {text[:40]!r}.")
    return int(text)


def limit(default: int) -> int:
    """How many rows are wanted."""
    given = number("limit")
    chosen = default if given is None else given
    if not 1 <= chosen <= MAX_LIMIT:
        raise ApiProblem(400, "invalid_parameter", f"limit must be from 1 to {MAX_LIMIT}, found {chosen}.")
    return chosen
