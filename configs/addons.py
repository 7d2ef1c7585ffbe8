"""Add-ons that the user put into HOME/addons: wheels as they are, or unpacked in folders of their own.

`cryptobot addon install` unpacks them there too, after checks; what is half done is hidden (a leading dot).
They are found through their entry points, like installed packages, also by a frozen program. Connectors may
be single files in HOME/connectors too, as strategies may in HOME/strategies.
"""

import importlib
import sys
from pathlib import Path

from .addonseals import refused
from .frozen import parts
from .paths import Home

_PACKED = (".whl", ".zip")
_REFUSED: dict[Path, str] = {}
_CONNECTORS: list[Path] = []


def use(home: Home) -> list[Path]:
    """Make the add-ons of a home importable in this process; where they are. What is installed goes first.

    In the compiled program they go before its parts: a newer ccxt put there is the one that is used. One that
    was installed and has changed since is left out; `refusals` says why.
    """
    _CONNECTORS[:] = [home.connectors]
    _REFUSED.clear()
    folder = home.root / "addons"
    if not folder.is_dir():
        return []
    shown = (path for path in folder.iterdir() if not path.name.startswith("."))
    found = sorted(path for path in shown if path.is_dir() or path.suffix in _PACKED)
    _REFUSED.update(refused(home, [path for path in found if path.is_dir()]))
    sound = [path for path in found if path not in _REFUSED]
    fresh = [path for path in sound if str(path) not in sys.path]
    sys.path[_place() : _place()] = [str(path) for path in fresh]
    if fresh:
        importlib.invalidate_caches()
    return sound


def refusals() -> list[str]:
    """Why this process left out what is in the home, a sentence each."""
    return list(_REFUSED.values())


def connector_files() -> dict[str, Path]:
    """The connectors that are files of the home, by name: `my_venue.py` is `my-venue`."""
    found = (path for folder in _CONNECTORS for path in sorted(folder.glob("*.py")))
    return {path.stem.replace("_", "-"): path for path in found if not path.name.startswith("_")}


def _place() -> int:
    beside = parts()
    return min((sys.path.index(path) for path in beside if path in sys.path), default=len(sys.path))
