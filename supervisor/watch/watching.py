"""For work on code: a service is restarted when one of its files changes. Off in the profile prod.

The system tells of changes (watchfiles); nothing is polled. The thread that waits for them is made when the
first folder is watched, so that homes which watch nothing pay nothing.
"""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ...configs.paths import Home
from ...configs.schema import Settings
from ..catalogue.registry import Manifest

if TYPE_CHECKING:
    from ..lifecycle import Lifecycle
    from ..output.journal import Journal

# Rooms of ours whose code runs in every service.
_SHARED = ("bus", "configs", "services.host", "services.database", "services.connectors")
_DEBOUNCE_MS = 400


def watched(home: Home, settings: Settings, manifests: Iterable[Manifest]) -> dict[Path, set[str]]:
    """Folders and files that are watched, and the services that a change in each restarts.

    A manifest's `watch` counts in every profile but prod; our own code only in the profile dev.
    """
    found: dict[Path, set[str]] = {}
    if settings.profile == "prod":
        return found
    ours: set[str] = set()
    for manifest in manifests:
        for each in manifest.watch:
            found.setdefault((home.root / each).resolve(), set()).add(manifest.name)
        if settings.profile == "dev" and manifest.target:
            ours.add(manifest.name)
            folder = _folder(manifest.target.partition(":")[0].rpartition(".")[0])
            if folder is not None:
                found.setdefault(folder, set()).add(manifest.name)
    package = __name__.rpartition(".supervisor")[0]
    for room in _SHARED if ours else ():
        folder = _folder(f"{package}.{room}")
        if folder is not None:
            found.setdefault(folder, set()).update(ours)
    return {path: names for path, names in found.items() if path.exists()}


def _folder(package: str) -> Path | None:
    """Where a package lies; None when it is part of a frozen program."""
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0]) if places and Path(places[0]).is_dir() else None


class CodeWatch:
    """Restarts services when what they are made of changes. All but the waiting is on the loop's thread."""

    def __init__(self, lifecycle: Lifecycle, journal: Journal) -> None:
        self._lifecycle, self._journal = lifecycle, journal
        self._places: dict[Path, set[str]] = {}
        self._stop: threading.Event | None = None

    def watch(self, places: dict[Path, set[str]]) -> None:
        """Watch these from now on, and nothing else."""
        if set(places) != set(self._places):
            self.close()
            if places:
                self._begin(list(places))
        self._places = places

    def _begin(self, paths: list[Path]) -> None:
        try:
            from watchfiles import watch
        except ImportError:
            self._journal.write(
                "warning",
                "code is not watched",
                reason="the package watchfiles is not installed; `pip install cryptobot[dev]` brings it",
            )
            return
        stop = self._stop = threading.Event()
        loop = self._lifecycle.loop

        def wait() -> None:
            for changes in watch(*paths, stop_event=stop, debounce=_DEBOUNCE_MS, raise_interrupt=False):
                changed = sorted({path for _, path in changes})
                loop.call_soon_threadsafe(partial(self._changed, changed))

        threading.Thread(target=wait, name="code-watch", daemon=True).start()
        self._journal.write("info", "code is watched", folders=[str(path) for path in paths])

    def _changed(self, paths: list[str]) -> None:
        causes: dict[str, str] = {}
        for path in map(Path, paths):
            for place, names in self._places.items():
                if path == place or place in path.parents:
                    for name in names:
                        causes.setdefault(name, path.name)
        for name in self._lifecycle.graph.start_order():
            unit = self._lifecycle.units[name]
            if name in causes and unit.wanted and not self._lifecycle.shutting_down:
                self._journal.write("info", "its code changed", name=name, file=causes[name])
                self._lifecycle.restart(name, f"its code changed: {causes[name]}")

    def close(self) -> None:
        """Watch nothing any more."""
        if self._stop is not None:
            self._stop.set()
            self._stop = None
        self._places = {}
