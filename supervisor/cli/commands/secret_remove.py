"""cryptobot secret remove"""

import click

from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import note, print_json


@click.command(cls=Command)
@click.argument("name")
@json_option
@pass_call
def command(call: Call, name: str, as_json: bool) -> None:
    """Forget a secret."""
    from ....configs.vault import Vault

    Vault(call.home).remove(name)
    if as_json:
        print_json({"removed": name})
    else:
        note(f"{name} was forgotten.")
