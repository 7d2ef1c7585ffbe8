"""The tables of a report, for CSV and Parquet: names of columns, and rows."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ...bus.contracts.analytics import Contribution, Performance, PerformanceDay, TradeGroup
from ...configs.errors import RequestFailedError
from ..accounting.subpositions import ClosedTrade
from ..data.parquet import writer

Row = list[Any]
TRADE_COLUMNS = ("strategy", "symbol", "opened_ms", "closed_ms", "cost", "proceeds", "profit", "stopped")


def table(found: Performance, trades: list[ClosedTrade], name: str) -> tuple[list[str], list[Row]]:
    """Columns and rows of one table.

    Raises:
        RequestFailedError: there is no table of that name.
    """
    makers: dict[str, Callable[[], tuple[list[str], list[Row]]]] = {
        "days": lambda: (_columns(PerformanceDay), [_row(one) for one in found.days]),
        "contributions": lambda: (_columns(Contribution), [_row(one) for one in found.contributions]),
        "groups": lambda: (
            ["kind", *_columns(TradeGroup)],
            [[kind, *_row(one)] for kind, groups in found.groups.items() for one in groups],
        ),
        "trades": lambda: (list(TRADE_COLUMNS), [_trade(one) for one in trades]),
    }
    if name not in makers:
        raise RequestFailedError("unknown_table", f"There is no table {name!r}; take {', '.join(makers)}.")
    return makers[name]()


def as_csv(columns: list[str], rows: list[Row]) -> bytes:
    """Comma-separated, with a header; money in full, times in milliseconds."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(columns)
    out.writerows([["" if value is None else value for value in row] for row in rows])
    return text.getvalue().encode()


def write_parquet(path: Path, columns: list[str], rows: list[Row]) -> None:
    """Numbers as they are; money as text, because text is exact."""
    writer.write(path, {name: _array([row[at] for row in rows]) for at, name in enumerate(columns)})


def _array(values: list[Any]) -> Any:
    if values and all(isinstance(one, bool | int) for one in values):
        return np.array(values, dtype=np.int64)
    if values and all(one is None or isinstance(one, float) for one in values):
        return np.array([np.nan if one is None else one for one in values])
    return np.array(["" if one is None else str(one) for one in values], dtype=object)


def _columns(shape: type[msgspec.Struct]) -> list[str]:
    return [field.name for field in msgspec.structs.fields(shape)]


def _row(one: msgspec.Struct) -> Row:
    return list(msgspec.structs.astuple(one))


def _trade(one: ClosedTrade) -> Row:
    return [
        one.owner, one.symbol, one.opened_ms, one.closed_ms, one.cost, one.proceeds, one.profit, one.stopped
    ]  # fmt: skip
