"""Moving all rows of one owner from one database to another, with proof that nothing was lost or changed.

The target must be empty. While it is filled it carries a mark; a transfer that was killed is begun anew, and
nobody opens a half-filled database by mistake. Rows are compared by count and by a checksum over every value.
"""

import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .driver import execute, peewee
from .errors import DatabaseAccessError, DatabaseBrokenError
from .fields import CharField, Model

PEEWEE: Any = peewee  # the stubs leave out sort_models
_BATCH = 500
MARK = "transfer_unfinished"


class TransferMark(Model):
    """Stands in a database that is being filled."""

    source = CharField(max_length=255, primary_key=True)

    class Meta:
        table_name = MARK


@dataclass(frozen=True, slots=True)
class TableReport:
    """One table after its transfer."""

    table: str
    rows: int
    checksum: str


Progress = Callable[[str, int], None]


def transfer(
    source: Any, target: Any, models: Sequence[type[Model]], *, where: str, progress: Progress | None = None
) -> list[TableReport]:
    """Copy every row of these models; both engines have the tables already.

    Args:
        where: names the target in errors.
        progress: told table name and rows so far, after each batch.

    Raises:
        DatabaseAccessError: the target holds rows that no unfinished transfer put there.
        DatabaseBrokenError: a table differs after it was copied.
    """
    ordered: list[type[Model]] = PEEWEE.sort_models(list(models))
    _begin(target, ordered, where)
    reports = []
    for model in ordered:
        _fill(target, model, _rows_of(source, model), progress)
        before, after = fingerprint(source, model), fingerprint(target, model)
        if before != after:
            raise DatabaseBrokenError(where, f"table {model._meta.table_name} differs from its source")
        reports.append(TableReport(model._meta.table_name, *after))
    _mend_sequences(target, ordered)
    with target.bind_ctx([TransferMark]):
        TransferMark.drop_table(safe=True)
    return reports


def is_unfinished(engine: Any) -> bool:
    """Was a transfer into this database killed?"""
    return bool(engine.table_exists(MARK))


def fingerprint(engine: Any, model: type[Model]) -> tuple[int, str]:
    """Count of rows, and a checksum over all values that does not depend on engine or order."""
    total, count = 0, 0
    for row in _rows_of(engine, model):
        digest = hashlib.sha256()
        for value in row:
            digest.update(_canonical(value) + b"\0")
        total = (total + int.from_bytes(digest.digest(), "big")) % (1 << 256)
        count += 1
    return count, f"{total:064x}"


def _begin(target: Any, models: Sequence[type[Model]], where: str) -> None:
    if is_unfinished(target):
        for model in reversed(models):
            model.delete().bind(target).execute()
        return
    for model in models:
        if model.select().bind(target).exists():
            table = model._meta.table_name
            raise DatabaseAccessError(where, f"its table {table} holds rows already; an empty one is needed")
    with target.bind_ctx([TransferMark]):
        TransferMark.create_table(safe=True)


def _rows_of(engine: Any, model: type[Model]) -> Iterator[tuple[Any, ...]]:
    rows: Iterator[tuple[Any, ...]] = model.select().bind(engine).tuples().iterator()
    return rows


def _fill(
    target: Any, model: type[Model], rows: Iterator[tuple[Any, ...]], progress: Progress | None
) -> None:
    fields = model._meta.sorted_fields
    # SQLite before 3.32 takes at most 999 parameters in a statement.
    step = max(1, min(_BATCH, 900 // len(fields)))
    done = 0
    with target.atomic(), target.bind_ctx([model], bind_refs=False, bind_backrefs=False):
        while batch := list(itertools.islice(rows, step)):
            model.insert_many(batch, fields=fields).execute()
            done += len(batch)
            if progress is not None:
                progress(model._meta.table_name, done)


def _canonical(value: Any) -> bytes:
    """The same bytes for the same value on every engine."""
    if value is None:
        return b"n"
    if isinstance(value, bool | int):
        return b"i" + str(int(value)).encode()
    if isinstance(value, Decimal):
        return b"d" + str(value).encode()
    if isinstance(value, float):
        return b"f" + value.hex().encode()
    if isinstance(value, bytes | bytearray | memoryview):
        return b"b" + bytes(value)
    return b"s" + str(value).encode()


def _mend_sequences(target: Any, models: Sequence[type[Model]]) -> None:
    """Let PostgreSQL count on after the largest key that was copied; the others do so by themselves."""
    if type(target).__name__ != "PostgresqlEngine":
        return
    for model in models:
        key = model._meta.primary_key
        if isinstance(key, peewee.AutoField):
            table, column = model._meta.table_name, key.column_name
            execute(
                target,
                f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), "  # noqa: S608  # names of its own
                f'(SELECT coalesce(max("{column}"), 0) + 1 FROM "{table}"), false)',
            )
