"""cryptobot fills"""

import click

from ....bus.contracts.trade import Fill, Fills, ListFills
from .. import ccxt_names
from ..ask import ask
from ..call import Call, json_option, pass_call
from ..durations import moment
from ..group import Command
from ..output import Column, plain_decimal, print_json, print_table
from ..styles import side_style

COLUMNS = (
    Column("time"),
    Column("symbol"),
    Column("side", style=side_style),
    Column("price", right=True),
    Column("amount", right=True),
    Column("cost", right=True),
    Column("fee", right=True),
    Column("role"),
    Column("id"),
)


@click.command(cls=Command)
@click.option("--symbol", metavar="SYMBOL", help="Only this market, such as BTC/USDT.")
@click.option(
    "--since",
    type=moment,
    metavar="TIME",
    help="Only from then on: 5m, 2h, 1d ago, or a time such as 2026-01-31T12:00.",
)
@click.option("--limit", type=click.IntRange(1, 100_000), default=500, show_default=True, help="Newest ones.")
@json_option
@pass_call
def command(call: Call, symbol: str | None, since: float | None, limit: int, as_json: bool) -> None:
    """List the fills of this home, newest first.

    With --json: a list of objects with ccxt's field names, money as strings.
    """
    since_ms = None if since is None else int(since * 1000)
    found = ask(call, "trade", ListFills(symbol=symbol, since_ms=since_ms, limit=limit), Fills).fills
    if as_json:
        print_json([ccxt_names.fill(fill) for fill in found])
    else:
        print_table(COLUMNS, [row(fill) for fill in found], empty="There are no fills.")


def row(fill: Fill) -> list[object]:
    return [
        ccxt_names.iso(fill.ts_ms)[:19].replace("T", " "),
        fill.symbol,
        fill.side,
        fill.price,
        fill.amount,
        fill.cost,
        f"{plain_decimal(fill.fee)} {fill.fee_currency}",
        "maker" if fill.maker else "taker",
        fill.id,
    ]
