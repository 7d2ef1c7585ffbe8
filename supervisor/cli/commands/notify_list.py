"""cryptobot notify list"""

import click

from ....bus.contracts.notify import GetNotifyStatus, NotifyStatus
from .. import ccxt_names
from ..addon import ask_addon
from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import Column, note, print_json, print_table

CHANNELS = (
    Column("channel"),
    Column("kind"),
    Column("address"),
    Column("waiting", right=True),
    Column("last sent"),
    Column("problem"),
)
RULES = (Column("rule"), Column("topics"), Column("from"), Column("to"), Column("how"))


@click.command(cls=Command)
@json_option
@pass_call
def command(call: Call, as_json: bool) -> None:
    """List the channels, the rules and the linked Telegram chats.

    A channel is a secret: `cryptobot secret set notify.NAME` with an address of apprise, then
    `cryptobot restart notify`.
    """
    status = ask_addon(call, "notify", GetNotifyStatus(), NotifyStatus)
    if as_json:
        print_json(status)
        return
    channels = [
        [
            one.name,
            one.kind,
            one.address,
            one.waiting,
            ccxt_names.iso(one.last_sent_ms)[:19].replace("T", " ") if one.last_sent_ms else "never",
            one.problem or (one.last_error if one.waiting else ""),
        ]
        for one in status.channels
    ]
    print_table(CHANNELS, channels, empty="No channel: cryptobot secret set notify.NAME")
    rules = [
        [
            one.name,
            ", ".join(one.topics),
            one.severity,
            ", ".join(one.channels) or "all",
            "digest" if one.digest else "at once",
        ]
        for one in status.rules
    ]
    print_table(RULES, rules, empty="No rule is on.")
    for link in status.links:
        note(f"The Telegram chat {link.id} ({link.title}) speaks for {link.user}.")
    if status.bot_problem:
        note(f"No commands from Telegram: {status.bot_problem}.")
    if status.quiet:
        note(f"Quiet hours ({status.quiet_hours}): only critical notices are sent now.")
