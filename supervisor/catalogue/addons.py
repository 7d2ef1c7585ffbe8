"""Services that are added and removed while everything runs, and kept in `services.d`."""

import contextlib
from pathlib import Path
from typing import Any

import msgspec

from ...configs.errors import SettingsError, UsageError
from ...configs.files import replace
from ...configs.paths import Home
from ...configs.schema import Settings
from .order import Graph, nearest
from .registry import Manifest, is_built_in, load, manifest_files, manifest_of, read_manifest


def check(home: Home, settings: Settings, given: dict[str, Any], source: str) -> Manifest:
    """The manifest of a service that may be added.

    Args:
        given: the manifest as its file has it.
        source: named in errors.

    Raises:
        SettingsError: the manifest is wrong, or with it the services could not be ordered.
        UsageError: the name is taken.
    """
    manifest = manifest_of(given, source)
    known = load(home, settings)
    if any(one.name == manifest.name for one in known) or is_built_in(manifest.name):
        raise UsageError(
            f"There is a service {manifest.name!r} already; `cryptobot service remove {manifest.name}` "
            "takes away one that was added."
        )
    Graph([*known, manifest])
    return manifest


def keep(home: Home, given: dict[str, Any]) -> Path:
    """Write the manifest of an added service into `services.d`.

    Raises:
        SettingsError: it cannot be written.
    """
    path = home.root / "services.d" / f"{given['name']}.json"
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        replace(path, msgspec.json.format(msgspec.json.encode(given), indent=2))
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}.") from error
    return path


def file_of(home: Home, name: str) -> Path:
    """The file that adds a service.

    Raises:
        UsageError: no file in `services.d` does; built-in services are disabled, not removed.
    """
    if is_built_in(name):
        raise UsageError(
            f"{name} is a part of CryptoBot; "
            f"`cryptobot config set services.{name}.enabled=false` turns it off."
        )
    found: dict[str, Path] = {}
    for path in manifest_files(home):
        with contextlib.suppress(SettingsError):
            found[read_manifest(path).name] = path
    if name not in found:
        known = f" {nearest(name, found)}" if found else ""
        raise UsageError(f"No service {name!r} was added.{known}")
    return found[name]
