"""cryptobot user list"""

import click

from ....bus.contracts.auth import ListUsers, Users
from .. import ccxt_names
from ..ask import ask
from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import Column, print_json, print_table

COLUMNS = (Column("user"), Column("role"), Column("enabled"), Column("last login"))


@click.command(cls=Command)
@json_option
@pass_call
def command(call: Call, as_json: bool) -> None:
    """List the people who may log in to the dashboard."""
    found = ask(call, "auth", ListUsers(), Users)
    if as_json:
        print_json(found)
        return
    rows = [
        [one.name, one.role, "yes" if one.enabled else "no", _when(one.last_login_ms)] for one in found.users
    ]
    print_table(COLUMNS, rows, empty="There are no users.")


def _when(ms: int) -> str | None:
    return ccxt_names.iso(ms)[:19].replace("T", " ") if ms else None
