"""cryptobot config check"""

import click

from ....configs.load import load
from ..call import Call, json_option, pass_call, set_option
from ..group import Command
from ..output import note, print_json


@click.command(cls=Command)
@set_option
@json_option
@pass_call
def command(call: Call, overrides: tuple[str, ...], as_json: bool) -> None:
    """Check config.yaml, the environment and --set. Every fault is named with its place; exit code 2."""
    load(call.home, overrides)
    if as_json:
        print_json({"ok": True, "file": str(call.home.config_file)})
    else:
        file = call.home.config_file
        note(f"{file} is in order." if file.exists() else f"There is no {file}; the defaults hold.")
