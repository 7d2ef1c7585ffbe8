"""A service's database: opened, migrated, used from one asyncio process.

    database = open_database(self.home, "trade", models=MODELS, migrations=MIGRATIONS, synchronous="FULL")
    with database.transaction():
        OrderRow.create(...)
    await database.run(work)                                       # long work, off the loop, one by one
    rows = await database.read(lambda: list(OrderRow.select()))    # long reading, several at once
    database.close()

Short calls may be made on the loop's thread. Long ones go through `run` or `read`: their threads have
connections of their own, those of `read` from a pool and for reading only.
"""

import asyncio
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar

from ...configs import snapshot
from ...configs.errors import NotRunningError
from ...configs.paths import Home
from ...configs.schema import DatabaseSettings
from . import migrations as forward
from . import sqlite
from .backup import backup_folder, make_backup, prune
from .cipher import CipherEngine
from .connect import connect
from .driver import execute, peewee
from .errors import DatabaseAccessError, DatabaseAwayError, trouble_of
from .fields import Model
from .migrations import Migration
from .pool import Pool, PoolUse
from .target import FileTarget, ServerTarget, Target, target_of
from .transfer import is_unfinished

P = ParamSpec("P")
T = TypeVar("T")
Synchronous = Literal["NORMAL", "FULL"]
DEFAULT_CONNECTIONS = 4
_ROLLED_BACK = "no transaction is active"


class Database:
    """One owner's database. `engine` is peewee's, for what is not wrapped here."""

    def __init__(self, owner: str, target: Target, engine: Any) -> None:
        self.owner, self.target, self.engine = owner, target, engine
        self.where = str(target)
        self.models: list[type[Model]] = []
        self.connections = DEFAULT_CONNECTIONS
        self._worker: ThreadPoolExecutor | None = None
        self._pool: Pool | None = None
        self._slowest_s = 0.0
        self._trouble: tuple[str, str] | None = None

    def bind(self, *models: type[Model]) -> None:
        """From now on these models live in this database."""
        self.models.extend(model for model in models if model not in self.models)
        self.engine.bind(models)

    def pending(self, migrations: Sequence[Migration]) -> list[Migration]:
        """What `migrate` would do.

        Raises:
            DatabaseNewerError: the database was written by a newer program.
        """
        return forward.pending(self.engine, migrations, self.where)

    def migrate(self, migrations: Sequence[Migration]) -> list[int]:
        """Bring the tables up to date; the versions that were applied. Killed anywhere, it can be repeated.

        Raises:
            DatabaseNewerError: the database was written by a newer program.
        """
        applied = []
        with forward.exclusively(self.engine, self.owner):
            for migration in self.pending(migrations):
                with self.transaction():
                    if forward.version_of(self.engine) >= migration.version:
                        continue  # another process was faster
                    forward.apply(self.engine, migration, self.models)
                applied.append(migration.version)
        return applied

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; may be nested. On SQLite it takes the write lock at once and never fails half-way.

        Raises:
            DatabaseAwayError: the server went away; whether a commit on its way took place is unknown.
        """
        if self.engine.in_transaction():
            with self.engine.atomic():
                yield
            return
        began = time.monotonic()
        outer = self._begin()
        try:
            yield
        except BaseException as error:
            self._note_trouble(error)
            self._leave(outer, error)
            raise
        try:
            self._leave(outer, None)
        except BaseException as error:
            self._note_trouble(error)
            raise
        self._trouble = None
        self._slowest_s = max(self._slowest_s, time.monotonic() - began)

    @contextmanager
    def step(self) -> Iterator[None]:
        """All or nothing of a part of the open transaction; for hot paths, and not to be nested."""
        self.engine.execute_sql("SAVEPOINT step")
        try:
            yield
        except BaseException:
            self.engine.execute_sql("ROLLBACK TO SAVEPOINT step")
            raise
        self.engine.execute_sql("RELEASE SAVEPOINT step")

    def _note_trouble(self, error: BaseException) -> None:
        state = trouble_of(error) if isinstance(error, peewee.DatabaseError) else ""
        if state:
            self._trouble = (state, " ".join(str(error).split())[:300])

    def take_notes(self) -> tuple[float, tuple[str, str] | None]:
        """Seconds of the slowest transaction since the last call; state and text of a failure that lasts."""
        slowest_s, self._slowest_s = self._slowest_s, 0.0
        return slowest_s, self._trouble

    def _begin(self) -> Any:
        if isinstance(self.engine, sqlite.SqliteEngine):
            outer = self.engine.atomic("IMMEDIATE")
            sqlite.patiently(outer.__enter__)
            return outer
        outer = self.engine.atomic()
        self.engine.again(outer.__enter__)
        return outer

    def _leave(self, outer: Any, error: BaseException | None) -> None:
        """Commit or roll back; a lost server is told as such, and the connection is made anew next time."""
        try:
            outer.__exit__(type(error) if error else None, error, error.__traceback__ if error else None)
        except (peewee.OperationalError, peewee.InterfaceError) as failure:
            if isinstance(self.engine, sqlite.SqliteEngine):
                # A full disk: SQLite has rolled back by itself. What matters is what came before.
                before: BaseException | None = failure
                while before is not None and _ROLLED_BACK in str(before):
                    before = before.__context__
                if before is failure:
                    raise
                if error is None:
                    raise (before or failure) from None
                return
            if not self.engine.is_lost():
                raise
            self.engine.forget_connection()
            raise DatabaseAwayError(self.where, str(failure).splitlines()[0]) from (error or failure)

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call `function` on this database's own thread; calls are carried out one after another."""
        if self._worker is None:
            self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"database-{self.owner}")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._worker, lambda: function(*args, **kwargs))

    async def read(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function that only reads on a pooled connection; several run at once.

        It sees what was committed. Writing in it fails.
        """
        if self._pool is None:
            self._pool = Pool(
                self.owner, self.connections, begin=self._begin_reading, end=self._close_connection
            )
        return await self._pool.run(lambda: function(*args, **kwargs))

    def pool_use(self) -> PoolUse:
        """How the pool of `read` is used now."""
        return self._pool.use() if self._pool is not None else PoolUse(0, 0, 0, 0)

    def _begin_reading(self) -> None:
        forbid = "PRAGMA query_only = 1"
        if isinstance(self.target, ServerTarget):
            on_postgresql = self.target.kind == "postgresql"
            forbid = (
                "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"
                if on_postgresql
                else "SET SESSION TRANSACTION READ ONLY"
            )
        execute(self.engine, forbid)

    def query(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows of one SQL statement, for reports; `?` stands for a parameter on SQLite."""
        return execute(self.engine, sql, parameters or None)

    def close(self) -> None:
        """Finish what was given to `run` and close. Does nothing when already closed."""
        if self._worker is not None:
            self._worker.submit(self._close_connection)
            self._worker.shutdown(wait=True)
            self._worker = None
        if self._pool is not None:
            self._pool.close()
            self._pool = None
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
    settings: DatabaseSettings | None = None,
) -> Database:
    """Open (and make) the database of `owner`, bind its models, bring its tables up to date.

    Args:
        synchronous: FULL when a commit must survive a power cut, as the order journal's; NORMAL survives
            crashes of the program and never damages the file.
        settings: instead of the settings in force in this home.

    Raises:
        DatabaseBrokenError, DatabaseNewerError, DatabaseAccessError: it cannot be used (all StartError).
        DatabaseAwayError: the server does not answer.
    """
    chosen = settings or _settings_in_force(home)
    target = target_of(home, owner, chosen)
    database = Database(owner, target, connect(home, target, synchronous))
    database.connections = chosen.connections
    try:
        database.bind(*models)
        _refuse_unfinished(database)
        _prepare(home, database, migrations, chosen.backups_kept)
        database.migrate(migrations)
    except BaseException:
        database.close()
        raise
    return database


