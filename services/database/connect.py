"""From a target to an open engine: the right driver, the key or password, files converted first."""

from typing import Any

from ...configs import handover
from ...configs.errors import SettingsError
from ...configs.paths import Home
from ...configs.vault import Vault
from . import cipher, servers, sqlite
from .errors import DatabaseAccessError, DatabaseBrokenError
from .target import FileTarget, ServerTarget, Target

PASSWORD_SECRET = "database.password"  # noqa: S105  # a secret's name


def connect(home: Home, target: Target, synchronous: str) -> Any:
    """Open the database of a target; a peewee database with `execute_sql`, `atomic` and so on.

    Raises:
        DatabaseBrokenError, DatabaseAccessError: it cannot be used as things are.
        DatabaseAwayError: the server does not answer.
    """
    if isinstance(target, ServerTarget):
        return _server(target, _password(home))
    try:
        target.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise DatabaseAccessError(str(target), error.strerror or str(error)) from error
    if target.encrypted:
        return _encrypted(home, target, synchronous)
    if not cipher.is_plain(target.path) and _has_content(target):
        _refuse_if_encrypted(home, target)
    return sqlite.open_engine(target.path, synchronous)


def database_key(home: Home) -> bytes:
    """The key of the encrypted files, from the vault; made on first use.

    Raises:
        SettingsError: the vault cannot be opened.
    """
    found = handover.find(home, handover.DATABASE_KEY)
    if found is None and handover.is_supervised():
        raise SettingsError("the secret database.key was not handed over; `cryptobot reload` hands it over")
    if found is None:
        handover.make_database_key(Vault(home))
        found = Vault(home).get(handover.DATABASE_KEY)
    return bytes.fromhex(found.reveal())


def _encrypted(home: Home, target: FileTarget, synchronous: str) -> Any:
    try:
        key = database_key(home)
    except SettingsError as error:
        raise DatabaseAccessError(str(target), str(error).rstrip(".")) from error
    if cipher.is_plain(target.path):
        cipher.encrypt_file(target.path, key)
    cipher.driver()
    try:
        return sqlite.open_engine(target.path, synchronous, make=cipher.CipherEngine, key=key)
    except DatabaseBrokenError as error:
        if "not a database" in str(error):
            raise DatabaseAccessError(str(target), "the key is wrong, or this is no database") from error
        raise


def _refuse_if_encrypted(home: Home, target: FileTarget) -> None:
    """A file without SQLite's header while a database key is there was encrypted by us."""
    if handover.DATABASE_KEY in {info.name for info in Vault(home).names()}:
        raise DatabaseAccessError(
            str(target),
            "it is encrypted, but database.encrypted is false; set it to true, or decrypt the file with "
            "`cryptobot db convert`",
        )


def _has_content(target: FileTarget) -> bool:
    return target.path.exists() and target.path.stat().st_size > 0


def _server(target: ServerTarget, password: str) -> servers.ServerEngine:
    try:
        return servers.open_engine(target, password)
    except DatabaseAccessError as error:
        if target.kind != "mariadb" or "unknown database" not in str(error).lower():
            raise
    servers.make_mariadb_database(target, password)
    return servers.open_engine(target, password)


def _password(home: Home) -> str:
    found = handover.find(home, PASSWORD_SECRET)
    return found.reveal() if found is not None else ""
