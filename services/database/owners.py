"""Whose tables there are. A service that has some keeps MODELS and MIGRATIONS in its `models` module."""

import importlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...configs import accounts, snapshot
from ...configs.errors import NotRunningError, SettingsError, UsageError
from ...configs.paths import Home
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


def owners(home: Home | None = None) -> list[Owner]:
    """Every service that has tables; with a home also every account there that has books of its own."""
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
            found += [
                Owner(each, module.MODELS, module.MIGRATIONS)
                for each in (name, *(_further(home) if home is not None and name == accounts.TRADE else ()))
            ]
    return found


def _further(home: Home) -> list[str]:
    """Trade's databases beside the first: of accounts in force, and of those whose file is still there."""
    try:
        named = [accounts.service_of(one) for one in accounts.names(snapshot.read(home))[1:]]
    except (NotRunningError, SettingsError):
        named = []
    kept = (path.stem for path in sorted(home.databases.glob(f"{accounts.service_of('*')}.sqlite")))
    return list(dict.fromkeys([*named, *kept]))


def file_owners() -> list[Owner]:
    """Services whose file has no models."""
    return [Owner(name, (), (), file_only=True) for name in _FILES]


def owner_of(home: Home, name: str) -> Owner:
    """One of them; a further account by its name alone, for its file may have to be made.

    Raises:
        UsageError: there is none of that name.
    """
    known = {owner.name: owner for owner in (*owners(home), *file_owners())}
    if name not in known and accounts.account_of(name):
        return replace(known[accounts.TRADE], name=name)
    if name not in known:
        raise UsageError(f"There is no database of {name}; there are {', '.join(known)}.")
    return known[name]
