"""Commands over the API that the command line works out by itself: history, databases, logs, parity, why.

Each is a process of its own (jobs.py). Its words are made here, from checked values: nobody gives words or
options of their own, and no path.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import msgspec
from flask import Flask, Response, request

from ..access import ANY_USER, requires
from ..context import dashboard, session
from ..jobs import Job, TooManyJobsError
from ..problems import ApiProblem
from .answers import PREFIX, answer, body, limit, number
from .shapes import Answer, Body, Instances

WAIT_S = 15.0
QUICK_S = 30.0
LONG_S = 3600.0
LEVELS = ("debug", "info", "warning", "error", "critical")

Symbol = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9]{1,20}/[A-Za-z0-9]{1,20}(:[A-Za-z0-9]{1,20})?$")]
Timeframe = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,3}[smhdwM]$")]
Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$")]
Day = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
Moment = Annotated[str, msgspec.Meta(pattern=r"^([0-9]{1,6}[smhd]|[0-9]{4}(-[0-9]{2}){2}(T[0-9:]{4,8}Z?)?)$")]


class Nothing(Body, frozen=True, kw_only=True):
    """An empty object."""


class SeriesChoice(Body, frozen=True, kw_only=True):
    """A series of the local history; null takes all."""

    symbol: Symbol | None = None
    timeframe: Timeframe | None = None
    exchange: Name | None = None


class Fetch(Body, frozen=True, kw_only=True):
    """Which candles to fetch; `to` is the day after the last one."""

    symbol: Symbol
    timeframe: Timeframe
    since: Day
    to: Day | None = None
    exchange: Name | None = None


class Owner(Body, frozen=True, kw_only=True):
    """One service's database, or all."""

    owner: Name | None = None


class Traded(Body, frozen=True, kw_only=True):
    """A period that was traded, as times or so long ago (2h); null is the last day."""

    since: Moment | None = None
    to: Moment | None = None
    strategy: Name | None = None


class StrategyChoice(Body, frozen=True, kw_only=True):
    """A bundled strategy, or one of the home's folder, by name."""

    strategy: Name


class CommandResult(Answer, frozen=True, kw_only=True):
    """A command: RUNNING, DONE or FAILED; what it printed (its --json), and what it said when it failed."""

    id: str
    command: str
    state: str
    exit_code: int | None
    output: Any
    error: str


class Lines(Answer, frozen=True, kw_only=True):
    """Lines of logs, oldest first, as they were written."""

    lines: list[Any]


# Values that stand alone are in the order in which the command takes them; the others become --NAME=VALUE.
_WORDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "data-list": (("data", "list"), ()),
    "data-check": (("data", "check"), ("symbol", "timeframe")),
    "data-fetch": (("data", "fetch"), ("symbol", "timeframe")),
    "data-repair": (("data", "repair"), ("symbol", "timeframe")),
    "db-check": (("db", "check"), ()),
    "db-backup": (("db", "backup"), ()),
    "parity": (("parity",), ()),
    "strategy-check": (("strategy", "check"), ("strategy",)),
}
_OPTIONS = {"since": "from"}
# Name: body, permission, does it ask again who it is, how long it may take.
TABLE: dict[str, tuple[type[Body], str, bool, float]] = {
    "data-list": (Nothing, "market.read", False, QUICK_S),
    "data-check": (SeriesChoice, "market.read", False, LONG_S),
    "data-fetch": (Fetch, "data.write", False, LONG_S),
    "data-repair": (SeriesChoice, "data.write", False, LONG_S),
    "db-check": (Owner, "database.manage", False, LONG_S),
    "db-backup": (Owner, "database.manage", True, LONG_S),
    "parity": (Traded, "backtest.run", False, LONG_S),
    "strategy-check": (StrategyChoice, "backtest.run", False, LONG_S),
}


def install(app: Flask) -> None:
    """Add the routes."""
    add = app.add_url_rule
    for name in TABLE:
        add(f"{PREFIX}/commands/{name}", endpoint_of(name), _view(name), methods=["POST"])
    add(f"{PREFIX}/commands/<job>", "api_command", command, methods=["GET"])
    add(f"{PREFIX}/orders/<order_id>/why", "api_why", why, methods=["GET"])
    add(f"{PREFIX}/logs", "api_logs", logs, methods=["GET"])
    add(f"{PREFIX}/services", "api_services", services, methods=["GET"])
    add(f"{PREFIX}/services/<name>/scale", "api_scale", scale, methods=["POST"])


