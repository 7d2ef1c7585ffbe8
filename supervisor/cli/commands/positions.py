"""cryptobot positions"""

import click

from ....bus.contracts.trade import GetPortfolio, Portfolio, Position
from .. import ccxt_names
from ..accounts import account_option, ask_each, chosen, with_account, with_name
from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import Column, print_json, print_table, rounded
from ..styles import money_style

COLUMNS = (
    Column("symbol"),
    Column("side"),
    Column("amount", right=True),
    Column("entry price", right=True),
    Column("unrealised", right=True, style=money_style),
    Column("realised", right=True, style=money_style),
    Column("fees", right=True),
)


@click.command(cls=Command)
@account_option
@json_option
@pass_call
def command(call: Call, account: str | None, as_json: bool) -> None:
    """List positions with their profit and loss, fees included.

    With --json: a list of objects with ccxt's field names, money as strings.
    """
    names = chosen(call, account)
    told = ask_each(call, names, lambda name: GetPortfolio(), Portfolio)
    found = [position for portfolio in told for position in portfolio.positions]
    if as_json:
        print_json([ccxt_names.position(position) for position in found])
        return
    rows = [with_name(row(position), position.account, names) for position in found]
    print_table(with_account(COLUMNS, names), rows, empty="There are no positions.")


def row(position: Position) -> list[object]:
    return [
        position.symbol,
        ccxt_names.position_side(position.amount),
        position.amount,
        rounded(position.average),
        rounded(position.unrealised_pnl),
        rounded(position.realised_pnl),
        rounded(position.fees),
    ]
