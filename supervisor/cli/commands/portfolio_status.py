"""cryptobot portfolio status"""

import click

from ....bus.contracts.portfolio import GetPortfolioReport, PortfolioReport, ReturnFigures
from ..accounts import account_option, chosen
from ..addon import ask_addon
from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import note, print_json
from ..portfolio_tables import print_report


@click.command(cls=Command)
@account_option
@json_option
@pass_call
def command(call: Call, account: str | None, as_json: bool) -> None:
    """Show weights against their targets, what each strategy holds, and returns.

    What was paid in or out is neither profit nor loss. Time-weighted is what trading did, money-weighted is
    what the money got.
    """
    names = chosen(call, account)
    wish = GetPortfolioReport(account=names[0] if len(names) == 1 else "")
    report = ask_addon(call, "portfolio", wish, PortfolioReport)
    if as_json:
        print_json(report)
        return
    print_report(report)
    if report.returns is not None:
        note(returns(report.returns, report.currency))
    if report.note:
        note(report.note)


def returns(figures: ReturnFigures, currency: str) -> str:
    """Returns in a sentence."""
    flows = f"{figures.deposited:.2f} paid in, {figures.withdrawn:.2f} taken out"
    text = (
        f"Profit {figures.profit:.2f} {currency} ({flows}); time-weighted {figures.time_weighted:.2f} %"
        f", money-weighted {_percent(figures)}."
    )
    if figures.annual_time_weighted is not None:
        text += f" A year of this would be {figures.annual_time_weighted:.2f} %."
    return text


def _percent(figures: ReturnFigures) -> str:
    return "unknown" if figures.money_weighted is None else f"{figures.money_weighted:.2f} %"
