"""cryptobot risk status"""

import click

from ....bus.contracts.risk import GetRisk, RiskReport
from ..accounts import account_option, chosen
from ..addon import ask_addon
from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import Column, note, print_json, print_table, rounded
from ..risk_words import block_row, until
from ..styles import state_style

FACTS = (Column("risk", style=state_style), Column(""))
REASONS = (Column("why", style=state_style), Column("sentence"), Column("ends"))
BLOCKS = (Column("blocked"), Column("why"), Column("until"))


@click.command(cls=Command)
@account_option
@json_option
@pass_call
def command(call: Call, account: str | None, as_json: bool) -> None:
    """Show what the risk service allows now, and why.

    ACTIVE: everything within the limits. REDUCING: only orders that make a position smaller. HALTED: nothing
    until a person re-arms with `risk rearm`.
    """
    names = chosen(call, account)
    reports = [ask_addon(call, "risk", GetRisk(account=name), RiskReport) for name in names]
    if as_json:
        print_json(reports[0] if len(reports) == 1 else reports)
        return
    for report in reports:
        if len(reports) > 1:
            click.echo(f"Account {report.account}")
        show(report)


def show(report: RiskReport) -> None:
    """The tables of one account."""
    print_table(FACTS, facts(report), empty="")
    reasons = [
        [reason.state, reason.sentence, "when a person re-arms" if reason.latched else "by itself"]
        for reason in report.verdict.reasons
    ]
    if reasons:
        print_table(REASONS, reasons, empty="")
    if report.verdict.blocks:
        print_table(BLOCKS, [block_row(block) for block in report.verdict.blocks], empty="")
    if report.error:
        note(report.error)


def facts(report: RiskReport) -> list[list[object]]:
    """The head of the page: state and money."""
    rows: list[list[object]] = [[report.verdict.state, ""]]
    for title, value in (
        ("equity", report.equity),
        (f"at the start of {report.day}", report.day_start_equity),
        ("at its best", report.best_equity),
    ):
        if value is not None:
            rows.append([title, f"{rounded(value):f} {report.currency}"])
    if report.armed_by:
        rows.append(["last armed", f"{until(report.armed_ms)} by {report.armed_by}"])
    return rows
