"""Every kind of message there is."""

import pkgutil
from importlib import import_module

from ...bus import contracts
from ...bus.contracts.base import SCHEMAS, Message


def all_schemas() -> list[type[Message]]:
    """All message classes by number; loads every module of contracts."""
    for module in pkgutil.iter_modules(contracts.__path__):
        import_module(f"{contracts.__name__}.{module.name}")
    return [SCHEMAS[number] for number in sorted(SCHEMAS)]
