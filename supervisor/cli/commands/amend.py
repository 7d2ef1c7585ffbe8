"""cryptobot amend"""

from decimal import Decimal

import click

from ....bus.contracts.trade import AmendOrder, Order
from .. import ccxt_names
from ..accounts import account_option, ask_owner, chosen
from ..amounts import amount as number
from ..call import Call, json_option, pass_call, person
from ..group import Command
from ..output import note, print_json


@click.command(cls=Command)
@click.argument("order")
@click.option("--price", type=number, metavar="NUMBER", help="The new limit.")
@click.option("--amount", type=number, metavar="NUMBER", help="How much shall still rest.")
@account_option
@json_option
@pass_call
def command(
    call: Call,
    order: str,
    price: Decimal | None,
    amount: Decimal | None,
    account: str | None,
    as_json: bool,
) -> None:
    """Give a resting limit order another price or amount. ORDER is its id, as `orders` shows it.

    Where the exchange can, both happen in one step. The order gets a successor with an id of its own.
    """
    wish = AmendOrder(order_id=order, actor=person(), price=price, amount=amount)
    made = ask_owner(call, chosen(call, account), wish, Order)
    if as_json:
        print_json(ccxt_names.order(made))
    else:
        note(f"Order {made.id} takes its place: {made.side} {made.amount} {made.symbol} at {made.price}.")
