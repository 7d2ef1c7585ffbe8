"""cryptobot secret rotate"""

import click

from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import note, print_json
from ..passwords import read_secret


@click.command(cls=Command)
@click.option(
    "--to",
    "kind",
    type=click.Choice(["machine", "passphrase", "environment", "keychain"]),
    help="Where the new master key comes from; else from where it came before.",
)
@json_option
@pass_call
def command(call: Call, kind: str | None, as_json: bool) -> None:
    """Change the master key that protects all secrets. Their values stay."""
    from ....configs.secret import Secret
    from ....configs.vault import Vault

    phrase = Secret(read_secret("Passphrase")) if kind == "passphrase" else None
    vault = Vault(call.home)
    vault.rotate_master(kind or "", passphrase=phrase)
    if as_json:
        print_json({"protection": vault.protection})
    else:
        note(f"All secrets have a new master key: {vault.protection}.")
