"""Forward migrations, an owner at a time, with a table that remembers what was done.

    MIGRATIONS = (
        Migration(1, "orders and fills", (create_tables(OrderRow, FillRow),)),
        Migration(2, "why an order ended", (add_column(OrderRow.reason),)),
    )

Every step may be carried out twice: `create_tables` makes what is missing from the models of today,
`add_column` does nothing where the column exists. So a killed migration is simply begun again, on engines
without transactional DDL as well.
"""

import importlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .driver import execute, peewee
from .errors import DatabaseNewerError
from .fields import BigIntegerField, CharField, IntegerField, Model

PEEWEE: Any = peewee  # the stubs leave out sort_models
Step = Callable[[peewee.Database], None]


@dataclass(frozen=True, slots=True)
class Migration:
    """One step forward. Versions count 1, 2, 3, ... and are never changed once released."""

    version: int
    name: str
    steps: tuple[Step, ...]


class SchemaVersion(Model):
    """What was done to this database, one row a migration."""

    version = IntegerField(primary_key=True)
    name = CharField(max_length=200)
    applied_ms = BigIntegerField()

    class Meta:
        table_name = "schema_version"


def create_tables(*models: type[Model]) -> Step:
    """Make the tables and indexes of these models where they are missing."""

    def step(engine: peewee.Database) -> None:
        with engine.bind_ctx(models):
            for model in PEEWEE.sort_models(models):
                model.create_table(safe=True)
                _add_missing_indexes(engine, model)

    return step


def add_column(field: peewee.Field) -> Step:
    """Add one column; the field must allow NULL or have a default, for the rows that are there."""

    def step(engine: peewee.Database) -> None:
        model, name = field.model, field.column_name
        table = model._meta.table_name
        if name not in {column.name for column in engine.get_columns(table)}:
            alter: Any = importlib.import_module("playhouse.migrate")
            alter.migrate(alter.SchemaMigrator.from_database(engine).add_column(table, name, field))

    return step


def add_index(model: type[Model], *columns: str, unique: bool = False) -> Step:
    """Add an index over columns where none of that name exists."""

    def step(engine: peewee.Database) -> None:
        table = model._meta.table_name
        name = f"{table}_{'_'.join(columns)}"
        if name not in {index.name for index in engine.get_indexes(table)}:
            quoted = ", ".join(_quoted(engine, column) for column in columns)
            kind = "UNIQUE INDEX" if unique else "INDEX"
            target = f"{_quoted(engine, name)} ON {_quoted(engine, table)} ({quoted})"
            execute(engine, f"CREATE {kind} {target}")

    return step


def version_of(engine: peewee.Database) -> int:
    """The database's version; 0 when it is new."""
    if not engine.table_exists("schema_version"):
        return 0
    with engine.bind_ctx([SchemaVersion]):
        newest = SchemaVersion.select(peewee.fn.MAX(SchemaVersion.version)).scalar()
    return int(newest or 0)


def pending(engine: peewee.Database, migrations: Sequence[Migration], where: str) -> list[Migration]:
    """The migrations still to do, in order.

    Raises:
        ValueError: the versions do not count 1, 2, 3, ...: a mistake of the programmer.
        DatabaseNewerError: the database has a version that this program does not know.
    """
    if [migration.version for migration in migrations] != list(range(1, len(migrations) + 1)):
        raise ValueError(f"migrations of {where} are not numbered 1, 2, 3, ...")
    found = version_of(engine)
    if found > len(migrations):
        raise DatabaseNewerError(where, found, len(migrations))
    return list(migrations[found:])


def apply(engine: peewee.Database, migration: Migration, models: Sequence[type[Model]]) -> None:
    """Carry out one migration and note it; called inside a transaction where DDL takes part in them.

    Args:
        models: the owner's; during the steps they live in this database.
    """
    with engine.bind_ctx(models):
        for step in migration.steps:
            step(engine)
    with engine.bind_ctx([SchemaVersion]):
        engine.create_tables([SchemaVersion], safe=True)
        SchemaVersion.insert(
            version=migration.version, name=migration.name, applied_ms=time.time_ns() // 1_000_000
        ).execute()


@contextmanager
def exclusively(engine: Any, owner: str) -> Iterator[None]:
    """One migrating process at a time. SQLite's write lock does that by itself."""
    kind = type(engine).__name__
    if kind == "PostgresqlEngine":
        take, give = "SELECT pg_advisory_lock(hashtext(%s))", "SELECT pg_advisory_unlock(hashtext(%s))"
    elif kind == "MariadbEngine":
        take, give = "SELECT GET_LOCK(%s, 60)", "SELECT RELEASE_LOCK(%s)"
    else:
        yield
        return
    name = [f"cryptobot migration {owner}"]
    execute(engine, take, name)
    try:
        yield
    finally:
        execute(engine, give, name)


def _add_missing_indexes(engine: Any, model: type[Model]) -> None:
    """MariaDB commits after each statement: killed in between, a table may stand without its indexes."""
    if type(engine).__name__ != "MariadbEngine":
        return
    schema: Any = PEEWEE.SchemaManager(model, engine)
    there = {index.name for index in engine.get_indexes(model._meta.table_name)}
    for index in model._meta.fields_to_index():
        if index._name not in there:
            engine.execute(schema._create_index(index, safe=False))


def _quoted(engine: peewee.Database, name: str) -> str:
    start, end = engine.quote[0], engine.quote[-1]
    return f"{start}{name}{end}"
