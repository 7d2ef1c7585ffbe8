"""peewee without the drivers nobody asked for.

On import, peewee loads every SQL driver it finds: 350 ms and 35 MB in each service, though one is used.
Here they are hidden while it loads; the engine in use brings its own driver afterwards.
"""

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

_DRIVERS = ("psycopg2cffi", "psycopg2", "psycopg", "pymysql", "MySQLdb", "pysqlite3")


@contextmanager
def _hidden(names: tuple[str, ...]) -> Iterator[None]:
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # documented: None makes the import fail
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


with _hidden(_DRIVERS):
    import peewee as peewee


def give_peewee_psycopg() -> None:
    """Hand peewee the PostgreSQL driver that was hidden when it was imported.

    Raises:
        ImportError: psycopg is not installed.
    """
    module: ModuleType = peewee
    psycopg = importlib.import_module("psycopg")
    json = importlib.import_module("psycopg.types.json")
    status = importlib.import_module("psycopg.pq").TransactionStatus
    for name, value in (
        ("psycopg", psycopg),
        ("TransactionStatus", status),
        ("Json_pg3", json.Json),
        ("Jsonb_pg3", json.Jsonb),
    ):
        setattr(module, name, value)


def give_peewee_pymysql() -> None:
    """Hand peewee the MariaDB/MySQL driver that was hidden when it was imported.

    Raises:
        ImportError: PyMySQL is not installed.
    """
    module: Any = peewee
    module.mysql = importlib.import_module("pymysql")


def execute(engine: Any, sql: str, parameters: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
    """Run one SQL statement; its rows, none when it gives none."""
    cursor = engine.execute_sql(sql, parameters)
    return list(cursor.fetchall()) if cursor.description else []
