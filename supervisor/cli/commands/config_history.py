"""cryptobot config history"""

import sys

import click

from ....configs import history
from .. import ccxt_names
from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import Column, print_json, print_table

COLUMNS = (Column("revision", right=True), Column("time"), Column("who"), Column("by"), Column("what"))


@click.command(cls=Command)
@click.option("--diff", "number", type=int, metavar="REVISION", help="Show what one revision changed.")
@json_option
@pass_call
def command(call: Call, number: int | None, as_json: bool) -> None:
    """List every accepted change of config.yaml, oldest first: when, who, what."""
    revisions = history.history(call.home)
    if number is not None:
        chosen = history.revision(call.home, number)
        before = revisions[number - 2].text if number > 1 else ""
        sys.stdout.write(
            history.difference(before, chosen.text, f"revision {number - 1}", f"revision {number}")
        )
    elif as_json:
        print_json(revisions)
    else:
        rows = [
            [one.number, ccxt_names.iso(one.ts_ms)[:19].replace("T", " "), one.actor, one.source, one.summary]
            for one in revisions
        ]
        print_table(COLUMNS, rows, empty="The settings were never changed.")
