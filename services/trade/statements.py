"""Statements of the hot path, compiled once.

peewee builds the SQL of every call anew, which costs more than SQLite takes to carry it out. Here it
builds each statement once, in the dialect of the engine in use, and afterwards only the parameters change.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from ..database.fields import Model
from ..database.store import Database

_QUOTED = re.compile(r'["`](\w+)["`]')
_ASSIGNED = re.compile(r'["`](\w+)["`] = (?:\?|%s)')


class Statements:
    """Prepared writes and lookups on one database."""

    def __init__(self, database: Database) -> None:
        self._engine = database.engine
        self._ready: dict[tuple[Any, ...], tuple[str, list[tuple[str, Callable[[Any], Any]]]]] = {}

    def insert(self, model: type[Model], row: Mapping[str, Any]) -> None:
        """One row; every call for a model gives the same columns."""
        ready = self._ready.get(("insert", model))
        if ready is None:
            sql, _ = model.insert(**row).sql()
            columns = _QUOTED.findall(sql[: sql.index(")")])[1:]
            ready = self._ready["insert", model] = (_without_returning(sql), _converters(model, columns))
        sql, converters = ready
        self._engine.execute_sql(sql, [convert(row[name]) for name, convert in converters])

    def update(self, model: type[Model], key: str, row: Mapping[str, Any]) -> int:
        """Change the row of this primary key; how many there were."""
        primary = model._meta.primary_key
        ready = self._ready.get(("update", model))
        if ready is None:
            sql, _ = model.update(**row).where(primary == key).sql()
            ready = self._ready["update", model] = (
                sql,
                _converters(model, _ASSIGNED.findall(sql[: sql.rindex("WHERE")])),
            )
        sql, converters = ready
        cursor = self._engine.execute_sql(sql, [*(convert(row[name]) for name, convert in converters), key])
        return int(cursor.rowcount)

    def delete_up_to(self, column: Any, last: int) -> None:
        """All rows of the column's model in which it is not above `last`."""
        ready = self._ready.get(("delete", column))
        if ready is None:
            sql, _ = column.model.delete().where(column <= last).sql()
            ready = self._ready["delete", column] = (sql, [])
        self._engine.execute_sql(ready[0], [last])

    def find(self, model: type[Model], column: str, value: str) -> Any:
        """The first row with this value as a namespace of its columns; None when there is none."""
        ready = self._ready.get(("find", model, column))
        if ready is None:
            sql, _ = model.select().where(getattr(model, column) == value).limit(1).sql()
            names = [field.name for field in model._meta.sorted_fields]
            readers = [(name, model._meta.fields[name].python_value) for name in names]
            ready = self._ready["find", model, column] = (sql, readers)
        sql, readers = ready
        cursor = self._engine.execute_sql(sql, [value, 1] if _limit_is_bound(sql) else [value])
        found = cursor.fetchone()
        if found is None:
            return None
        return _Row({name: read(cell) for (name, read), cell in zip(readers, found, strict=True)})


class _Row:
    """A row by attributes, as peewee's models give it."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__.update(values)


def _converters(model: type[Model], columns: list[str]) -> list[tuple[str, Callable[[Any], Any]]]:
    by_column = {field.column_name: field for field in model._meta.sorted_fields}
    return [(by_column[column].name, by_column[column].db_value) for column in columns]


def _without_returning(sql: str) -> str:
    """PostgreSQL is asked for the new key by peewee; nobody reads it here."""
    return sql.partition(" RETURNING ")[0]


def _limit_is_bound(sql: str) -> bool:
    return bool(re.search(r"LIMIT (\?|%s)$", sql))
