"""cryptobot resume"""

import click

from ....bus.contracts.trade import SetTradingState, TradingState
from ..ask import ask
from ..call import Call, json_option, pass_call, person
from ..group import Command
from ..output import note, print_json


@click.command(cls=Command)
@click.option("--reason", default="by hand", show_default=True, help="Goes into the audit log.")
@json_option
@pass_call
def command(call: Call, reason: str, as_json: bool) -> None:
    """Let the bot trade again after `halt`."""
    wish = SetTradingState(state="ACTIVE", reason=reason, actor=person())
    state = ask(call, "trade", wish, TradingState)
    if as_json:
        print_json(state)
    else:
        note(f"Trading is {state.state}.")
