"""cryptobot halt"""

import click
import msgspec

from ....bus.contracts.trade import SetTradingState, TradingState
from ....configs.accounts import MAIN
from ..accounts import account_option, chosen, tell_each
from ..call import Call, json_option, pass_call, person
from ..group import Command
from ..output import note, print_json


@click.command(cls=Command)
@click.option("--reason", default="by hand", show_default=True, help="Goes into the audit log.")
@click.option("--cancel-orders", is_flag=True, help="Cancel all open orders, too.")
@click.option("--flatten", is_flag=True, help="Close all positions at the market, too.")
@click.option("--reduce-only", is_flag=True, help="Let orders pass that make positions smaller.")
@account_option
@json_option
@pass_call
def command(
    call: Call,
    reason: str,
    cancel_orders: bool,
    flatten: bool,
    reduce_only: bool,
    account: str | None,
    as_json: bool,
) -> None:
    """Halt trading at once: no new orders, cancels pass. It stays so over restarts, until `resume`.

    All accounts are halted, or the one that is named. With --json: the state; of several accounts a list.
    """
    wish = SetTradingState(
        state="REDUCING" if reduce_only else "HALTED",
        reason=reason,
        actor=person(),
        cancel_orders=cancel_orders or flatten,
        flatten=flatten,
    )
    states = set_states(call, account, wish)
    if as_json:
        print_json(states[0] if len(states) == 1 else states)
        return
    for state in states:
        note(f"{whose(state, states)} is {state.state} ({state.reason}).")


def set_states(call: Call, account: str | None, wish: SetTradingState) -> list[TradingState]:
    """Change the trading state of one account, or of all."""
    names = chosen(call, account)

    def of(name: str) -> SetTradingState:
        return msgspec.structs.replace(wish, account=name)

    return tell_each(call, names, of, TradingState, timeout_s=30.0)


def whose(state: TradingState, states: list[TradingState]) -> str:
    """The subject of a sentence about a state; the account is named where it is not clear."""
    return "Trading" if len(states) == 1 and state.account == MAIN else f"Trading of {state.account}"
