"""The plan of a head start (headstart.py): which processes the next supervisor may make before it is loaded.

Written by a supervisor that stops in order. It holds as long as nothing has changed that could make another
process of it: the settings in force, the manifests, what a person stopped, the program itself. Imports next
to nothing.
"""

import json
import os
import sys

from ... import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from ...configs.paths import Home

_FOLDER, _NAME = "run", "headstart.json"


class Simple:
    """A service whose process one plain call can make. `ours` is a part of this program."""

    __slots__ = ("argv", "environment", "name", "ours")

    def __init__(self, name: str, argv: list[str], environment: dict[str, str], ours: bool) -> None:
        self.name, self.argv, self.environment, self.ours = name, argv, environment, ours


class Plan:
    """What to start, and where things lie. `places` are the paths of `write`."""

    __slots__ = ("places", "services")

    def __init__(self, places: dict[str, str], services: list[Simple]) -> None:
        self.places, self.services = places, services


def write(home: "Home", places: dict[str, str], services: "Iterable[Simple]") -> None:
    """Leave the plan for the next start.

    Args:
        places: the paths `lock`, `notify`, `store`, `settings`, `stopped` and `manifests`.

    Raises:
        OSError: the disk is full; the plan before it, if any, no longer holds or says the same.
    """
    plan = {
        "program": _program(),
        "places": places,
        "seen": _seen(places),
        "services": [[one.name, one.argv, one.environment, one.ours] for one in services],
    }
    path = os.path.join(str(home.root), _FOLDER, _NAME)
    descriptor = os.open(f"{path}.tmp", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, json.dumps(plan).encode())
    finally:
        os.close(descriptor)
    os.replace(f"{path}.tmp", path)


def read(root: str) -> Plan | None:
    """The plan of this home; None without one that holds, or when processes wait to be adopted."""
    try:
        with open(os.path.join(root, _FOLDER, _NAME), "rb") as file:
            plan: dict[str, Any] = json.loads(file.read())
        places = plan["places"]
        holds = plan["program"] == _program() and plan["seen"] == _seen(places)
        if not holds or os.path.lexists(places["store"]):
            return None
        return Plan(places, [Simple(*one) for one in plan["services"]])
    except (OSError, ValueError, KeyError, TypeError):
        return None  # the ordinary start does without it


def _program() -> list[str]:
    return [__version__, sys.executable, sys.version]


def _seen(places: dict[str, str]) -> list[object]:
    return [_text(places["settings"]), _text(places["stopped"]), _files(places["manifests"])]


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def _files(folder: str) -> list[list[object]]:
    """Name, number, time and size of each file: a change of any is seen without reading them."""
    try:
        with os.scandir(folder) as entries:
            found = [(entry.name, entry.stat()) for entry in entries]
    except FileNotFoundError:
        return []
    return [[name, one.st_ino, one.st_mtime_ns, one.st_size] for name, one in sorted(found)]
