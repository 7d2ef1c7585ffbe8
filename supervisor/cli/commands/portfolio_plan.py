"""cryptobot portfolio plan"""

import click

from ....bus.contracts.portfolio import PlanRebalance, RebalancePlan
from ..accounts import chosen
from ..addon import ask_addon
from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import note, print_json
from ..portfolio_tables import print_plan


@click.command(cls=Command)
@click.option("--account", default="main", show_default=True, metavar="NAME", help="Which account.")
@json_option
@pass_call
def command(call: Call, account: str, as_json: bool) -> None:
    """Show which orders would bring the weights back to their targets. Nothing is sent.

    A correction is left out when it is small, when nothing is off by more than portfolio.drift_percent, or
    when its fees and spread are more than it is worth.
    """
    plan = ask_addon(call, "portfolio", PlanRebalance(account=chosen(call, account)[0]), RebalancePlan)
    if as_json:
        print_json(plan)
        return
    print_plan(plan)
    note(plan.sentence)
