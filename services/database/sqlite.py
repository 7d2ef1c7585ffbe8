"""SQLite as the platform uses it: WAL, safe pragmas, and no "database is locked" for callers."""

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from .driver import execute, peewee
from .errors import DatabaseAccessError, DatabaseBrokenError

T = TypeVar("T")

BUSY_TIMEOUT_MS = 5000
# SQLite's busy handler is not fair: under many writers one may starve. Attempts are repeated until then.
LOCK_PATIENCE_S = 60.0
QUICK_CHECK_LIMIT = 64 * 1024 * 1024
_BROKEN = ("malformed", "not a database", "disk image")


_Base: Any = peewee.SqliteDatabase


class SqliteEngine(_Base):  # type: ignore[misc]  # the stubs leave out _connect, which peewee tells one to override
    """peewee's SQLite with patience: connecting, beginning and single statements wait for other writers."""

    patience_s = LOCK_PATIENCE_S

    def _connect(self) -> Any:
        return patiently(super()._connect, self.patience_s)

    def execute_sql(self, sql: Any, params: Any = None) -> Any:
        if self.in_transaction():
            return super().execute_sql(sql, params)
        return patiently(lambda: super(SqliteEngine, self).execute_sql(sql, params), self.patience_s)


def open_engine(
    path: Path, synchronous: str, *, make: Callable[..., SqliteEngine] = SqliteEngine, **more: Any
) -> SqliteEngine:
    """Open the file at `path`, made when absent, readable by its owner only.

    Args:
        make: the class of the engine; `more` goes to it.

    Raises:
        DatabaseBrokenError: it is damaged or no database.
        DatabaseAccessError: it cannot be opened or written.
    """
    engine = make(
        str(path),
        **more,
        timeout=BUSY_TIMEOUT_MS / 1000,
        pragmas={
            "busy_timeout": BUSY_TIMEOUT_MS,
            "journal_mode": "wal",
            "synchronous": synchronous,
            "foreign_keys": 1,
            "journal_size_limit": 64 * 1024 * 1024,
            "temp_store": "memory",
        },
    )
    try:
        path.touch(mode=0o600)
        engine.connect()
        if path.stat().st_size <= QUICK_CHECK_LIMIT:
            check(engine, str(path), quick=True)
    except OSError as error:
        raise DatabaseAccessError(str(path), error.strerror or str(error)) from error
    except DatabaseBrokenError:
        engine.close()
        raise
    except Exception as error:
        # sqlite3 raises while connecting, before peewee translates its errors.
        if type(error).__name__ not in ("DatabaseError", "OperationalError"):
            raise
        engine.close()
        raise explained(error, str(path)) from error
    return engine


def check(engine: peewee.Database, where: str, *, quick: bool) -> None:
    """Read the whole database and compare it with itself.

    Raises:
        DatabaseBrokenError: something does not fit.
    """
    rows = execute(engine, "PRAGMA quick_check(5)" if quick else "PRAGMA integrity_check(20)")
    findings = [str(row[0]) for row in rows]
    if findings != ["ok"]:
        raise DatabaseBrokenError(where, " ".join("; ".join(findings).split())[:300])


def explained(error: Exception, where: str) -> DatabaseBrokenError | DatabaseAccessError:
    """What SQLite's error means for a person."""
    text = str(error)
    if any(sign in text for sign in _BROKEN):
        return DatabaseBrokenError(where, text)
    return DatabaseAccessError(where, text)


def is_locked(error: Exception) -> bool:
    """Is this another process's write lock, which passes?"""
    text = str(error)
    return "is locked" in text or "is busy" in text


def patiently(action: Callable[[], T], patience_s: float = LOCK_PATIENCE_S) -> T:
    """Call `action` again while another process holds the lock; jittered, for at most `patience_s`."""
    deadline = time.monotonic() + patience_s
    wait_s = 0.002
    while True:
        try:
            return action()
        except peewee.OperationalError as error:
            if not is_locked(error) or time.monotonic() >= deadline:
                raise
        except Exception as error:
            # Raised by sqlite3 itself while connecting, before peewee translates errors.
            if type(error).__name__ != "OperationalError" or not is_locked(error):
                raise
            if time.monotonic() >= deadline:
                raise
        time.sleep(random.uniform(0.5, 1.0) * wait_s)
        wait_s = min(wait_s * 2, 0.1)
