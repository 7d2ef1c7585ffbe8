"""Which service keeps how much on the disk: logs, database, outbox; all of the home in one walk."""

import os
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

from ...configs.paths import Home

_STEP = 100
DiskWalk = Generator[None, None, dict[str, int]]


def disk_walk(home: Home) -> DiskWalk:
    """Yields now and then, for a home may hold many files; returns the bytes of each service by name.

    What belongs to nobody (backups, settings) is under "".
    """
    found: dict[str, int] = {}
    for number, entry in enumerate(_files(str(home.root)), start=1):
        owner = _owner(Path(entry.path).relative_to(home.root).parts)
        try:
            found[owner] = found.get(owner, 0) + entry.stat(follow_symlinks=False).st_size
        except OSError:
            continue
        finally:
            if number % _STEP == 0:
                yield
    return found


def _files(folder: str) -> Iterator[os.DirEntry[str]]:
    todo = [folder]
    while todo:
        try:
            with os.scandir(todo.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        yield entry
        except OSError:
            continue  # gone meanwhile, or closed to us


def _owner(parts: Sequence[str]) -> str:
    """Whose file that is: logs/NAME.log*, and below state databases/NAME.sqlite*, FOLDER/NAME, NAME/…"""
    if parts[0] == "logs" and len(parts) == 2:
        return parts[1].partition(".")[0]
    if parts[0] != "state" or len(parts) < 3:
        return ""
    folder, name = parts[1], parts[2].partition(".")[0]
    if folder == "journal":
        return "bus" if name == "stream" else parts[3] if len(parts) > 4 else ""
    if folder in {"databases", "epochs", "positions"}:
        return name
    return "data" if folder == "market" else folder
