"""cryptobot bus replay"""

import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import click

from ....configs.errors import UsageError
from ..buslines import as_json_line, for_people, mentions
from ..call import Call, pass_call
from ..durations import moment
from ..group import Command
from ..output import note, print_json


@click.command(cls=Command)
@click.argument("span", metavar="[FROM..TO]", default="1h..")
@click.argument("pattern", default="*")
@click.option(
    "--to", "folder", type=click.Path(path_type=Path), metavar="DIR", help="Copy the frames there instead."
)
@click.option(
    "--where", "condition", metavar="CONDITION", help="Only messages for which it holds: 'price > 100'."
)
@click.option("--correlation", default="", metavar="ID", help="Only messages with this cause.")
@click.option(
    "--follow-order", metavar="ID", help="Only what concerns one order: its id, client order id or intent."
)
@click.option("-n", "--count", type=click.IntRange(1), help="At most so many, the oldest.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@pass_call
def command(
    call: Call,
    span: str,
    pattern: str,
    folder: Path | None,
    condition: str | None,
    correlation: str,
    follow_order: str | None,
    count: int | None,
    as_json: bool,
) -> None:
    """Read messages back from the journal. Works when nothing runs, too.

    FROM..TO are times: 10m..5m (ago), 2026-01-31T12:00..2026-01-31T13:00, or open at one end: 10m..
    PATTERN is a topic, the start of one, or has * and ?, such as 'order.*'.
    """
    from ....bus.replay import copy, replay

    from_ns, to_ns = read_span(span)
    if folder is not None:
        number = copy(call.home, folder, pattern, from_ns=from_ns, to_ns=to_ns)
        if as_json:
            print_json({"copied": number, "folder": str(folder)})
        else:
            note(f"{number} messages were copied to {folder}.")
        return
    found = replay(
        call.home, pattern, from_ns=from_ns, to_ns=to_ns, where=condition, correlation_id=correlation
    )
    _print(islice(_about(found, follow_order), count), as_json)


def _about(messages: Iterator[dict[str, Any]], order: str | None) -> Iterator[dict[str, Any]]:
    return messages if order is None else (one for one in messages if mentions(one, order))


def _print(messages: Iterator[dict[str, Any]], as_json: bool) -> None:
    shown = 0
    coloured = sys.stdout.isatty()
    for message in messages:
        sys.stdout.write((as_json_line(message) if as_json else for_people(message, coloured)) + "\n")
        shown += 1
    if not shown:
        note("The journal has nothing of that.")


def read_span(text: str) -> tuple[int, int]:
    """Two times as ns since 1970; an open end is the beginning, or now.

    Raises:
        UsageError: it is no span, or ends before it begins.
    """
    before, dots, after = text.partition("..")
    try:
        begin = moment(before) if before else 0.0
        end = moment(after) if after and dots else time.time()
    except click.BadParameter as error:
        raise UsageError(f"{text!r} is no FROM..TO: {error.message}") from error
    if begin > end:
        raise UsageError(f"{text!r} ends before it begins; write the earlier time first, such as 10m..5m.")
    return int(begin * 1e9), int(end * 1e9)
