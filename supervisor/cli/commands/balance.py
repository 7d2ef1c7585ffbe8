"""cryptobot balance"""

import click

from ....bus.contracts.trade import GetPortfolio, Portfolio
from .. import ccxt_names
from ..ask import ask
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
@json_option
@pass_call
def command(call: Call, as_json: bool) -> None:
    """List what the account holds, as the bot's ledger has it.

    With --json: a list of objects with ccxt's field names, money as strings.
    """
    portfolio = ask(call, "trade", GetPortfolio(), Portfolio)
    if as_json:
        print_json([ccxt_names.balance(balance) for balance in portfolio.balances])
        return
    rows = [[balance.asset, balance.free, balance.used, balance.total] for balance in portfolio.balances]
    print_table(COLUMNS, rows, empty="The account is empty.")
    if portfolio.equity is not None:
        note(f"Worth {plain_decimal(portfolio.equity.equity)} {portfolio.equity.currency} at market prices.")
