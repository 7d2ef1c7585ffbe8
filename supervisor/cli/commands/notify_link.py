"""cryptobot notify link"""

import click

from ....bus.contracts.notify import BeginLink, LinkCode
from ..addon import ask_addon
from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import note, print_json


@click.command(cls=Command)
@click.argument("user")
@json_option
@pass_call
def command(call: Call, user: str, as_json: bool) -> None:
    """Show a code with which a Telegram chat becomes USER's: good once, for ten minutes."""
    code = ask_addon(call, "notify", BeginLink(user=user), LinkCode)
    if as_json:
        print_json(code)
        return
    bot = f"@{code.bot}" if code.bot else "your bot"
    note(f"Send this to {bot} in Telegram: /link {code.code}")
    if code.address:
        note(f"Or open {code.address}")
