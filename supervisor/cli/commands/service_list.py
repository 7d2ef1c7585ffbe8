"""cryptobot service list"""

from typing import Any

import click

from .. import daemon
from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import Column, print_json, print_table
from ..styles import state_style

COLUMNS = (
    Column("service"),
    Column("kind"),
    Column("state", style=state_style),
    Column("requires"),
    Column("group"),
    Column("epoch", right=True),
    Column("endpoint"),
    Column("answers"),
)


@click.command(cls=Command)
@json_option
@pass_call
def command(call: Call, as_json: bool) -> None:
    """List the services that the supervisor knows: what they need, where they answer, and what.

    The epoch numbers a service's lives on the bus. --json has all of it: name, title, kind, state, ready,
    pid, endpoint, epoch, schemas, requires, wants, group, restart, enabled, optional, instances.
    """
    with daemon.connect(call.home) as client:
        found = client.discover()
    if as_json:
        print_json(found)
        return
    print_table(COLUMNS, [_row(service) for service in found], empty="There are no services.")


def _row(service: dict[str, Any]) -> list[object]:
    answers = [name for name in service["schemas"] if name != "Ping"]
    return [
        service["name"],
        service["kind"],
        service["state"],
        ", ".join(service["requires"]) or None,
        service["group"] or None,
        service["epoch"] or None,
        service["endpoint"] or None,
        f"{len(answers)} requests" if len(answers) > 2 else ", ".join(answers) or None,
    ]
