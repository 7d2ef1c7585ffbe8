"""cryptobot user role"""

import click

from ....bus.contracts.auth import ChangeUser
from ....bus.contracts.base import Done
from ..ask import ask
from ..call import Call, json_option, pass_call, person
from ..group import Command
from ..output import note, print_json


@click.command(cls=Command)
@click.argument("user")
@click.argument("role", required=False)
@click.option("--enable/--disable", "enabled", default=None, help="Whether they may log in.")
@json_option
@pass_call
def command(call: Call, user: str, role: str | None, enabled: bool | None, as_json: bool) -> None:
    """Change what a user may do: admin, trader or viewer."""
    done = ask(call, "auth", ChangeUser(user=user, role=role, enabled=enabled, actor=person()), Done)
    if as_json:
        print_json({"user": user, "role": role, "enabled": enabled})
    else:
        note(done.message or f"{user} was changed.")
