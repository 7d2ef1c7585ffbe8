"""cryptobot risk limits"""

from decimal import Decimal

import click

from ....bus.contracts.risk import GetRisk, RiskFigure, RiskReport
from ..accounts import account_option, chosen, with_account, with_name
from ..addon import ask_addon
from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import Column, print_json, print_table

COLUMNS = (
    Column("limit"),
    Column("now", right=True),
    Column("at most", right=True),
    Column("unit"),
    Column("at the limit"),
)


@click.command(cls=Command)
@click.option("--all", "everything", is_flag=True, help="Also the limits that are off.")
@account_option
@json_option
@pass_call
def command(call: Call, everything: bool, account: str | None, as_json: bool) -> None:
    """List the limits of the risk service and how much of each is used.

    They are settings: `cryptobot config explain risk.max_daily_drawdown_percent`, `cryptobot config set`.
    """
    names = chosen(call, account)
    found = {name: ask_addon(call, "risk", GetRisk(account=name), RiskReport).figures for name in names}
    if as_json:
        print_json(found[names[0]] if len(names) == 1 else found)
        return
    rows = [
        with_name(row(one), name, names)
        for name, figures in found.items()
        for one in figures
        if everything or one.limit is not None
    ]
    print_table(with_account(COLUMNS, names), rows, empty="No limit is set.")


def row(figure: RiskFigure) -> list[object]:
    """One line of the table."""
    limit = "off" if figure.limit is None else figure.limit
    return [figure.title, _short(figure.value), limit, figure.unit, figure.action]


def _short(value: Decimal | None) -> Decimal | None:
    return None if value is None else round(value, 2)
