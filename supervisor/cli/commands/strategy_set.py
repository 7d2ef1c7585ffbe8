"""cryptobot strategy set"""

import sys

import click

from ....bus.contracts.base import Done
from ....bus.contracts.strategy import SetStrategyParameters
from ....configs.errors import RequestFailedError, UsageError
from ..ask import ask
from ..call import Call, json_option, pass_call, person
from ..group import Command
from ..output import print_json


@click.command(cls=Command)
@click.argument("run")
@click.argument("words", nargs=-1, metavar="[PARAMETER=VALUE]…")
@click.option("--reset", is_flag=True, help="Forget what was changed before: take those of the settings.")
@json_option
@pass_call
def command(call: Call, run: str, words: tuple[str, ...], reset: bool, as_json: bool) -> None:
    """Change parameters of the running strategy RUN from its next candle on.

    They win over those of the settings, survive restarts, and are written into the audit log. All are taken
    or, when one is wrong, none.

    \b
    cryptobot strategy set btc-trend fast=10 slow=40
    """
    values = dict(_pair(word) for word in words)
    if not values and not reset:
        raise UsageError("Say what to change, such as fast=10; or --reset.")
    wish = SetStrategyParameters(name=run, values=values, actor=person(), reset=reset)
    try:
        done = ask(call, "strategy", wish, Done)
    except RequestFailedError as error:
        if error.code in ("bad_parameter", "unknown_strategy"):
            raise UsageError(error.message) from error
        raise
    if as_json:
        print_json({"run": run, "values": values, "reset": reset, "message": done.message})
    else:
        sys.stdout.write(f"{done.message}\n")


def _pair(word: str) -> tuple[str, str]:
    name, sign, value = word.partition("=")
    if not sign or not name:
        raise UsageError(f"{word!r} must be written NAME=VALUE, such as fast=10.")
    return name, value
