"""cryptobot apikey create"""

import sys

import click

from ....bus.contracts.auth import CreateApiKey, NewApiKey
from ..ask import ask
from ..call import Call, json_option, pass_call, person
from ..durations import length
from ..group import Command
from ..output import note, print_json


@click.command(cls=Command)
@click.argument("user")
@click.argument("name")
@click.option(
    "--scope", "scopes", multiple=True, required=True, help="A permission, such as trade.read. Several times."
)
@click.option("--valid", "valid_s", type=length, metavar="TIME", help="Ends after 30d, …; else never.")
@click.option(
    "--address", "addresses", multiple=True, help="Only from this address or network. Several times."
)
@json_option
@pass_call
def command(
    call: Call,
    user: str,
    name: str,
    scopes: tuple[str, ...],
    valid_s: float | None,
    addresses: tuple[str, ...],
    as_json: bool,
) -> None:
    """Make an API key for USER. Its secret is shown only now."""
    wish = CreateApiKey(
        user=user,
        name=name,
        scopes=list(scopes),
        actor=person(),
        valid_s=valid_s or 0.0,
        addresses=list(addresses),
    )
    made = ask(call, "auth", wish, NewApiKey)
    if as_json:
        print_json(made)
    else:
        sys.stdout.write(made.secret + "\n")
        note(f"The key {made.key.id} of {user}; its secret is shown only now.")
