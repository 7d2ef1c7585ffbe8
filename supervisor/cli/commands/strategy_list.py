"""cryptobot strategy list"""

import click

from ....bus.contracts.strategy import ListStrategies, Strategies
from ....configs.accounts import MAIN
from .. import daemon
from ..accounts import with_account, with_name
from ..ask import ask
from ..call import Call, json_option, pass_call
from ..delegate import load, take_addons
from ..group import Command
from ..output import Column, note, plain_decimal, print_json, print_table
from ..styles import state_style

COLUMNS = (
    Column("run"),
    Column("strategy"),
    Column("market"),
    Column("candle"),
    Column("mode"),
    Column("state", style=state_style),
    Column("candles", right=True),
    Column("signals", right=True),
    Column("holds"),
    Column("reason"),
)


@click.command(cls=Command)
@json_option
@pass_call
def command(call: Call, as_json: bool) -> None:
    """List the strategies that run, and those that could. When nothing runs: only those that could."""
    if not daemon.is_running(call.home):
        _available(call, as_json)
        return
    found = ask(call, "strategy", ListStrategies(), Strategies)
    if as_json:
        print_json(found)
        return
    names = list(dict.fromkeys([MAIN, *(one.account for one in found.strategies)]))
    rows = [
        [
            one.name,
            one.title,
            one.symbol,
            one.timeframe,
            one.mode,
            one.state,
            one.candles,
            one.signals,
            ", ".join(f"{plain_decimal(amount)} {market}" for market, amount in one.held.items()),
            one.reason,
        ]
        for one in found.strategies
    ]
    shown = [with_name(row, one.account, names) for one, row in zip(found.strategies, rows, strict=True)]
    print_table(with_account(COLUMNS, names), shown, empty="No strategy runs.")
    note("Available: " + ", ".join(found.available))


def _available(call: Call, as_json: bool) -> None:
    take_addons(call.home)
    known = load("cryptobot.services.strategy.loader:Loader")(call.home.strategies).available()
    if as_json:
        print_json({"strategies": [], "available": list(known)})
        return
    rows = [[name, source.kind, source.target] for name, source in known.items()]
    print_table((Column("strategy"), Column("kind"), Column("where")), rows, empty="There are no strategies.")
    note("Nothing runs; `cryptobot up` starts the platform.")
