"""Tidying up after clients that came once: commands and tests named `cli-1234` and the like."""

import shutil
import time
from pathlib import Path

from ..configs.paths import Home
from .epochs import claim, source_of
from .rules import holder_of

FORGET_AFTER_S = 86_400.0


def forget_passing_clients(home: Home, older_than_s: float = FORGET_AFTER_S) -> int:
    """Remove outboxes and start counters of numbered clients unused for so long; return how many.

    What they said has been delivered, and the journal keeps it. A client that comes again under such a name
    begins anew, which its readers see by its epoch.
    """
    before = time.time() - older_than_s
    removed = 0
    for folder in (home.journal / "outbox", home.state / "epochs", home.state / "positions"):
        for path in folder.iterdir() if folder.is_dir() else ():
            name = source_of(path.name.partition(".")[0])
            if holder_of(name) == name or _last_used(path) >= before:
                continue
            lock = claim(home, name)
            if lock is not None:  # else it lives, and has only been silent
                _remove(path)
                lock.release()
                removed += path.suffix != ".lock"
    return removed


def _last_used(path: Path) -> float:
    try:
        newest = max((each.stat().st_mtime for each in path.iterdir()), default=0.0) if path.is_dir() else 0.0
        return max(newest, path.stat().st_mtime)
    except FileNotFoundError:
        return 0.0


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
