"""cryptobot strategy stop"""

import click

from ..call import Call, json_option, pass_call
from ..group import Command
from ..running_strategy import set_running


@click.command(cls=Command)
@click.argument("run")
@json_option
@pass_call
def command(call: Call, run: str, as_json: bool) -> None:
    """Stop the strategy RUN. Its position and orders stay as they are; it stays stopped after a restart."""
    set_running(call, run, False, as_json=as_json)
