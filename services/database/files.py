"""Encrypted SQLite files for a service that keeps its tables without models, as the paper exchange does."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...configs.paths import Home
from . import cipher
from .connect import database_key
from .errors import DatabaseAccessError


def opener(home: Home) -> Callable[[Path], Any]:
    """A function that opens an encrypted file; sqlcipher3's connections are used as sqlite3's are.

    A plain file in its place is encrypted first. The function raises as `open_encrypted`.
    """
    return functools.partial(open_encrypted, home)


def open_encrypted(home: Home, path: Path) -> Any:
    """Open (or make) an encrypted file.

    Raises:
        DatabaseAccessError: the key or the package is missing, or the file has another key.
        DatabaseBrokenError: a plain file that is to be encrypted is damaged.
    """
    key = database_key(home)
    if cipher.is_plain(path):
        cipher.encrypt_file(path, key)
    connection = cipher.driver().connect(str(path), timeout=5.0, check_same_thread=False)
    try:
        cipher.unlock(connection, key)
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except cipher.driver().DatabaseError as error:
        connection.close()
        raise DatabaseAccessError(str(path), "the key is wrong, or this is no database") from error
    return connection
