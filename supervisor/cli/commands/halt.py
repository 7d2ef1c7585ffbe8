"""cryptobot halt"""

import click

from ....bus.contracts.trade import SetTradingState, TradingState
from ..ask import ask
from ..call import Call, json_option, pass_call, person
from ..group import Command
from ..output import note, print_json


@click.command(cls=Command)
@click.option("--reason", default="by hand", show_default=True, help="Goes into the audit log.")
@click.option("--cancel-orders", is_flag=True, help="Cancel all open orders, too.")
@click.option("--flatten", is_flag=True, help="Close all positions at the market, too.")
@click.option("--reduce-only", is_flag=True, help="Let orders pass that make positions smaller.")
@json_option
@pass_call
def command(
    call: Call, reason: str, cancel_orders: bool, flatten: bool, reduce_only: bool, as_json: bool
) -> None:
    """Halt trading at once: no new orders, cancels pass. It stays so over restarts, until `resume`."""
    wish = SetTradingState(
        state="REDUCING" if reduce_only else "HALTED",
        reason=reason,
        actor=person(),
        cancel_orders=cancel_orders or flatten,
        flatten=flatten,
    )
    state = ask(call, "trade", wish, TradingState, timeout_s=30.0)
    if as_json:
        print_json(state)
    else:
        note(f"Trading is {state.state} ({state.reason}).")
