"""cryptobot notify log"""

import click

from ....bus.contracts.notify import DeliveryLog, ListDeliveries
from .. import ccxt_names
from ..addon import ask_addon
from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import Column, print_json, print_table
from ..styles import severity_style

STATES = ("waiting", "sending", "sent", "failed")
COLUMNS = (
    Column("id", right=True),
    Column("when"),
    Column("channel"),
    Column("severity", style=severity_style),
    Column("state"),
    Column("tries", right=True),
    Column("what"),
    Column("why not"),
)


@click.command(cls=Command)
@click.option("--channel", default="", help="Of one channel only.")
@click.option("--state", type=click.Choice(STATES), default=None, help="In this state only.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="Newest ones.")
@json_option
@pass_call
def command(call: Call, channel: str, state: str | None, limit: int, as_json: bool) -> None:
    """List what was sent to whom, what waits, and what could not be delivered; newest first."""
    wish = ListDeliveries(channel=channel, state=state or "", limit=limit)
    found = ask_addon(call, "notify", wish, DeliveryLog)
    if as_json:
        print_json(found.entries)
        return
    rows = [
        [
            one.id,
            ccxt_names.iso(one.created_ms)[:19].replace("T", " "),
            f"{one.channel} {one.target}".strip(),
            one.severity,
            one.state,
            one.attempts,
            one.title,
            one.error,
        ]
        for one in found.entries
    ]
    print_table(COLUMNS, rows, empty="Nothing was sent yet.")
