"""cryptobot user recovery-codes"""

import sys

import click

from ....bus.contracts.auth import RecoveryCodes
from ....bus.contracts.factors import ResetRecoveryCodes
from ..ask import ask
from ..call import Call, json_option, pass_call, person
from ..group import Command
from ..output import note, print_json


@click.command(cls=Command)
@click.argument("user")
@json_option
@pass_call
def command(call: Call, user: str, as_json: bool) -> None:
    """Give a user other recovery codes. Those of before are worth nothing; the second factor stays."""
    made = ask(call, "auth", ResetRecoveryCodes(user=user, actor=person()), RecoveryCodes)
    if as_json:
        print_json({"user": user, "codes": made.codes})
        return
    sys.stdout.write("\n".join(made.codes) + "\n")
    note(f"The recovery codes of {user}; they are shown only now, and each works once.")
