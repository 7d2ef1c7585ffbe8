"""SQLCipher: SQLite files encrypted with AES-256, page by page."""

import importlib
import os
from pathlib import Path
from typing import Any

from .driver import execute
from .errors import DatabaseAccessError, DatabaseBrokenError
from .sqlite import SqliteEngine, patiently

_PLAIN_HEADER = b"SQLite format 3\0"


class CipherEngine(SqliteEngine):
    """As SqliteEngine, through sqlcipher3. `key` is 32 bytes."""

    def __init__(self, path: str, *, key: bytes, **more: Any) -> None:
        self._key = key
        super().__init__(path, **more)

    def _connect(self) -> Any:
        return patiently(self._connect_with_key)

    def _connect_with_key(self) -> Any:
        connection = driver().connect(self.database, timeout=self._timeout, isolation_level=None)
        try:
            unlock(connection, self._key)
            self._add_conn_hooks(connection)
        except BaseException:
            connection.close()
            raise
        return connection


def unlock(connection: Any, key: bytes) -> None:
    """Give a new connection its key; a wrong one shows at the first reading."""
    connection.execute(f"PRAGMA key = {_literal(key)}")


def attach(connection: Any, path: Path, name: str, key: bytes | None) -> None:
    """Give an open connection a second file; without a key a plain one, on either driver."""
    suffix = "" if key is None else f" KEY {_literal(key)}"
    connection.execute(f"ATTACH DATABASE ? AS {name}{suffix}", (str(path),))


def driver() -> Any:
    """The module sqlcipher3.dbapi2.

    Raises:
        DatabaseAccessError: it is not installed.
    """
    try:
        return importlib.import_module("sqlcipher3.dbapi2")
    except ImportError as error:
        raise DatabaseAccessError(
            "(encrypted)", "the package sqlcipher3 is not installed; pip install cryptobot[encryption]"
        ) from error


def is_plain(path: Path) -> bool:
    """Is there an unencrypted database in this file?"""
    try:
        with path.open("rb") as file:
            return file.read(len(_PLAIN_HEADER)) == _PLAIN_HEADER
    except FileNotFoundError:
        return False


def encrypt_file(path: Path, key: bytes) -> None:
    """Make an existing plain database an encrypted one, in place; killed at any moment, one of both is whole.

    Raises:
        DatabaseBrokenError: the plain or the new file is damaged; the plain one stays.
        DatabaseAccessError: somebody else has it open.
    """
    _export(path, source_key=None, target_key=key)


def decrypt_file(path: Path, key: bytes) -> None:
    """The way back; raises as `encrypt_file`."""
    _export(path, source_key=key, target_key=None)


def _export(path: Path, *, source_key: bytes | None, target_key: bytes | None) -> None:
    beside = path.with_name(f".{path.name}.converting")
    beside.unlink(missing_ok=True)
    sqlcipher = driver()
    connection = sqlcipher.connect(str(path), isolation_level=None, timeout=5)
    try:
        if source_key is not None:
            connection.execute(f"PRAGMA key = {_literal(source_key)}")
        # Leaving WAL mode needs the file for oneself, and leaves no -wal file that would not fit the new one.
        if connection.execute("PRAGMA journal_mode = delete").fetchone()[0] != "delete":
            raise DatabaseAccessError(str(path), "another process has it open; stop the platform first")
        counts = _counts(connection)
        connection.execute("ATTACH DATABASE ? AS new KEY " + _literal(target_key), (str(beside),))
        connection.execute("SELECT sqlcipher_export('new')")
        # The export leaves the version that a program notes in the file behind.
        version = int(connection.execute("PRAGMA main.user_version").fetchone()[0])
        connection.execute(f"PRAGMA new.user_version = {version}")
        connection.execute("DETACH DATABASE new")
        _verify(sqlcipher, beside, target_key, counts)
        _sync(beside)
        beside.chmod(0o600)
        beside.replace(path)
    except sqlcipher.DatabaseError as error:
        raise _explained(path, error) from error
    finally:
        connection.close()
        beside.unlink(missing_ok=True)


def _verify(sqlcipher: Any, path: Path, key: bytes | None, counts: dict[str, int]) -> None:
    connection = sqlcipher.connect(str(path), isolation_level=None)
    try:
        if key is not None:
            connection.execute(f"PRAGMA key = {_literal(key)}")
        findings = [row[0] for row in connection.execute("PRAGMA integrity_check").fetchall()]
        if findings != ["ok"] or _counts(connection) != counts:
            raise DatabaseBrokenError(str(path), "the converted copy differs from the original")
    finally:
        connection.close()


def _counts(connection: Any) -> dict[str, int]:
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return {
        name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # noqa: S608  # names of its own
        for (name,) in tables
    }


def _explained(path: Path, error: Exception) -> DatabaseAccessError | DatabaseBrokenError:
    text = str(error)
    if "locked" in text or "busy" in text:
        return DatabaseAccessError(str(path), "another process has it open; stop the platform first")
    if "not a database" in text:
        return DatabaseAccessError(str(path), "the key is wrong, or this is no database")
    return DatabaseBrokenError(str(path), text)


def _literal(key: bytes | None) -> str:
    """How SQLCipher takes a raw key: no passphrase is stretched, none can be mistyped."""
    return "''" if key is None else f"\"x'{key.hex()}'\""


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def rows(engine: Any, sql: str) -> list[tuple[Any, ...]]:
    """Rows of a PRAGMA, for reports about the cipher in use."""
    return execute(engine, sql)
