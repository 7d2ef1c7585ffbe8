"""What each machine is given: its settings and its keys. The secret half of a key is in one folder only."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from ...bus import keys
from ...configs.errors import UsageError
from ...configs.files import replace
from .plan import Plan

_PASSING = ("supervisor", "cli", "tail")
"""Clients that every machine has, beside its services."""


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was written; `secret` ones have the mode 0600."""

    path: Path
    secret: bool = False


def write_homes(plan: Plan, out: Path) -> list[Written]:
    """Write OUT/MACHINE/home for each machine; keys that are there from an earlier export are kept.

    Raises:
        SettingsError: a machine's settings are wrong.
        UsageError: a file cannot be written.
    """
    texts = {name: plan.config(name) for name in plan.names}
    try:
        written = []
        for name, text in texts.items():
            path = out / name / "home" / "config.yaml"
            _private(path.parent)
            replace(path, text.encode(), mode=0o600)
            written.append(Written(path))
        return written + _write_keys(plan, out)
    except OSError as error:
        raise UsageError(f"{error.filename or out} cannot be written: {error.strerror or error}.") from error


def put(path: Path, text: str, *, secret: bool = False) -> Written:
    """Write one more file of the export.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, text.encode(), mode=0o600 if secret else 0o644)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}.") from error
    return Written(path, secret)


def key_files(out: Path, machine: str) -> dict[str, Path]:
    """The key files of a machine: path within keys/bus of its home, and where it lies."""
    folder = _keys(out, machine)
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*.json"))}


def _write_keys(plan: Plan, out: Path) -> list[Written]:
    written = []
    public = {name: _own_keys(plan, out, name) for name in plan.names}
    for name in plan.names:
        folder = _keys(out, name)
        for other, files in public.items():
            for file, content in files.items() if other != name else ():
                _private(folder / other)
                replace(folder / other / file, content, mode=0o600)
        written += [Written(path, secret=True) for path in key_files(out, name).values()]
    return written


def _own_keys(plan: Plan, out: Path, machine: str) -> dict[str, bytes]:
    """Make the pairs of a machine that are missing; what the others are given of all of them."""
    found = {}
    folder = _keys(out, machine)
    _private(folder)
    for client in (*_PASSING, *plan.machines.hosts[machine].services):
        path = folder / keys.file_of(client)
        if path.exists():
            path.chmod(0o600)
        else:
            replace(path, keys.made(), mode=0o600)
        found[path.name] = json.dumps({"public": _public(path)}).encode()
    return found


def _public(path: Path) -> str:
    try:
        return str(json.loads(path.read_bytes())["public"])
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} holds no key; remove it, and a new one is made.") from error


def _keys(out: Path, machine: str) -> Path:
    return out / machine / "home" / "keys" / "bus"


def _private(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if os.name == "posix":
        folder.chmod(0o700)
