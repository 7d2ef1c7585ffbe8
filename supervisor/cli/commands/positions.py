"""cryptobot positions"""

import click

from ....bus.contracts.trade import GetPortfolio, Portfolio, Position
from .. import ccxt_names
from ..ask import ask
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
@json_option
@pass_call
def command(call: Call, as_json: bool) -> None:
    """List positions with their profit and loss, fees included.

    With --json: a list of objects with ccxt's field names, money as strings.
    """
    found = ask(call, "trade", GetPortfolio(), Portfolio).positions
    if as_json:
        print_json([ccxt_names.position(position) for position in found])
    else:
        print_table(COLUMNS, [row(position) for position in found], empty="There are no positions.")


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
