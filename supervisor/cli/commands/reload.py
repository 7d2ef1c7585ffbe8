"""cryptobot reload"""

import click

from .. import daemon
from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import Column, print_json, print_table
from ..prepare import note_edits

COLUMNS = (Column("service"), Column("what"), Column("why"))


@click.command(cls=Command)
@click.option("--plan", "only_plan", is_flag=True, help="Show what would be done, and do nothing.")
@json_option
@pass_call
def command(call: Call, only_plan: bool, as_json: bool) -> None:
    """Put changed settings in force; only what changed is restarted."""
    with daemon.connect(call.home) as client:
        note_edits(call.home)
        steps = client.plan("reload") if only_plan else steps_of(client.reload())
    if as_json:
        print_json(steps)
        return
    rows = [[step["service"], step["action"], step["why"]] for step in steps]
    print_table(COLUMNS, rows, empty="Nothing changed.")


def steps_of(answer: object) -> list[dict[str, str]]:
    """The plan that a reload carries out."""
    return list(answer) if isinstance(answer, list) else []
