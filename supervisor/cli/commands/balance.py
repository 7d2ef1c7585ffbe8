"""cryptobot balance"""

from decimal import Decimal

import click

from ....bus.contracts.trade import GetPortfolio, Portfolio
from .. import ccxt_names
from ..accounts import account_option, ask_each, chosen, with_account, with_name
from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import Column, note, plain_decimal, print_json, print_table

COLUMNS = (
    Column("asset"),
    Column("free", right=True),
    Column("used", right=True),
    Column("total", right=True),
)


@click.command(cls=Command)
@account_option
@json_option
@pass_call
def command(call: Call, account: str | None, as_json: bool) -> None:
    """List what the accounts hold, as the bot's ledger has it.

    With --json: a list of objects with ccxt's field names, money as strings.
    """
    names = chosen(call, account)
    told = ask_each(call, names, lambda name: GetPortfolio(), Portfolio)
    found = [balance for portfolio in told for balance in portfolio.balances]
    if as_json:
        print_json([ccxt_names.balance(balance) for balance in found])
        return
    rows = [with_name([one.asset, one.free, one.used, one.total], one.account, names) for one in found]
    print_table(with_account(COLUMNS, names), rows, empty="The account is empty.")
    worth = [portfolio.equity for portfolio in told if portfolio.equity is not None]
    for currency in dict.fromkeys(equity.currency for equity in worth):
        whole = sum((one.equity for one in worth if one.currency == currency), Decimal(0))
        note(f"Worth {plain_decimal(whole)} {currency} at market prices.")
