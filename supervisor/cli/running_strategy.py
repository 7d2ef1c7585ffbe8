"""Starting and stopping one strategy, as `cryptobot strategy start` and `stop` do."""

import sys

from ...bus.contracts.base import Done
from ...bus.contracts.strategy import SetStrategyRunning
from ...configs.errors import RequestFailedError, UsageError
from .ask import ask
from .call import Call, person
from .output import print_json


def set_running(call: Call, run: str, running: bool, *, as_json: bool) -> None:
    """Ask the strategy service, and print what it says.

    Raises:
        UsageError: there is no such run.
    """
    try:
        done = ask(call, "strategy", SetStrategyRunning(name=run, running=running, actor=person()), Done)
    except RequestFailedError as error:
        if error.code == "unknown_strategy":
            raise UsageError(error.message) from error
        raise
    if as_json:
        print_json({"run": run, "running": running, "message": done.message})
    else:
        sys.stdout.write(f"{done.message}\n")
