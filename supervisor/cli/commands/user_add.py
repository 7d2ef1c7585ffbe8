"""cryptobot user add"""

import sys

import click

from ....bus.contracts.auth import AddUser, NewPassword
from ..ask import ask
from ..call import Call, json_option, pass_call, person
from ..group import Command
from ..output import note, print_json
from ..passwords import read_password


@click.command(cls=Command)
@click.argument("user")
@click.option("--role", default="viewer", show_default=True, help="admin, trader or viewer.")
@click.option("--ask", "asking", is_flag=True, help="Ask for the password instead of making one.")
@json_option
@pass_call
def command(call: Call, user: str, role: str, asking: bool, as_json: bool) -> None:
    """Let a person log in to the dashboard. A password is made, to be changed at the first login."""
    wish = AddUser(user=user, role=role, password=read_password() if asking else "", actor=person())
    made = ask(call, "auth", wish, NewPassword)
    if as_json:
        print_json({"user": user, "role": role, "password": made.password or None})
    elif made.password:
        sys.stdout.write(made.password + "\n")
        note(f"{user} ({role}) may log in with this password; it is shown only now.")
    else:
        note(f"{user} ({role}) may log in.")
