"""cryptobot analytics list"""

import click

from ....bus.contracts.analytics import ListReports, Reports
from .. import ccxt_names
from ..addon import ask_addon
from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import Column, print_json, print_table

PLANS = (Column("report"), Column("every"), Column("form"), Column("next"), Column("last"))
FILES = (Column("file"), Column("bytes", right=True), Column("made"))


@click.command(cls=Command)
@json_option
@pass_call
def command(call: Call, as_json: bool) -> None:
    """List the reports that make themselves (analytics.reports) and the files that were made."""
    found = ask_addon(call, "analytics", ListReports(), Reports)
    if as_json:
        print_json(found)
        return
    plans = [[one.name, one.every, one.format, _when(one.next_ms), _when(one.last_ms)] for one in found.plans]
    print_table(PLANS, plans, empty="No report is planned (analytics.reports).")
    files = [[one.name, one.bytes, _when(one.made_ms)] for one in found.files]
    print_table(FILES, files, empty="No report was made yet.")


def _when(ms: int) -> str:
    return ccxt_names.iso(ms)[:16].replace("T", " ") if ms else "never"
