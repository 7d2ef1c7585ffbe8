"""cryptobot portfolio rebalance"""

import sys

import click

from ....bus.contracts.portfolio import PlanRebalance, Rebalance, RebalancePlan, RebalanceResult
from ....configs.errors import CryptoBotError, UsageError
from ..accounts import chosen
from ..addon import ask_addon
from ..call import Call, json_option, pass_call, person
from ..group import Command
from ..output import note, print_json
from ..portfolio_tables import print_plan, print_sent

_PATIENCE_S = 300.0


@click.command(cls=Command)
@click.option("--yes", is_flag=True, help="Do not ask; for scripts.")
@click.option("--account", default="main", show_default=True, metavar="NAME", help="Which account.")
@json_option
@pass_call
def command(call: Call, yes: bool, account: str, as_json: bool) -> None:
    """Bring the weights back to their targets: sells first, then buys. Shows the plan and asks first."""
    if not yes and not sys.stdin.isatty():
        raise UsageError("There is nobody to ask; look at `portfolio plan` and say --yes.")
    plan = ask_addon(call, "portfolio", PlanRebalance(account=chosen(call, account)[0]), RebalancePlan)
    wanted = [order for order in plan.orders if not order.skipped]
    if not as_json:
        print_plan(plan)
        note(plan.sentence)
    if not wanted:
        if as_json:
            print_json(RebalanceResult(plan_id=plan.id, state="NOTHING", orders=[], sentence=plan.sentence))
        return
    if not yes and not click.confirm("Send these orders?", err=True):
        note("Nothing was sent.")
        return
    wish = Rebalance(plan_id=plan.id, actor=person(), account=account)
    result = ask_addon(call, "portfolio", wish, RebalanceResult, timeout_s=_PATIENCE_S)
    if as_json:
        print_json(result)
    else:
        print_sent(result.orders)
        note(result.sentence)
    if result.state != "DONE":
        raise CryptoBotError(f"The rebalance was not carried out as planned: {result.sentence}")
