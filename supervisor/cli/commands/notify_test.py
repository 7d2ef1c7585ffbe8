"""cryptobot notify test"""

import click

from ....bus.contracts.notify import ChannelTests, TryChannels
from ....configs.errors import CryptoBotError
from ..addon import ask_addon
from ..call import Call, json_option, pass_call, person
from ..group import Command
from ..output import Column, print_json, print_table

COLUMNS = (Column("channel"), Column("result"), Column("ms", right=True), Column("why"))
_PATIENCE_S = 120.0


@click.command(cls=Command)
@click.argument("channel", default="")
@json_option
@pass_call
def command(call: Call, channel: str, as_json: bool) -> None:
    """Send a test message to CHANNEL, or to all, past rules and quiet hours.

    Exit code 1 when one of them did not take it.
    """
    wish = TryChannels(actor=person(), channel=channel)
    found = ask_addon(call, "notify", wish, ChannelTests, timeout_s=_PATIENCE_S)
    if as_json:
        print_json(found.tests)
    else:
        rows = [[one.channel, "sent" if one.ok else "failed", one.took_ms, one.reason] for one in found.tests]
        print_table(COLUMNS, rows, empty="No channel: cryptobot secret set notify.NAME")
    bad = [one.channel for one in found.tests if not one.ok]
    if bad:
        raise CryptoBotError(f"Not delivered to {', '.join(bad)}.")