def _refuse_unfinished(database: Database) -> None:
    if is_unfinished(database.engine):
        raise DatabaseAccessError(
            database.where, "filling it from another database was interrupted; repeat `cryptobot db convert`"
        )


def _prepare(home: Home, database: Database, migrations: Sequence[Migration], keep: int) -> None:
    """Before rows that are there are changed: a backup, and on files a trial of the migrations on a copy.

    Raises:
        DatabaseAccessError: the backup cannot be made, or the trial failed; nothing was changed.
    """
    waiting = database.pending(migrations)
    if not waiting or forward.version_of(database.engine) == 0:
        return
    folder = backup_folder(home)
    reason = f"before migration to version {waiting[-1].version}"
    made = make_backup(home, database.owner, database.engine, folder, reason=reason, models=database.models)
    prune(folder, database.owner, keep, spare=made)
    if isinstance(database.target, FileTarget):
        try_migrations(home, database, made, waiting)


def try_migrations(home: Home, database: Database, backup: Path, waiting: Sequence[Migration]) -> None:
    """Carry out migrations on a copy of a backup.

    Raises:
        DatabaseAccessError: one of them failed; which and why.
    """
    copy = backup.with_name(f".{backup.stem}.trial")
    shutil.copyfile(backup, copy)
    engine = connect(home, FileTarget(copy, isinstance(database.engine, CipherEngine)), "NORMAL")
    try:
        for migration in waiting:
            with engine.atomic():
                forward.apply(engine, migration, database.models)
    except Exception as error:
        raise DatabaseAccessError(
            database.where,
            f"migration {migration.version} ({migration.name}) failed on a copy ({error}); nothing changed",
        ) from error
    finally:
        engine.close()
        for path in copy.parent.glob(f"{copy.name}*"):
            path.unlink(missing_ok=True)


def _settings_in_force(home: Home) -> DatabaseSettings:
    """Those that the supervisor handed out; the defaults where no supervisor ever ran."""
    try:
        return snapshot.read(home).database
    except NotRunningError:
        return DatabaseSettings()
