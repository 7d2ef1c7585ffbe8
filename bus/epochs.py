"""The start counter of each source, so that two lives of one service are never taken for one."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from ..configs.files import replace
from ..configs.paths import Home

if TYPE_CHECKING:
    from filelock import FileLock


def next_epoch(home: Home, source: str) -> int:
    """Begin a new life of `source`: greater than every earlier one, also when the counter's file was lost."""
    path = home.state / "epochs" / file_name(source)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    epoch = max(_stored(path) + 1, int(time.time()))
    replace(path, str(epoch).encode())
    return epoch


def claim(home: Home, source: str) -> FileLock | None:
    """Take a name for this process until the lock is released or the process ends; None when it is taken."""
    from filelock import FileLock, Timeout  # 30 ms that a client which only asks need not spend

    folder = home.state / "epochs"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FileLock(folder / f"{file_name(source)}.lock", timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout:
        return None
    return lock


def _stored(path: Path) -> int:
    try:
        return int(path.read_text())
    except (FileNotFoundError, ValueError):
        return 0


def file_name(source: str) -> str:
    """A source as the name of a file or folder; two sources never share one."""
    return quote(source, safe="").replace(".", "%2E")


def source_of(name: str) -> str:
    """Undoes `file_name`."""
    return unquote(name)
