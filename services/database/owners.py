"""Whose tables there are. A service that has some keeps MODELS and MIGRATIONS in its `models` module."""

import importlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass

from ...configs.errors import UsageError
from .fields import Model
from .migrations import Migration

_SERVICES = __package__.rpartition(".")[0]
# By name, never by import: services do not know each other.
_CANDIDATES = (
    "auth",
    "trade",
    "monitor",
    "portfolio",
    "risk",
    "backtest",
    "notify",
    "analytics",
    "data",
    "strategy",
)
# Services that keep one SQLite file in a way of their own (decision 0041): checked, backed up, restored and
# encrypted like the others; a server never holds them.
_FILES = ("paper",)


@dataclass(frozen=True, slots=True)
class Owner:
    """One service's tables."""

    name: str
    models: Sequence[type[Model]]
    migrations: Sequence[Migration]
    file_only: bool = False


def owners() -> list[Owner]:
    """Every service that has tables."""
    found = []
    for name in _CANDIDATES:
        target = f"{_SERVICES}.{name}.models"
        if (
            importlib.util.find_spec(f"{_SERVICES}.{name}") is None
            or importlib.util.find_spec(target) is None
        ):
            continue
        module = importlib.import_module(target)
        if hasattr(module, "MODELS") and hasattr(module, "MIGRATIONS"):
            found.append(Owner(name, module.MODELS, module.MIGRATIONS))
    return found


def file_owners() -> list[Owner]:
    """Services whose file has no models."""
    return [Owner(name, (), (), file_only=True) for name in _FILES]


def owner_of(name: str) -> Owner:
    """One of them.

    Raises:
        UsageError: there is none of that name.
    """
    known = {owner.name: owner for owner in (*owners(), *file_owners())}
    if name not in known:
        raise UsageError(f"There is no database of {name}; there are {', '.join(known)}.")
    return known[name]
