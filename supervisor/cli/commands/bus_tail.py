"""cryptobot bus tail"""

import sys
import time
from typing import Any

import click

from .. import daemon
from ..buslines import as_json_line, for_people, mentions
from ..call import Call, pass_call
from ..durations import moment
from ..group import Command
from ..output import note

EVERYTHING = "*"
OWN_BEATS = "bus."


@click.command(cls=Command)
@click.argument("pattern", default=EVERYTHING)
@click.option(
    "--since",
    type=moment,
    metavar="TIME",
    help="Begin with what the journal has from then on: 5m, 2h ago, or a time.",
)
@click.option(
    "--where", "condition", metavar="CONDITION", help="Only messages for which it holds: 'price > 100'."
)
@click.option(
    "--follow-order", metavar="ID", help="Only what concerns one order: its id, client order id or intent."
)
@click.option("-n", "--count", type=click.IntRange(1), help="End after so many messages.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@pass_call
def command(
    call: Call,
    pattern: str,
    since: float | None,
    condition: str | None,
    follow_order: str | None,
    count: int | None,
    as_json: bool,
) -> None:
    """Show messages as they pass over the bus, until Ctrl-C. It never slows the bus.

    PATTERN is a topic, the start of one, or has * and ?, such as 'order.*' or 'market.candle.*.1s'.
    Without one, everything but the bus's own beats is shown; 'bus.*' shows those.
    With --json each line has topic, source, seq, ts_ns, correlation_id and payload.
    """
    daemon.require_running(call.home)
    from ....bus.tail import tail

    since_s = None if since is None else max(0.0, time.time() - since)
    shown = 0
    with tail(call.home, pattern, since_s, condition) as messages:
        try:
            for message in messages:
                if pattern == EVERYTHING and message["topic"].startswith(OWN_BEATS):
                    continue
                if follow_order is not None and not mentions(message, follow_order):
                    continue
                _show(message, as_json)
                shown += 1
                if shown == count:
                    break
        except KeyboardInterrupt:
            sys.stdout.flush()
        finally:
            if messages.dropped or messages.malformed:
                note(f"{messages.dropped} messages passed unseen, {messages.malformed} could not be read.")


def _show(message: dict[str, Any], as_json: bool) -> None:
    sys.stdout.write((as_json_line(message) if as_json else for_people(message, sys.stdout.isatty())) + "\n")
    sys.stdout.flush()
