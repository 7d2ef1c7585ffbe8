"""Which service keeps how much on the disk: logs, database, outbox; all of the home in one walk."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..configs.paths import Home


def disk_use(home: Home) -> dict[str, int]:
    """Bytes of each service by name. What belongs to nobody (backups, settings) is under ""."""
    found: dict[str, int] = {}
    for entry in _files(str(home.root)):
        owner = _owner(Path(entry.path).relative_to(home.root).parts)
        try:
            size = entry.stat(follow_symlinks=False).st_size
        except OSError:
            continue
        found[owner] = found.get(owner, 0) + size
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
    """Whose file that is: logs/NAME.log*, state/databases/NAME.sqlite*, state/NAME/…, the bus's journal."""
    if parts[0] == "logs" and len(parts) == 2:
        return parts[1].partition(".")[0]
    if parts[0] == "state" and len(parts) > 2:
        if parts[1] == "databases":
            return parts[2].partition(".")[0]
        if parts[1] == "journal":
            return "bus" if parts[2] == "stream" or len(parts) < 4 else parts[-2]
        return parts[1]
    return ""
