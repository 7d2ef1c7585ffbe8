"""cryptobot strategy stop"""

import sys

import click

from ....bus.contracts.base import Done
from ....bus.contracts.strategy import SetStrategyRunning
from ....configs.errors import RequestFailedError, UsageError
from ..ask import ask
from ..call import Call, json_option, pass_call, person
from ..group import Command
from ..output import print_json


@click.command(cls=Command)
@click.argument("run")
@json_option
@pass_call
def command(call: Call, run: str, as_json: bool) -> None:
    """Stop the strategy RUN. Its position and orders stay as they are; it stays stopped after a restart."""
    try:
        done = ask(call, "strategy", SetStrategyRunning(name=run, running=False, actor=person()), Done)
    except RequestFailedError as error:
        if error.code == "unknown_strategy":
            raise UsageError(error.message) from error
        raise
    if as_json:
        print_json({"run": run, "running": False, "message": done.message})
    else:
        sys.stdout.write(f"{done.message}\n")
