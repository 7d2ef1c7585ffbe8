"""cryptobot strategy list"""

import click

from ....bus.contracts.strategy import ListStrategies, Strategies
from ..ask import ask
from ..call import Call, json_option, pass_call
from ..group import Command
from ..output import Column, note, print_json, print_table
from ..styles import state_style

COLUMNS = (
    Column("run"),
    Column("strategy"),
    Column("market"),
    Column("candle"),
    Column("state", style=state_style),
    Column("candles", right=True),
    Column("signals", right=True),
    Column("reason"),
)


@click.command(cls=Command)
@json_option
@pass_call
def command(call: Call, as_json: bool) -> None:
    """List the strategies that run, and those that could."""
    found = ask(call, "strategy", ListStrategies(), Strategies)
    if as_json:
        print_json(found)
        return
    rows = [
        [one.name, one.title, one.symbol, one.timeframe, one.state, one.candles, one.signals, one.reason]
        for one in found.strategies
    ]
    print_table(COLUMNS, rows, empty="No strategy runs.")
    note("Available: " + ", ".join(found.available))
