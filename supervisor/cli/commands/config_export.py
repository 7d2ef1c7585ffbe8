"""cryptobot config export"""

import sys

import click

from ....configs.exchange import export
from ....configs.load import load
from ..call import Call, pass_call, set_option
from ..group import Command


@click.command(cls=Command)
@click.option("--all", "everything", is_flag=True, help="The defaults, too.")
@set_option
@pass_call
def command(call: Call, everything: bool, overrides: tuple[str, ...]) -> None:
    """Print the settings as YAML for `config import`. Never with secrets."""
    sys.stdout.write(export(load(call.home, overrides), everything=everything))
