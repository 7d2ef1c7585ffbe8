"""The first run: folders, permissions, keys and certificate, each step told. Once more changes nothing."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ...configs.errors import SettingsError
from ...configs.load import load
from ...configs.machinekey import machine_key
from ...configs.paths import Home

Certify = Callable[[Home, tuple[str, ...]], object]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was seen to; `made` tells whether it was new."""

    name: str
    made: bool
    detail: str


def prepare_home(
    home: Home, host: str, names_for: Callable[[str], tuple[str, ...]], certify: Certify
) -> list[Step]:
    """Make everything that the first start would, so that what fails fails now.

    Args:
        host: the dashboard's address, whose names its certificate is for.
        names_for: the names people may reach a host by.
        certify: makes the certificate when there is none that is good.

    Raises:
        SettingsError: the home cannot be written, or a key in it is damaged.
    """
    return [
        _folders(home),
        _private(home),
        _made("machine key", home.keys / "machine-key", lambda: machine_key(home)),
        _made("certificate", home.keys / "dashboard.crt", lambda: certify(home, names_for(host))),
        _settings(home),
    ]


def _folders(home: Home) -> Step:
    new = not home.root.exists()
    home.create()
    if new and sys.platform != "win32":
        home.root.chmod(0o700)
    return Step("folders", new, str(home.root))


def _private(home: Home) -> Step:
    """What a stranger could read or change is closed."""
    from ..doctor.finding import Patient
    from ..doctor.house import close_them

    closed = close_them(Patient(home))
    return Step("permissions", bool(closed), closed or "keys and state are yours alone")


def _made(name: str, path: Path, make: Callable[[], object]) -> Step:
    before = path.read_bytes() if path.is_file() else None
    try:
        make()
        after = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"The {name} {path} cannot be made ({error.strerror or error}).") from error
    return Step(name, after != before, str(path))


def _settings(home: Home) -> Step:
    load(home)
    where = (
        str(home.config_file)
        if home.config_file.exists()
        else "the defaults: a paper exchange, no real money"
    )
    return Step("settings", False, where)
