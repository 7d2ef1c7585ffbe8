"""cryptobot notify retry"""

import click

from ....bus.contracts.base import Done
from ....bus.contracts.notify import RetryDeliveries
from ..addon import ask_addon
from ..call import Call, pass_call, person
from ..group import Command
from ..output import note


@click.command(cls=Command)
@click.argument("delivery", type=click.IntRange(min=1), required=False)
@pass_call
def command(call: Call, delivery: int | None) -> None:
    """Try again now what waits or was given up: DELIVERY (an id of `notify log`), or all."""
    wish = RetryDeliveries(actor=person(), id=delivery or 0)
    note(ask_addon(call, "notify", wish, Done).message)
