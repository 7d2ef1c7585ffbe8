"""cryptobot strategy new"""

import re
import sys

import click

from ....configs.errors import UsageError
from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import note, print_json
from ..strategy_template import text_for

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@click.command(cls=Command)
@click.argument("name")
@json_option
@pass_call
def command(call: Call, name: str, as_json: bool) -> None:
    """Write a commented start for a strategy of your own into the home's `strategies` folder.

    NAME is lower case with hyphens, such as my-idea. An existing file is never touched.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} cannot be a strategy's name; write it lower case with hyphens: my-idea.")
    call.home.create()
    path = call.home.strategies / f"{name.replace('-', '_')}.py"
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text_for(name))
    except FileExistsError:
        raise UsageError(f"{path} is there already; take another name.") from None
    if as_json:
        print_json({"name": name, "file": str(path)})
        return
    sys.stdout.write(f"{path}\n")
    note(f"Look it over:        cryptobot strategy check {name}")
    note(f"Try it on the past:  cryptobot backtest run {name} --data FILE")
    note(f"Let it run:          cryptobot config set strategy.instances.{name}.strategy {name}")
    note("                     cryptobot reload")
