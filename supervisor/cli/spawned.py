"""`cryptobot service run NAME`: what the supervisor spawns. Without click, for every start pays for it."""

import traceback
from importlib import import_module

from ...configs import snapshot
from ...configs.errors import CryptoBotError
from ...configs.paths import Home
from . import failures


def run_service(given_home: str | None, name: str) -> int:
    """Run one service in this process until it is told to stop; return its exit code."""
    from ..registry import target_of

    try:
        home = Home.find(given_home)
        module, _, function = target_of(home, snapshot.read(home), name).partition(":")
        code: int = getattr(import_module(module), function)(home)
    except CryptoBotError as error:
        return failures.expected(error)
    except Exception as error:
        # Our stderr is the service's log: there the traceback is looked for.
        traceback.print_exc()
        return failures.fail(f"{name} ended by a fault of its own ({type(error).__name__}: {error}).", 1)
    return code
