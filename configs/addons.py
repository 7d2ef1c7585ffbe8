"""Add-ons that the user put into HOME/addons: wheels as they are, or unpacked in folders of their own.

`cryptobot addon install` unpacks them there too, after checks; what is half done is hidden (a leading dot).
They are found through their entry points, like installed packages, also by a frozen program.
"""

import importlib
import sys
from pathlib import Path

from .frozen import parts
from .paths import Home

_PACKED = (".whl", ".zip")


def use(home: Home) -> list[Path]:
    """Make the add-ons of a home importable in this process; where they are. What is installed goes first.

    In the compiled program they go before its parts: a newer ccxt put there is the one that is used.
    """
    folder = home.root / "addons"
    if not folder.is_dir():
        return []
    shown = (path for path in folder.iterdir() if not path.name.startswith("."))
    found = sorted(path for path in shown if path.is_dir() or path.suffix in _PACKED)
    fresh = [path for path in found if str(path) not in sys.path]
    sys.path[_place() : _place()] = [str(path) for path in fresh]
    if fresh:
        importlib.invalidate_caches()
    return found


def _place() -> int:
    beside = parts()
    return min((sys.path.index(path) for path in beside if path in sys.path), default=len(sys.path))
