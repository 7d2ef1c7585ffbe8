"""cryptobot config rollback"""

import click

from ....configs import edit
from ..call import Call, json_option, pass_call, person
from ..group import Command
from ..output import note, print_json


@click.command(cls=Command)
@click.argument("revision", type=int)
@json_option
@pass_call
def command(call: Call, revision: int, as_json: bool) -> None:
    """Make an earlier REVISION of config.yaml the current one. That is a revision, too."""
    made = edit.rollback(call.home, revision, actor=person())
    if as_json:
        print_json({"changed": made is not None, "revision": made.number if made else None})
    else:
        note(f"Back to revision {revision} (as revision {made.number})." if made else "It was so already.")
