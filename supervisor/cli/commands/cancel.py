"""cryptobot cancel"""

import click

from ....bus.contracts.base import Done
from ....bus.contracts.trade import CancelOrder
from ..accounts import account_option, ask_owner, chosen
from ..call import Call, json_option, pass_call, person
from ..group import Command
from ..output import note, print_json


@click.command(cls=Command)
@click.argument("order")
@account_option
@json_option
@pass_call
def command(call: Call, order: str, account: str | None, as_json: bool) -> None:
    """Cancel one order. ORDER is its id, as `orders` shows it."""
    wish = CancelOrder(order_id=order, actor=person())
    done = ask_owner(call, chosen(call, account), wish, Done)
    if as_json:
        print_json(done)
    else:
        note(f"{done.message[:1].upper()}{done.message[1:]}.")
