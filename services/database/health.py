"""Watching a database while its service runs: is it there, quick enough, and is there room?

    self.spawn(watch(self, self._database), "database health")

The look costs one small read on a pooled connection and writes nothing. What it finds goes on the bus
(`DatabaseHealth`), a bad finding is an alert and makes the service DEGRADED in `cryptobot status`.
"""

import asyncio
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ...bus import topics
from ...bus.api import AsyncBusApi
from ...bus.contracts.database import DatabaseHealth
from ...bus.contracts.service import Alert
from ...configs.errors import CryptoBotError
from ...configs.schema import Settings
from .cipher import CipherEngine
from .driver import execute, peewee
from .errors import DatabaseAwayError, trouble_of
from .store import Database
from .target import FileTarget

LOOK_INTERVAL_S = 10.0
PATIENCE_S = 30.0
MIN_FREE_BYTES = 16 * 1024 * 1024
_SEVERITIES = {
    "slow": "warning",
    "away": "error",
    "full": "critical",
    "read-only": "critical",
    "broken": "critical",
}
_TITLES = {
    "slow": "The database of {name} is slow",
    "away": "The database of {name} does not answer",
    "full": "The database of {name} has no room",
    "read-only": "The database of {name} cannot be written",
    "broken": "The database of {name} is damaged",
}


class Watched(Protocol):
    """What is needed of the service."""

    bus: AsyncBusApi
    settings: Settings

    def ill(self, what: str, reason: str) -> None:
        """Tell the supervisor that something does not work; "" when it works again."""


@dataclass(frozen=True, slots=True)
class Finding:
    """How a database does: ok, slow, away, full, read-only or broken, and why."""

    state: str
    detail: str
    latency_ms: float


async def watch(service: Watched, database: Database) -> None:
    """Look every ten seconds, for the service's lifetime."""
    watcher = DatabaseWatch(service, database)
    while True:
        await watcher.look()
        await asyncio.sleep(LOOK_INTERVAL_S)


class DatabaseWatch:
    """Compares each finding with the one before; tells the bus, and people when it is another one."""

    def __init__(self, service: Watched, database: Database) -> None:
        self._service, self._database = service, database
        self._told = "ok"
        self._slow_looks = 0

    async def look(self) -> Finding:
        """One look."""
        finding = await examine(self._database, self._service.settings.database.slow_after_s)
        # One slow answer is a busy moment, two in a row are a slow database.
        self._slow_looks = self._slow_looks + 1 if finding.state == "slow" else 0
        if self._slow_looks == 1 and self._told != "slow":
            finding = Finding("ok", finding.detail, finding.latency_ms)
        self._service.bus.publish(topics.service_database(self._database.owner), self._message(finding))
        if finding.state != self._told:
            self._tell(finding)
        return finding

    def _tell(self, finding: Finding) -> None:
        if self._told != "ok":
            self._alert(self._told, finding.detail or "It works again.", recovered=True)
        if finding.state != "ok":
            self._alert(finding.state, finding.detail, recovered=False)
        self._service.ill("database", "" if finding.state == "ok" else finding.detail)
        self._told = finding.state

    def _alert(self, state: str, detail: str, *, recovered: bool) -> None:
        owner = self._database.owner
        alert = Alert(
            key=f"database.{owner}.{state}",
            severity=_SEVERITIES[state],
            source=owner,
            title=_TITLES[state].format(name=owner),
            detail=detail,
            recovered=recovered,
        )
        self._service.bus.publish(topics.alert(alert.severity), alert)

    def _message(self, finding: Finding) -> DatabaseHealth:
        size, free = _room(self._database)
        use = self._database.pool_use()
        return DatabaseHealth(
            name=self._database.owner,
            engine=engine_name(self._database),
            where=self._database.where,
            state=finding.state,
            detail=finding.detail,
            latency_ms=round(finding.latency_ms, 3),
            size_bytes=size,
            free_bytes=free,
            connections=use.connections,
            busy=use.busy,
            waiting=use.waiting,
        )


async def examine(database: Database, slow_after_s: float) -> Finding:
    """Look at a database that is in use; never raises because of what it finds."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(PATIENCE_S):
            await database.read(lambda: execute(database.engine, "SELECT 1 FROM schema_version"))
    except TimeoutError:
        return Finding("slow", f"{database.where} has not answered for {PATIENCE_S:.0f} s", PATIENCE_S * 1000)
    except DatabaseAwayError as error:
        return Finding("away", str(error), (time.monotonic() - began) * 1000)
    except (CryptoBotError, peewee.DatabaseError) as error:
        return Finding(trouble_of(error) or "broken", str(error), (time.monotonic() - began) * 1000)
    took_s, trouble = database.take_notes()
    latency_s = max(took_s, time.monotonic() - began)
    room = _lack_of_room(database)
    if trouble is not None:
        return Finding(trouble[0], f"{database.where}: {trouble[1]}", latency_s * 1000)
    if room is not None:
        return Finding(*room, latency_s * 1000)
    if latency_s > slow_after_s:
        text = f"{database.where} took {latency_s:.1f} s for an answer; {slow_after_s:g} s are allowed"
        return Finding("slow", text, latency_s * 1000)
    return Finding("ok", "", latency_s * 1000)


def engine_name(database: Database) -> str:
    """sqlite, sqlcipher, postgresql or mariadb."""
    if isinstance(database.target, FileTarget):
        return "sqlcipher" if isinstance(database.engine, CipherEngine) else "sqlite"
    return database.target.kind


def _lack_of_room(database: Database) -> tuple[str, str] | None:
    if not isinstance(database.target, FileTarget):
        return None
    folder = database.target.path.parent
    free = _free_bytes(folder)
    if 0 <= free < MIN_FREE_BYTES:
        return "full", f"only {free / 1_048_576:.0f} MiB are free in {folder}; make room"
    if _is_read_only(folder):
        return "read-only", f"the disk of {folder} is mounted read-only"
    return None


def _room(database: Database) -> tuple[int, int]:
    """Bytes of the file with its log, and free beside it; 0 where that is not known."""
    if not isinstance(database.target, FileTarget):
        return 0, 0
    path = database.target.path
    files = (path, Path(f"{path}-wal"))
    return sum(file.stat().st_size for file in files if file.exists()), max(0, _free_bytes(path.parent))


def _free_bytes(folder: Path) -> int:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return -1


def _is_read_only(folder: Path) -> bool:
    try:
        return hasattr(os, "statvfs") and bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    except OSError:
        return False
