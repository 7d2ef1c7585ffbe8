"""cryptobot orders"""

from itertools import chain

import click

from ....bus.contracts.trade import ListOrders, Order, Orders
from ....configs.accounts import service_of
from .. import ccxt_names
from ..accounts import account_option, chosen, with_account, with_name
from ..ask import ask_over, open_bus
from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import Column, print_json, print_table
from ..styles import side_style, state_style

PAGE = 2_000
COLUMNS = (
    Column("time"),
    Column("symbol"),
    Column("side", style=side_style),
    Column("type"),
    Column("amount", right=True),
    Column("filled", right=True),
    Column("average", right=True),
    Column("state", style=state_style),
    Column("from"),
    Column("client order id"),
)


@click.command(cls=Command)
@click.option("--symbol", metavar="SYMBOL", help="Only this market, such as BTC/USDT.")
@click.option("--open", "open_only", is_flag=True, help="Only orders that are not finished.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=500, show_default=True, help="Newest ones.")
@account_option
@json_option
@pass_call
def command(
    call: Call, symbol: str | None, open_only: bool, limit: int, account: str | None, as_json: bool
) -> None:
    """List the orders of this home, newest first.

    With --json: a list of objects with ccxt's field names, money as strings. `status` is ccxt's
    (open, closed, canceled, expired, rejected), `state` is the bot's own, finer one.
    """
    names = chosen(call, account)
    pages = [list_orders(call, symbol, open_only, limit, service_of(name)) for name in names]
    found = sorted(chain.from_iterable(pages), key=lambda order: -order.created_ms)[:limit]
    if as_json:
        print_json([ccxt_names.order(order) for order in found])
        return
    rows = [with_name(row(order), order.account, names) for order in found]
    print_table(with_account(COLUMNS, names), rows, empty="There are no orders.")


def list_orders(
    call: Call, symbol: str | None, open_only: bool, limit: int, service: str = "trade"
) -> list[Order]:
    """The newest orders of one account, asked for page by page: trade is never busy with them for long."""
    found: list[Order] = []
    with open_bus(call) as bus:
        while len(found) < limit:
            wish = ListOrders(
                symbol=symbol,
                open_only=open_only,
                limit=min(PAGE, limit - len(found)),
                older_than=found[-1].id if found else "",
            )
            page = ask_over(bus, service, wish, Orders).orders
            found += page
            if len(page) < wish.limit:
                break
    return found


def row(order: Order) -> list[object]:
    return [
        ccxt_names.iso(order.created_ms)[:19].replace("T", " "),
        order.symbol,
        order.side,
        order.type,
        order.amount,
        order.filled,
        order.average,
        order.state,
        order.source,
        order.client_order_id,
    ]
