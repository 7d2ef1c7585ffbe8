"""cryptobot user passwd"""

import sys

import click

from ....bus.contracts.auth import NewPassword, ResetPassword
from ..ask import ask
from ..call import Call, json_option, pass_call, person
from ..group import Command
from ..output import note, print_json
from ..passwords import read_password


@click.command(cls=Command)
@click.argument("user")
@click.option("--generate", is_flag=True, help="Make a password instead of asking for one.")
@json_option
@pass_call
def command(call: Call, user: str, generate: bool, as_json: bool) -> None:
    """Give a user another password. Their sessions end, and a lock-out with them."""
    wish = ResetPassword(user=user, password="" if generate else read_password(), actor=person())
    made = ask(call, "auth", wish, NewPassword)
    if as_json:
        print_json({"user": user, "password": made.password or None})
    elif made.password:
        sys.stdout.write(made.password + "\n")
        note(f"The password of {user}; it is shown only now.")
    else:
        note(f"{user} has another password.")
