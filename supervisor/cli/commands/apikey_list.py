"""cryptobot apikey list"""

import click

from ....bus.contracts.auth import ApiKeys, ListApiKeys
from .. import ccxt_names
from ..ask import ask
from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import Column, print_json, print_table

COLUMNS = (
    Column("id"),
    Column("user"),
    Column("name"),
    Column("scopes"),
    Column("expires"),
    Column("last used"),
)


@click.command(cls=Command)
@click.option("--user", default="", help="Only this user's.")
@json_option
@pass_call
def command(call: Call, user: str, as_json: bool) -> None:
    """List the API keys. Never their secrets."""
    found = ask(call, "auth", ListApiKeys(user=user), ApiKeys).keys
    if as_json:
        print_json(found)
        return
    rows = [
        [
            one.id,
            one.user,
            one.name,
            ", ".join(one.scopes),
            ccxt_names.day(one.expires_ms),
            ccxt_names.day(one.last_used_ms),
        ]
        for one in found
    ]
    print_table(COLUMNS, rows, empty="There are no API keys.")