def endpoint_of(name: str) -> str:
    """The endpoint of a command of the table."""
    return f"api_command_{name.replace('-', '_')}"


def words_of(name: str, given: Body) -> list[str]:
    """What the command line is given for a checked body."""
    fixed, alone = _WORDS[name]
    values = {key: value for key, value in msgspec.structs.asdict(given).items() if value is not None}
    options = [f"--{_OPTIONS.get(key, key)}={value}" for key, value in values.items() if key not in alone]
    # After -- nothing is an option, whatever it looks like.
    placed = [str(values[key]) for key in alone if key in values]
    return [*fixed, "--json", *options, *(["--", *placed] if placed else [])]


def _view(name: str) -> Callable[[], Response]:
    shape, permission, step_up, limit_s = TABLE[name]

    @requires(permission, step_up=step_up)
    def view() -> Response:
        return _told(_started(words_of(name, body(shape)), limit_s))

    view.__doc__ = f"Run `cryptobot {' '.join(_WORDS[name][0])}`; 202 while it runs on."
    return view


@requires(ANY_USER)
def command(job: str) -> Response:
    """What became of a command that you started."""
    found = dashboard().jobs.find(job, session().user)
    if found is None:
        raise ApiProblem(404, "not_found", "You started no such command, or it is forgotten.")
    return _told(found)


@requires("trade.read")
def why(order_id: str) -> Response:
    """Why an order was made, and what became of it: candle, signal, limits, order, fills."""
    return answer(_output(["why", "--json", "--", order_id[:80]], 404))


@requires("service.read")
def logs() -> Response:
    """Lines of all logs, oldest first: ?service=&level=&since_ms=&search=&limit=."""
    given, since = request.args, number("since_ms")
    words = ["logs", "--json", f"--lines={limit(200)}"]
    if given.get("level"):
        if given["level"] not in LEVELS:
            raise ApiProblem(400, "invalid_parameter", f"level must be one of {', '.join(LEVELS)}.")
        words.append(f"--level={given['level']}")
    if since is not None:
        words.append(f"--since={_ago(since)}")
    if given.get("search"):
        words.append(f"--grep={_literal(given['search'][:200])}")
    if given.get("service"):
        words += ["--", given["service"][:60]]
    return answer(Lines(lines=_output(words, 400, lines=True) or []))


@requires("service.read")
def services() -> Response:
    """The services that the supervisor knows: what they need, where they answer, and what."""
    return answer({"services": _output(["service", "list", "--json"], 503)})


@requires("service.control", resource="name")
def scale(name: str) -> Response:
    """Run so many instances of a service; the newest go first."""
    wanted = body(Instances)
    return answer({"steps": _output(["scale", "--json", "--", name[:60], str(wanted.instances)], 409)})


def _started(words: Sequence[str], limit_s: float, *, lines: bool = False) -> Job:
    try:
        job = dashboard().jobs.start(session().user, words, limit_s, lines=lines)
    except TooManyJobsError as error:
        raise ApiProblem(429, "busy", str(error)) from error
    job.ended.wait(WAIT_S)
    return job


def _output(words: Sequence[str], status: int, *, lines: bool = False) -> Any:
    """What a quick command printed.

    Raises:
        ApiProblem: refused, with that status; no_answer.
    """
    job = _started(words, WAIT_S, lines=lines)
    if job.exit_code is None:
        raise ApiProblem(504, "no_answer", "The command takes too long; use the command line.")
    if job.exit_code != 0:
        why_not = job.error.removeprefix("cryptobot: ") or "It failed without a word."
        raise ApiProblem(status, "refused", why_not)
    return job.output


def _told(job: Job) -> Response:
    state = "RUNNING" if job.exit_code is None else "DONE" if job.exit_code == 0 else "FAILED"
    shown = CommandResult(
        id=job.id, command=" ".join(job.words), state=state, exit_code=job.exit_code, output=job.output,
        error=job.error,
    )  # fmt: skip
    return answer(shown, 202 if state == "RUNNING" else 200)


def _ago(since_ms: int) -> str:
    from datetime import UTC, datetime

    try:
        return datetime.fromtimestamp(since_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        raise ApiProblem(400, "invalid_parameter", "since_ms is no time.") from None


def _literal(text: str) -> str:
    import re

    return re.escape(text)
