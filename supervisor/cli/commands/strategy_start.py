"""cryptobot strategy start"""

import click

from ..call import Call, json_option, pass_call
from ..group import Command
from ..running_strategy import set_running


@click.command(cls=Command)
@click.argument("run")
@json_option
@pass_call
def command(call: Call, run: str, as_json: bool) -> None:
    """Start the strategy RUN; what it missed while it was stopped is past."""
    set_running(call, run, True, as_json=as_json)
