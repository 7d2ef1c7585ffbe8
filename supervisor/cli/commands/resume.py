"""cryptobot resume"""

import click

from ....bus.contracts.trade import SetTradingState
from ..accounts import account_option
from ..call import Call, json_option, pass_call, person
from ..group import Command
from ..output import note, print_json
from .halt import set_states, whose


@click.command(cls=Command)
@click.option("--reason", default="by hand", show_default=True, help="Goes into the audit log.")
@account_option
@json_option
@pass_call
def command(call: Call, reason: str, account: str | None, as_json: bool) -> None:
    """Let the bot trade again after `halt`: with all accounts, or the one that is named."""
    wish = SetTradingState(state="ACTIVE", reason=reason, actor=person())
    states = set_states(call, account, wish)
    if as_json:
        print_json(states[0] if len(states) == 1 else states)
        return
    for state in states:
        note(f"{whose(state, states)} is {state.state}.")
