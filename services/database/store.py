"""A service's database: opened, migrated, used from one asyncio process.

    database = open_database(self.home, "trade", models=MODELS, migrations=MIGRATIONS, synchronous="FULL")
    with database.transaction():
        OrderRow.create(...)
    rows = await database.run(lambda: list(OrderRow.select()))     # long work, off the loop
    database.close()

Short calls may be made on the loop's thread. Long ones go through `run`: its thread has its own connection.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Literal, ParamSpec, TypeVar

from ...configs.paths import Home
from . import migrations as forward
from . import sqlite
from .driver import execute, peewee
from .fields import Model
from .migrations import Migration

P = ParamSpec("P")
T = TypeVar("T")
Synchronous = Literal["NORMAL", "FULL"]


class Database:
    """One owner's database. `engine` is peewee's, for what is not wrapped here."""

    def __init__(self, owner: str, where: str, engine: peewee.Database) -> None:
        self.owner, self.where, self.engine = owner, where, engine
        self._worker: ThreadPoolExecutor | None = None

    def bind(self, *models: type[Model]) -> None:
        """From now on these models live in this database."""
        self.engine.bind(models)

    def migrate(self, migrations: Sequence[Migration]) -> list[int]:
        """Bring the tables up to date; the versions that were applied.

        Raises:
            DatabaseNewerError: the database was written by a newer program.
        """
        applied = []
        for migration in forward.pending(self.engine, migrations, self.where):
            with self.transaction():
                if forward.version_of(self.engine) >= migration.version:
                    continue  # another process was faster
                forward.apply(self.engine, migration)
            applied.append(migration.version)
        return applied

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. Takes the write lock at once, so that it never fails half-way; may be nested."""
        if self.engine.in_transaction() or not isinstance(self.engine, sqlite.SqliteEngine):
            with self.engine.atomic():
                yield
            return
        outer = self.engine.atomic("IMMEDIATE")
        sqlite.patiently(outer.__enter__)
        try:
            yield
        except BaseException as error:
            outer.__exit__(type(error), error, error.__traceback__)
            raise
        outer.__exit__(None, None, None)

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call `function` on this database's own thread; calls are carried out one after another."""
        if self._worker is None:
            self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"database-{self.owner}")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._worker, lambda: function(*args, **kwargs))

    def query(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows of one SQL statement, for reports; `?` stands for a parameter on SQLite."""
        return execute(self.engine, sql, parameters or None)

    def close(self) -> None:
        """Finish what was given to `run` and close. Does nothing when already closed."""
        if self._worker is not None:
            self._worker.submit(self._close_connection)
            self._worker.shutdown(wait=True)
            self._worker = None
        self._close_connection()

    def _close_connection(self) -> None:
        if not self.engine.is_closed():
            self.engine.close()


def open_database(
    home: Home,
    owner: str,
    *,
    models: Sequence[type[Model]] = (),
    migrations: Sequence[Migration] = (),
    synchronous: Synchronous = "NORMAL",
) -> Database:
    """Open (and make) the database of `owner`, bind its models, bring its tables up to date.

    Args:
        synchronous: FULL when a commit must survive a power cut, as the order journal's; NORMAL survives
            crashes of the program and never damages the file.

    Raises:
        DatabaseBrokenError, DatabaseNewerError, DatabaseAccessError: it cannot be used (all StartError).
    """
    home.databases.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = home.databases / f"{owner}.sqlite"
    database = Database(owner, str(path), sqlite.open_engine(path, synchronous))
    try:
        database.bind(*models)
        database.migrate(migrations)
    except BaseException:
        database.close()
        raise
    return database
