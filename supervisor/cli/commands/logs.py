"""cryptobot logs"""

import contextlib
import re
import sys
from collections.abc import Callable, Iterable
from itertools import chain

import click

from ....configs.errors import UsageError
from ....configs.paths import Home
from ..call import Call, pass_call
from ..durations import moment
from ..group import Command, nearest
from ..logview import LEVELS, Filter, Line, files_of, follow, for_people, last_lines, names_in
from ..output import note
from ..services import known_services
from ..styles import level_colour


@click.command(cls=Command)
@click.argument("service")
@click.option("-f", "--follow", "following", is_flag=True, help="Go on showing lines as they are written.")
@click.option(
    "-n", "--lines", type=click.IntRange(0), default=100, show_default=True, help="Newest lines shown."
)
@click.option("--since", type=moment, metavar="TIME", help="Only from then on: 5m, 2h, 1d ago, or a time.")
@click.option("--level", type=click.Choice(LEVELS), help="Only this level and above.")
@click.option("--grep", metavar="REGEX", help="Only lines in which this is found.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the lines as they were written: one JSON object a line."
)
@pass_call
def command(
    call: Call,
    service: str,
    following: bool,
    lines: int,
    since: float | None,
    level: str | None,
    grep: str | None,
    as_json: bool,
) -> None:
    """Show the log of SERVICE (or of `supervisor`). Works when nothing runs, too."""
    _check_name(call.home, service)
    wanted = Filter(level=level, since=since, grep=_pattern(grep))
    shown: Iterable[Line] = last_lines(call.home.logs, service, wanted, lines)
    if following:
        shown = chain(shown, follow(call.home.logs, service, wanted))
    elif not shown:
        note(f"The log of {service} has no such lines.")
    with contextlib.suppress(KeyboardInterrupt):
        for line in shown:
            sys.stdout.write((line.text if as_json else for_people(line, _style())) + "\n")
            if following:
                sys.stdout.flush()


def _check_name(home: Home, service: str) -> None:
    known = sorted({*known_services(home), *names_in(home.logs), "supervisor"})
    if service not in known:
        raise UsageError(
            f"There is no service `{service}`.{nearest(service, known)} There are: {', '.join(known)}."
        )
    if not files_of(home.logs, service):
        note(f"{service} has not logged anything in {home.logs} yet.")


def _pattern(grep: str | None) -> Callable[[str], object] | None:
    if grep is None:
        return None
    try:
        return re.compile(grep).search
    except re.error as error:
        raise UsageError(f"--grep {grep!r} is not a regular expression: {error}.") from error


def _style() -> Callable[[str, str], str]:
    if not sys.stdout.isatty():
        return lambda text, _level: text
    return lambda text, level: click.style(text, fg=level_colour(level), dim=level == "debug")
