"""cryptobot apikey revoke"""

import click

from ....bus.contracts.auth import RevokeApiKey
from ....bus.contracts.base import Done
from ..ask import ask
from ..call import Call, json_option, pass_call, person
from ..group import Command
from ..output import note, print_json


@click.command(cls=Command)
@click.argument("key_id")
@json_option
@pass_call
def command(call: Call, key_id: str, as_json: bool) -> None:
    """End an API key at once."""
    done = ask(call, "auth", RevokeApiKey(id=key_id, actor=person()), Done)
    if as_json:
        print_json({"revoked": key_id})
    else:
        note(done.message or f"The key {key_id} is no longer valid.")
