"""cryptobot secret rotate"""

import click

from .. import daemon
from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import note, print_json
from ..passwords import read_secret

_NEXT = {
    "passphrase": " Give the new passphrase as CRYPTOBOT_PASSPHRASE from the next `cryptobot up` on.",
    "environment": " Give the new key as CRYPTOBOT_MASTER_KEY from now on.",
}


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
    """Change the master key that protects all secrets. Their values stay.

    A new passphrase is asked for, or read from stdin. Keys of the environment: the old one in
    CRYPTOBOT_MASTER_KEY, the new one in CRYPTOBOT_NEW_MASTER_KEY.
    """
    from ....configs.secret import Secret
    from ....configs.vault import Vault

    vault = Vault(call.home)
    kind = kind or vault.protection
    phrase = Secret(read_secret("New passphrase")) if kind == "passphrase" else None
    vault.rotate_master(kind, passphrase=phrase)
    if as_json:
        print_json({"protection": vault.protection})
    else:
        note(f"All secrets have a new master key: {vault.protection}.{_NEXT.get(kind, '')}")
        if kind in _NEXT and daemon.is_running(call.home):
            note("`cryptobot down` and `up` with it: until then no service that needs a secret can restart.")
