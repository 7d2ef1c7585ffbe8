"""cryptobot notify mute"""

import click

from ....bus.contracts.base import Done
from ....bus.contracts.notify import MuteNotices
from ..addon import ask_addon
from ..call import Call, pass_call, person
from ..group import Command
from ..output import note


@click.command(cls=Command)
@click.argument("minutes", type=click.IntRange(0, 43_200))
@pass_call
def command(call: Call, minutes: int) -> None:
    """Let all but critical notices wait for MINUTES; 0 ends it. Nothing is lost."""
    note(ask_addon(call, "notify", MuteNotices(actor=person(), for_s=minutes * 60.0), Done).message)
