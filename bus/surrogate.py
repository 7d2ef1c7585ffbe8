"""Beats for publishers that are gone: what they wrote ahead and did not send is made known for them."""

import time
from pathlib import Path

from ..configs.paths import Home
from . import segments
from .contracts.bus import Beat
from .epochs import source_of
from .outbox import last_numbers

_RECENT_S = 3600.0
SILENT_S = 1.5
_MAX_HEARD = 10_000


class Surrogate:
    """Looks at all outboxes of a home; `heard` tells it who beats himself, and what his counters say."""

    def __init__(self, home: Home) -> None:
        self._root = home.journal / "outbox"
        self._heard: dict[str, float] = {}
        self.counters: dict[str, dict[str, int]] = {}
        self._sizes: dict[Path, tuple[int, dict[str, int]]] = {}

    def heard(self, beat: Beat) -> None:
        """A live beat arrived."""
        now = time.monotonic()
        if len(self._heard) > _MAX_HEARD:
            self._heard = {name: at for name, at in self._heard.items() if now - at < SILENT_S}
        if len(self.counters) > _MAX_HEARD:
            self.counters.clear()
        if beat.tends:
            self._heard[beat.publisher] = now
        self.counters[beat.publisher] = beat.counters

    def beats(self) -> list[Beat]:
        """What the silent publishers with a recent outbox would say."""
        found = []
        for folder in self._folders():
            publisher = source_of(folder.name)
            if time.monotonic() - self._heard.get(publisher, -SILENT_S) < SILENT_S:
                continue
            events = self._last(folder)
            if events:
                found.append(
                    Beat(publisher=publisher, publisher_epoch=0, events=events, streams={}, complete=False)
                )
        return found

    def _folders(self) -> list[Path]:
        try:
            return [each for each in self._root.iterdir() if each.is_dir()]
        except FileNotFoundError:
            return []

    def _last(self, folder: Path) -> dict[str, int]:
        existing = segments.paths(folder)
        if not existing:
            return {}
        newest = existing[-1]
        try:
            status = newest.stat()
            known = self._sizes.get(folder)
            if time.time() - status.st_mtime > _RECENT_S:
                return {}
            if known is None or known[0] != status.st_size:
                known = (status.st_size, last_numbers(newest.read_bytes()))
                self._sizes[folder] = known
        except FileNotFoundError:
            return {}
        return known[1]
