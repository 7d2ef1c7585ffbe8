"""cryptobot cancel"""

import click

from ....bus.contracts.base import Done
from ....bus.contracts.trade import CancelOrder
from ..ask import ask
from ..call import Call, json_option, pass_call, person
from ..group import Command
from ..output import note, print_json


@click.command(cls=Command)
@click.argument("order")
@json_option
@pass_call
def command(call: Call, order: str, as_json: bool) -> None:
    """Cancel one order. ORDER is its id, as `orders` shows it."""
    done = ask(call, "trade", CancelOrder(order_id=order, actor=person()), Done)
    if as_json:
        print_json(done)
    else:
        note(f"{done.message[:1].upper()}{done.message[1:]}.")
