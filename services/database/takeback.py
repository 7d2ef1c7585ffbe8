"""Tables of a newer version brought to the form that an older program knows, with every row in them.

Migrations only add (tables, columns that may be empty), so the older form is a part of the newer one: the
file of the backup gives the form, the newer file gives the rows.
"""

import sqlite3
from pathlib import Path
from typing import Any

from ...configs.paths import Home
from . import cipher
from .backup import read_note, replace_file
from .connect import database_key
from .errors import DatabaseBrokenError
from .files import open_encrypted
from .target import FileTarget


def version_in(home: Home, path: Path, *, encrypted: bool) -> int:
    """A file's version: of its migrations, or the number that a service without models keeps."""
    connection = _open(home, path, encrypted)
    try:
        return _version(connection)
    finally:
        connection.close()


def is_newer(home: Home, backup: Path, target: FileTarget) -> bool:
    """Whether a database in use has a newer form than its backup.

    Raises:
        DatabaseBrokenError: the backup is not what its note says.
    """
    note = read_note(backup)
    if not target.path.exists():
        return False
    there = version_in(home, target.path, encrypted=target.encrypted)
    return there > version_in(home, backup, encrypted=note.encrypted)


def take_back(home: Home, backup: Path, target: FileTarget) -> Path | None:
    """Give a database the form of its backup and keep its rows; where the newer file went.

    Raises:
        DatabaseBrokenError: the backup is damaged, or the rows do not fit into it; nothing was changed.
        DatabaseAccessError: somebody uses the database, or it cannot be written.
    """
    return replace_file(home, backup, target, change=lambda copy: _fill(home, copy, target))


def _fill(home: Home, copy: Path, target: FileTarget) -> None:
    """Put the rows of the database in use into a copy of the backup."""
    connection = _open(home, copy, target.encrypted)
    try:
        connection.execute("PRAGMA foreign_keys = OFF")
        cipher.attach(connection, target.path, "newer", database_key(home) if target.encrypted else None)
        connection.execute("BEGIN IMMEDIATE")
        for table in _tables(connection, "main"):
            if table != "schema_version":
                _copy_rows(connection, table)
        connection.commit()
        broken = connection.execute("PRAGMA main.foreign_key_check").fetchall()
        if broken:
            raise DatabaseBrokenError(str(target), f"{len(broken)} rows do not fit into the older form")
    except _errors(target.encrypted) as error:
        raise DatabaseBrokenError(
            str(target), f"its rows do not fit into the older form ({error})"
        ) from error
    finally:
        connection.close()


def _copy_rows(connection: Any, table: str) -> None:
    if table not in _tables(connection, "newer"):
        return
    older, newer = _columns(connection, "main", table), _columns(connection, "newer", table)
    common = ", ".join(_quoted(name) for name in older if name in newer)
    name = _quoted(table)
    connection.execute(f"DELETE FROM main.{name}")  # noqa: S608 - names come from the database itself
    connection.execute(f"INSERT INTO main.{name} ({common}) SELECT {common} FROM newer.{name}")  # noqa: S608


def _tables(connection: Any, schema: str) -> list[str]:
    rows = connection.execute(
        f"SELECT name FROM {schema}.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"  # noqa: S608
    )
    return [str(row[0]) for row in rows]


def _columns(connection: Any, schema: str, table: str) -> list[str]:
    return [str(row[1]) for row in connection.execute(f"PRAGMA {schema}.table_info({_quoted(table)})")]


def _version(connection: Any) -> int:
    if "schema_version" in _tables(connection, "main"):
        return int(connection.execute("SELECT max(version) FROM schema_version").fetchone()[0] or 0)
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _open(home: Home, path: Path, encrypted: bool) -> Any:
    return open_encrypted(home, path) if encrypted else sqlite3.connect(path, timeout=5.0)


def _errors(encrypted: bool) -> tuple[type[Exception], ...]:
    """What either driver raises."""
    return (sqlite3.DatabaseError, *((cipher.driver().DatabaseError,) if encrypted else ()))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
