"""Add-ons that the user put into HOME/addons: wheels as they are, or unpacked in folders of their own.

They are found through their entry points, like installed packages, also by a frozen program.
"""

import importlib
import sys
from pathlib import Path

from .paths import Home

_PACKED = (".whl", ".zip")


def use(home: Home) -> list[Path]:
    """Make the add-ons of a home importable in this process; where they are. What is installed goes first."""
    folder = home.root / "addons"
    if not folder.is_dir():
        return []
    found = sorted(path for path in folder.iterdir() if path.is_dir() or path.suffix in _PACKED)
    fresh = [path for path in found if str(path) not in sys.path]
    sys.path.extend(str(path) for path in fresh)
    if fresh:
        importlib.invalidate_caches()
    return found
