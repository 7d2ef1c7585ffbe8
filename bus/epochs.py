"""The start counter of each source, so that two lives of one service are never taken for one."""

import time
from pathlib import Path
from urllib.parse import quote, unquote

from filelock import FileLock, Timeout

from ..configs.files import replace
from ..configs.paths import Home


def next_epoch(home: Home, source: str) -> int:
    """Begin a new life of `source`: greater than every earlier one, also when the counter's file was lost."""
    path = home.state / "epochs" / file_name(source)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    epoch = max(_stored(path) + 1, int(time.time()))
    replace(path, str(epoch).encode())
    return epoch


def claim(home: Home, source: str) -> FileLock | None:
    """Take a name for this process until the lock is released or the process ends; None when it is taken."""
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
