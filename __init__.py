"""CryptoBot: trading bots as supervised processes, without Docker.

`from cryptobot import Strategy` is the one line a strategy author needs. Names of the strategy
API are loaded on first use, so that importing this package costs nothing.
"""

__version__ = "0.1.0"

TYPE_CHECKING = False  # importing typing would cost more than all the rest of a short command's start

if TYPE_CHECKING:
    from .services.strategy.api import *  # noqa: F403 - its __all__ is the list of names

_STRATEGY_API = "cryptobot.services.strategy.api"


def __getattr__(name: str) -> object:
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    api = import_module(_STRATEGY_API)
    if name not in api.__all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(api, name)
