"""cryptobot risk rearm"""

import click

from ....bus.contracts.risk import RearmRisk, RiskReport
from ..accounts import account_option, chosen
from ..addon import ask_addon
from ..call import Call, json_option, pass_call, person
from ..group import Command
from ..output import note, print_json


@click.command(cls=Command)
@click.option("--reason", default="by hand", show_default=True, help="Goes into the audit log.")
@click.option("--blocks", is_flag=True, help="End the pauses of markets and strategies, too.")
@account_option
@json_option
@pass_call
def command(call: Call, reason: str, blocks: bool, account: str | None, as_json: bool) -> None:
    """Let trading go on after risk halted it.

    Losses are measured from now on. A halt by hand (`halt`) stays; `resume` ends that.
    """
    if account is not None:
        chosen(call, account)
    wish = RearmRisk(actor=person(), reason=reason, blocks=blocks, account=account or "")
    report = ask_addon(call, "risk", wish, RiskReport, timeout_s=15.0)
    if as_json:
        print_json(report)
        return
    note(f"Risk says {report.verdict.state}.")
    for one in report.verdict.reasons:
        note(one.sentence)
