"""`cryptobot service run NAME`: what the supervisor spawns. Without click, for every start pays for it."""

import os
import traceback
from collections.abc import Callable
from importlib import import_module

from ...configs import snapshot
from ...configs.accounts import MAIN, account_of
from ...configs.errors import CryptoBotError, UsageError
from ...configs.paths import Home
from . import failures

_GROUP = "cryptobot.services.host.group:run_group"


def _called(target: str) -> Callable[..., int]:
    module, _, function = target.partition(":")
    entry: Callable[..., int] = getattr(import_module(module), function)
    return entry


def run_service(given_home: str | None, name: str) -> int:
    """Run one service, or several joined by `+`, in this process until told to stop; return the exit code."""
    from ..catalogue.registry import target_of

    try:
        home = Home.find(given_home)
        settings = snapshot.read(home)
        targets = {each: target_of(home, settings, each) for each in name.split("+")}
        further = next((each for each in targets if account_of(each) not in ("", MAIN)), "")
        if len(targets) > 1 and further:
            raise UsageError(f"{further} needs a process of its own; leave it out of the group.")
        if further:
            # Whoever runs it by hand, or under another supervisor, means this account and never main.
            os.environ["CRYPTOBOT_INSTANCE"] = account_of(further)
        if len(targets) > 1:
            code: int = _called(_GROUP)(home, targets)
        else:
            code = _called(targets[name])(home)
    except CryptoBotError as error:
        return failures.expected(error)
    except Exception as error:
        # Our stderr is the service's log: there the traceback is looked for.
        traceback.print_exc()
        return failures.fail(f"{name} ended by a fault of its own ({type(error).__name__}: {error}).", 1)
    return code
