"""cryptobot addon open"""

import sys
from pathlib import Path

import click

from ....configs.errors import CryptoBotError
from ..addon_words import ask_about, refuse_taken, tell_installed
from ..call import Call, pass_call
from ..failures import expected
from ..group import Command
from ..output import note


@click.command(cls=Command)
@click.argument("file", type=click.Path(path_type=Path))
@pass_call
def command(call: Call, file: Path) -> int:
    """What a double click on an add-on does: show it, ask, install, and wait for Enter in the end."""
    try:
        _offer(call, file)
        code = 0
    except CryptoBotError as error:
        code = expected(error)
    if sys.stdin.isatty():
        note("Press Enter to close this window.")
        sys.stdin.readline()
    return code


def _offer(call: Call, file: Path) -> None:
    from ...install import addons

    candidate = addons.inspect(call.home, file)
    refuse_taken(call.home, candidate)
    if not ask_about(call.home, candidate):
        note("Nothing was installed.")
        return
    receipt, before = addons.install(call.home, file)
    tell_installed(receipt, before, addons.services_of(receipt))
