"""The monitor's database, which may be away: everything goes on from memory until it is back."""

import asyncio
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from ...configs.errors import CryptoBotError
from ...configs.paths import Home
from ...configs.sections.monitor import MonitorSettings
from ..database.driver import peewee
from ..database.store import Database, open_database
from ..database.target import FileTarget
from .alerts import SEVERITIES, Entry, rank
from .history import History
from .models import MIGRATIONS, MODELS, AlertRow, StateRow
from .samples import Sample

T = TypeVar("T")
RETRY_S = 10.0
_ALERT_FIELDS = tuple(Entry.__slots__)


class Storage:
    """Opens the database when it can be had, and closes it when it fails.

    Args:
        told: hears a sentence when the database goes away, and "" when it is back.
    """

    def __init__(self, home: Home, settings: MonitorSettings, told: Callable[[str], None]) -> None:
        self._home, self._settings, self._told = home, settings, told
        self._database: Database | None = None
        self._history: History | None = None
        self._retry_at = 0.0
        self._opening = asyncio.Lock()
        self.fault = ""

    async def call(self, work: Callable[[History], T]) -> T | None:
        """Do something with the database on its own thread; None when it is away."""
        if not await self._have():
            return None
        assert self._database is not None
        assert self._history is not None
        try:
            result = await self._database.run(work, self._history)
        except (CryptoBotError, peewee.PeeweeException, OSError) as error:
            self._lost(error)
            return None
        return result

    async def _have(self) -> bool:
        async with self._opening:
            if self._database is not None and _was_removed(self._database):
                self._lost(OSError("its file was removed"))
                self._retry_at = 0.0
            if self._database is None and time.monotonic() >= self._retry_at:
                await self._open()
        return self._database is not None

    async def _open(self) -> None:
        self._retry_at = time.monotonic() + RETRY_S
        try:
            # A server that does not answer must not hold up the loop.
            database = await asyncio.to_thread(_opened, self._home)
        except (CryptoBotError, peewee.PeeweeException, OSError) as error:
            self._say(error)
            return
        self._database, self._history = database, History(database, self._settings)
        if self.fault:
            self.fault = ""
            self._told("")

    def _lost(self, error: Exception) -> None:
        self._say(error)
        self.close()
        self._retry_at = time.monotonic() + RETRY_S

    def _say(self, error: Exception) -> None:
        text = " ".join(str(error).split()) or type(error).__name__
        if not self.fault:
            self._told(text)
        self.fault = text

    def close(self) -> None:
        """Finish what is under way and close."""
        database, self._database, self._history = self._database, None, None
        if database is not None:
            database.close()


def _opened(home: Home) -> Database:
    database = open_database(home, "monitor", models=MODELS, migrations=MIGRATIONS)
    database.engine.close()  # this thread's connection; the database's own thread makes its own
    return database


def _was_removed(database: Database) -> bool:
    return isinstance(database.target, FileTarget) and not Path(database.target.path).exists()


def write_samples(samples: list[Sample]) -> Callable[[History], bool]:
    """True when they are written."""

    def work(history: History) -> bool:
        history.write(samples)
        return True

    return work


def write_alerts(entries: Iterable[Entry]) -> Callable[[History], bool]:
    """True when they are written."""
    rows = [{name: getattr(entry, name) for name in _ALERT_FIELDS} for entry in entries]

    def work(history: History) -> bool:
        with history.transaction():
            AlertRow.delete().where(AlertRow.id << [row["id"] for row in rows]).execute()
            for row in rows:
                AlertRow.insert(row).execute()
        return True

    return work


def write_state(row: dict[str, object]) -> Callable[[History], bool]:
    """True when it is written, or was."""

    def work(history: History) -> bool:
        StateRow.insert(row).on_conflict_ignore().execute()
        return True

    return work


def open_alerts(_history: History) -> list[Entry]:
    """What an earlier life left open."""
    return [_entry(row) for row in AlertRow.select().where(AlertRow.recovered_ms == 0)]


def find_alert(entry_id: int) -> Callable[[History], list[Entry]]:
    """One alert by its id, as a list of at most one."""
    return lambda _history: [_entry(row) for row in AlertRow.select().where(AlertRow.id == entry_id)]


def list_alerts(
    *, open_only: bool, severity: str, key: str, since_ms: int, before: int, limit: int
) -> Callable[[History], list[Entry]]:
    """Alerts that fit, newest first."""

    def work(_history: History) -> list[Entry]:
        query = AlertRow.select().order_by(AlertRow.id.desc())
        if open_only:
            query = query.where(AlertRow.recovered_ms == 0)
        if severity:
            query = query.where(AlertRow.severity << SEVERITIES[rank(severity) :])
        if key:
            query = query.where(AlertRow.key.startswith(key))
        if since_ms:
            query = query.where(AlertRow.last_ms >= since_ms)
        if before:
            query = query.where(AlertRow.id < before)
        return [_entry(row) for row in query.limit(limit)]

    return work


def list_states(
    service: str, since_ms: int, limit: int, before_ms: int = 0
) -> Callable[[History], list[StateRow]]:
    """Changes of state that fit, newest first."""

    def work(_history: History) -> list[StateRow]:
        query = StateRow.select().order_by(StateRow.since_ms.desc())
        if service:
            query = query.where(StateRow.service == service)
        if since_ms:
            query = query.where(StateRow.since_ms >= since_ms)
        if before_ms:
            query = query.where(StateRow.since_ms < before_ms)
        return list(query.limit(limit))

    return work


def forget(now_ms: int, keep_s: float) -> Callable[[History], bool]:
    """Remove ended alerts and old changes of state."""
    oldest_ms = now_ms - int(keep_s * 1000)

    def work(history: History) -> bool:
        with history.transaction():
            AlertRow.delete().where(AlertRow.recovered_ms > 0, AlertRow.recovered_ms < oldest_ms).execute()
            StateRow.delete().where(StateRow.since_ms < oldest_ms).execute()
        return True

    return work


def _entry(row: AlertRow) -> Entry:
    return Entry(**{name: getattr(row, name) for name in _ALERT_FIELDS})
