"""The start counter of each source, so that two lives of one service are never taken for one."""

import time
from pathlib import Path

from ..configs.files import replace
from ..configs.paths import Home


def next_epoch(home: Home, source: str) -> int:
    """Begin a new life of `source`: greater than every earlier one, also when the counter's file was lost."""
    path = home.state / "epochs" / _file_name(source)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    epoch = max(_stored(path) + 1, int(time.time()))
    replace(path, str(epoch).encode())
    return epoch


def _stored(path: Path) -> int:
    try:
        return int(path.read_text())
    except (FileNotFoundError, ValueError):
        return 0


def _file_name(source: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else f"%{ord(letter):x}" for letter in source)
