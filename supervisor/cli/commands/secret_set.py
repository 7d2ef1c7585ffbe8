"""cryptobot secret set"""

import click

from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import note, print_json
from ..passwords import read_secret


@click.command(cls=Command)
@click.argument("name")
@click.option(
    "--rotate-days", type=click.IntRange(1), default=90, show_default=True, help="Remind after so long."
)
@json_option
@pass_call
def command(call: Call, name: str, rotate_days: int, as_json: bool) -> None:
    """Keep a secret, such as binance.api_key. Its value is asked for, or read from stdin."""
    from ....configs.secret import Secret
    from ....configs.vault import Vault

    call.home.create()
    kept = Vault(call.home).set(name, Secret(read_secret(f"Value of {name}")), rotate_days=rotate_days)
    if as_json:
        print_json(kept)
    else:
        note(f"{kept.name} is kept (version {kept.version}).")
