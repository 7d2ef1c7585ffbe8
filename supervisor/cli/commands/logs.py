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
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
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
    services: tuple[str, ...],
    following: bool,
    lines: int,
    since: float | None,
    level: str | None,
    grep: str | None,
    as_json: bool,
) -> None:
    """Show the logs of SERVICEs (or of `supervisor`), merged by time; of all when none is named.

    Works when nothing runs, too. Rotated files are read as well, the compressed ones included.
    """
    folder = call.home.logs
    for service in services:
        _check_name(call.home, service)
    wanted = Filter(level=level, since=since, grep=_pattern(grep))
    shown: Iterable[Line] = last_lines(folder, services or names_in(folder), wanted, lines)
    if following:
        shown = chain(shown, follow(folder, lambda: services or names_in(folder), wanted))
    elif not shown:
        note(
            f"The log of {services[0]} has no such lines." if len(services) == 1 else "No log has such lines."
        )
    width = 0 if len(services) == 1 else max(map(len, services or names_in(folder)), default=0)
    with contextlib.suppress(KeyboardInterrupt):
        for line in shown:
            sys.stdout.write((line.text if as_json else for_people(line, _style(), width)) + "\n")
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
