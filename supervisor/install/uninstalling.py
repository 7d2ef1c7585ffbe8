"""Taking CryptoBot off a machine: first everything that would go, by name and size, then what was agreed to.

Of a home only what CryptoBot made goes; a file that it does not know stays, and with it the folder.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ...configs.errors import CryptoBotError, SettingsError
from ...configs.paths import Home
from ..platform.services.base import ServiceManager
from .origin import how_to_remove, installed_by
from .shortcuts import Shortcuts

KNOWN: dict[str, str] = {
    "config.yaml": "settings",
    "groups.yaml": "settings",
    "groups.json": "settings",
    "services.d": "your own services",
    "state": "databases: orders, fills, books, accounts, history",
    "keys": "keys, certificates and secrets",
    "strategies": "your own strategies",
    "addons": "add-ons",
    "reports": "reports",
    "logs": "logs",
    "run": "what a running CryptoBot needs",
    "update.lock": "what a running CryptoBot needs",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One path of the home: what it holds, how many files and bytes."""

    path: Path
    what: str
    files: int
    size: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What is here. `unknown` are files of the home that nobody but the user can have put there.

    Args:
        venue: the exchange whose account is traded, "" when it is the paper exchange.
    """

    home: Home
    services: list[str]
    shortcuts: list[str]
    parts: list[Part]
    unknown: list[Path]
    venue: str
    program: str = field(default_factory=lambda: how_to_remove(installed_by()))


def look(home: Home, managers: list[ServiceManager], shortcuts: Shortcuts, venue: str) -> Plan:
    """Find all that CryptoBot has on this machine for one home; nothing is changed."""
    entries = sorted(home.root.iterdir()) if home.root.is_dir() else []
    return Plan(
        home=home,
        services=[manager.what.name for manager in managers if manager.is_ours()],
        shortcuts=shortcuts.present(),
        parts=[_part(path) for path in entries if path.name in KNOWN],
        unknown=[path for path in entries if path.name not in KNOWN],
        venue=venue,
    )


def carry_out(
    plan: Plan, managers: list[ServiceManager], shortcuts: Shortcuts, *, delete_data: bool
) -> list[str]:
    """Remove services and shortcuts, and the data when that was agreed to; sentences for the person.

    Raises:
        CryptoBotError: something cannot be removed; what came before it is gone.
    """
    told: list[str] = []
    for manager in managers:
        if manager.is_ours():
            told += manager.uninstall()
    if plan.shortcuts:
        shortcuts.remove()
        told.append("The shortcuts are removed.")
    if not plan.home.root.is_dir():
        return told
    if delete_data:
        told += _delete(plan)
    else:
        told.append(f"{plan.home.root} stays as it is, with all data.")
    return told


def _delete(plan: Plan) -> Iterator[str]:
    yield from _forget_keychain(plan.home)
    for path in (plan.home.sockets, *(part.path for part in plan.parts)):
        _remove(path)
    left = sorted(plan.home.root.iterdir())
    if left:
        yield f"{plan.home.root} is emptied of what CryptoBot made; {left[0].name} is not ours and stays."
        return
    try:
        plan.home.root.rmdir()
    except OSError:
        yield f"{plan.home.root} is empty now."
    else:
        yield f"{plan.home.root} is removed."


def _forget_keychain(home: Home) -> Iterator[str]:
    """A master key in the system's keychain would outlive what it opens."""
    from ...configs.vault import Vault

    try:
        Vault(home).forget_master()
    except SettingsError as error:
        yield f"The master key's entry in the keychain may be left: {error}"


def _remove(path: Path) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise CryptoBotError(f"{path} cannot be removed ({error.strerror or error}).") from error


def _part(path: Path) -> Part:
    found = [path] if path.is_symlink() or not path.is_dir() else list(path.rglob("*"))
    plain = [one for one in found if one.is_symlink() or not one.is_dir()]
    return Part(path, KNOWN[path.name], len(plain), sum(one.lstat().st_size for one in plain))
