"""PostgreSQL and MariaDB: connections that come back after the server was away."""

import contextlib
import random
import ssl
import time
from collections.abc import Callable
from typing import Any, TypeVar

from .driver import execute, give_peewee_psycopg, give_peewee_pymysql, peewee
from .errors import DatabaseAccessError, DatabaseAwayError
from .target import ServerTarget

T = TypeVar("T")

AWAY_PATIENCE_S = 5.0
CONNECT_TIMEOUT_S = 5
_Lost = (peewee.OperationalError, peewee.InterfaceError)
_FOR_GOOD = (
    "password",
    "authentication",
    "access denied",
    "does not exist",
    "unknown database",
    "certificate",
)


class _ServerMixin:
    """What both servers have in common: a lost connection is made anew between transactions, never within."""

    where: str

    def execute_sql(self, sql: Any, params: Any = None) -> Any:
        base: Any = super()
        if self.in_transaction():  # type: ignore[attr-defined]  # of peewee.Database
            return base.execute_sql(sql, params)
        return self.again(lambda: base.execute_sql(sql, params))

    patience_s = AWAY_PATIENCE_S

    def again(self, action: Callable[[], T]) -> T:
        """Call `action`; when the connection is lost, connect anew and repeat, for at most `patience_s`.

        Raises:
            DatabaseAwayError: the server stays away.
        """
        deadline, wait_s = time.monotonic() + self.patience_s, 0.02
        while True:
            try:
                return action()
            except _Lost as error:
                if not self.is_lost():
                    raise
                self.forget_connection()
                if time.monotonic() >= deadline or _is_for_good(error):
                    raise DatabaseAwayError(self.where, _first_line(error)) from error
            time.sleep(random.uniform(0.5, 1.0) * wait_s)
            wait_s = min(wait_s * 2, 0.5)

    def is_lost(self) -> bool:
        """Is there no usable connection in this thread?"""
        engine: Any = self
        return bool(engine.is_closed()) or not engine.is_connection_usable()

    def forget_connection(self) -> None:
        """Drop this thread's connection; the next statement makes another one."""
        engine: Any = self
        connection = engine._state.conn
        engine.dispose()
        if connection is not None:
            with contextlib.suppress(Exception):  # it is broken: closing it may fail in any way of its driver
                connection.close()


_Postgresql: Any = peewee.PostgresqlDatabase
_Mysql: Any = peewee.MySQLDatabase


class PostgresqlEngine(_ServerMixin, _Postgresql):  # type: ignore[misc]  # the stubs leave out what is overridden
    """PostgreSQL through psycopg 3."""

    def is_connection_usable(self) -> bool:
        connection = self._state.conn
        return not self._state.closed and connection is not None and not connection.closed


class MariadbEngine(_ServerMixin, _Mysql):  # type: ignore[misc]  # the stubs leave out what is overridden
    """MariaDB or MySQL through PyMySQL, strict: nothing is cut off or rounded in silence."""

    sql_mode = "STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO"

    def is_connection_usable(self) -> bool:
        connection = self._state.conn
        return not self._state.closed and connection is not None and bool(connection.open)


ServerEngine = PostgresqlEngine | MariadbEngine


def open_engine(target: ServerTarget, password: str) -> ServerEngine:
    """Connect, and make the owner's schema or database where it is missing.

    Raises:
        DatabaseAccessError: the server refuses, or the driver is not installed.
        DatabaseAwayError: the server does not answer.
    """
    try:
        engine = _postgresql(target, password) if target.kind == "postgresql" else _mariadb(target, password)
    except ImportError as error:
        raise DatabaseAccessError(
            str(target), f"its driver is missing: pip install cryptobot[{target.kind}]"
        ) from error
    engine.where = str(target)
    try:
        engine.again(lambda: engine.connect(reuse_if_open=True))
        _make_place(engine, target)
    except DatabaseAwayError as error:
        if error.__cause__ is not None and _is_for_good(error.__cause__):
            raise DatabaseAccessError(str(target), _first_line(error.__cause__)) from error
        raise
    except peewee.DatabaseError as error:
        engine.close()
        raise DatabaseAccessError(str(target), _first_line(error)) from error
    return engine


def _postgresql(target: ServerTarget, password: str) -> PostgresqlEngine:
    give_peewee_psycopg()
    options = dict(target.options)
    options.setdefault("sslmode", "prefer" if target.is_local else "verify-full")
    if not target.is_local and options["sslmode"] not in ("require", "verify-ca", "verify-full"):
        raise DatabaseAccessError(str(target), "a server elsewhere is used over TLS only; remove sslmode")
    if target.host:
        options["host"] = target.host
    return PostgresqlEngine(
        target.name,
        prefer_psycopg3=True,
        user=target.user or None,
        password=password or None,
        port=target.port,
        connect_timeout=CONNECT_TIMEOUT_S,
        application_name=f"cryptobot {target.owner}",
        options=f"-c search_path={target.owner} -c timezone=UTC",
        **options,
    )


def _mariadb(target: ServerTarget, password: str) -> MariadbEngine:
    give_peewee_pymysql()
    options: dict[str, Any] = dict(target.options)
    authority = options.pop("ssl_ca", None)
    if authority or not target.is_local:
        options["ssl"] = ssl.create_default_context(cafile=authority)
    if target.host and not target.host.startswith("/"):
        options["host"] = target.host
    elif target.host:
        options["unix_socket"] = target.host
    return MariadbEngine(
        f"{target.name}_{target.owner}",
        mariadb=True,
        user=target.user or None,
        password=password,
        port=target.port,
        connect_timeout=CONNECT_TIMEOUT_S,
        collation="utf8mb4_nopad_bin",
        **options,
    )


def _make_place(engine: ServerEngine, target: ServerTarget) -> None:
    if isinstance(engine, PostgresqlEngine):
        found = execute(engine, "SELECT 1 FROM pg_namespace WHERE nspname = %s", [target.owner])
        if not found:
            execute(engine, f'CREATE SCHEMA IF NOT EXISTS "{target.owner}"')


def make_mariadb_database(target: ServerTarget, password: str) -> None:
    """Make the owner's database; connecting to one that is missing fails.

    Raises:
        DatabaseAccessError, DatabaseAwayError: as `open_engine`.
    """
    general = _mariadb(target, password)
    general.where = str(target)
    general.database = None
    try:
        name = f"{target.name}_{target.owner}"
        kind = "CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"
        execute(general, f"CREATE DATABASE IF NOT EXISTS `{name}` {kind}")
    except peewee.DatabaseError as error:
        raise DatabaseAccessError(str(target), _first_line(error)) from error
    finally:
        if not general.is_closed():
            general.close()


def _is_for_good(error: BaseException) -> bool:
    """Does it make no sense to try again?"""
    text = str(error).lower()
    return any(sign in text for sign in _FOR_GOOD)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
