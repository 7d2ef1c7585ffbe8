"""cryptobot config check"""

from typing import TextIO

import click

from ....configs.load import load, load_text
from ..call import Call, json_option, pass_call, set_option
from ..group import Command
from ..output import note, print_json


@click.command(cls=Command)
@click.argument("file", type=click.File("r", encoding="utf-8"), required=False)
@set_option
@json_option
@pass_call
def command(call: Call, file: TextIO | None, overrides: tuple[str, ...], as_json: bool) -> None:
    """Check config.yaml, the environment and --set. Every fault is named with its place; exit code 2.

    With FILE (- is stdin) that file is checked instead, as `config import` would.
    """
    path, there = str(call.home.config_file), call.home.config_file.exists()
    if file is not None:
        path, there = file.name, True
        load_text(file.read(), path, overrides)
    else:
        load(call.home, overrides)
    if as_json:
        print_json({"ok": True, "file": path})
    else:
        note(f"{path} is in order." if there else f"There is no {path}; the defaults hold.")
