"""cryptobot fills"""

from itertools import chain

import click

from ....bus.contracts.trade import Fill, Fills, ListFills
from ....configs.accounts import service_of
from .. import ccxt_names
from ..accounts import account_option, chosen, with_account, with_name
from ..ask import ask_over, open_bus
from ..call import Call, json_option, pass_call
from ..durations import moment
from ..group import Command
from ..output import Column, plain_decimal, print_json, print_table
from ..styles import side_style

PAGE = 2_000
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
@account_option
@json_option
@pass_call
def command(
    call: Call, symbol: str | None, since: float | None, limit: int, account: str | None, as_json: bool
) -> None:
    """List the fills of this home, newest first.

    With --json: a list of objects with ccxt's field names, money as strings.
    """
    since_ms = None if since is None else int(since * 1000)
    names = chosen(call, account)
    pages = [list_fills(call, symbol, since_ms, limit, service_of(name)) for name in names]
    found = sorted(chain.from_iterable(pages), key=lambda fill: -fill.ts_ms)[:limit]
    if as_json:
        print_json([ccxt_names.fill(fill) for fill in found])
        return
    rows = [with_name(row(fill), fill.account, names) for fill in found]
    print_table(with_account(COLUMNS, names), rows, empty="There are no fills.")


def list_fills(
    call: Call, symbol: str | None, since_ms: int | None, limit: int, service: str = "trade"
) -> list[Fill]:
    """The newest fills of one account, asked for page by page: trade is never busy with them for long."""
    found: list[Fill] = []
    with open_bus(call) as bus:
        while len(found) < limit:
            last = found[-1] if found else None
            wish = ListFills(
                symbol=symbol,
                since_ms=since_ms,
                limit=min(PAGE, limit - len(found)),
                older_than=f"{last.exchange}|{last.symbol}|{last.id}" if last else "",
            )
            page = ask_over(bus, service, wish, Fills).fills
            found += page
            if len(page) < wish.limit:
                break
    return found


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
