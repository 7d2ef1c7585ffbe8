"""cryptobot reload"""

import click

from .. import daemon
from ..call import Call, json_option, pass_call
from ..control import plan_option, show_steps
from ..group import Command
from ..prepare import note_edits


@click.command(cls=Command)
@plan_option
@json_option
@pass_call
def command(call: Call, only_plan: bool, as_json: bool) -> None:
    """Put changed settings in force; only what changed is restarted."""
    with daemon.connect(call.home) as client:
        note_edits(call.home)
        steps = client.plan("reload") if only_plan else steps_of(client.reload())
    show_steps(steps, as_json=as_json, empty="Nothing changed.")


def steps_of(answer: object) -> list[dict[str, str]]:
    """The plan that a reload carries out."""
    return list(answer) if isinstance(answer, list) else []
