"""cryptobot secret list"""

import click

from .. import ccxt_names
from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import Column, note, print_json, print_table

COLUMNS = (Column("secret"), Column("version", right=True), Column("changed"), Column("change again"))


@click.command(cls=Command)
@json_option
@pass_call
def command(call: Call, as_json: bool) -> None:
    """List the names of the secrets, and which are due to be changed. Never their values."""
    from ....configs.vault import Vault

    vault = Vault(call.home)
    found = vault.names()
    if as_json:
        print_json(found)
        return
    rows = [
        [
            one.name,
            one.version,
            ccxt_names.iso(one.changed_ms)[:10],
            "now" if one.due else f"after {one.rotate_days} days" if one.rotate_days else "never",
        ]
        for one in found
    ]
    print_table(COLUMNS, rows, empty="There are no secrets.")
    note(f"Kept encrypted: {vault.protection}.")
