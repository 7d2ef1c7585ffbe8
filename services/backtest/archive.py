"""Runs kept in the database: found again by id, compared, and gone on with when they were broken off."""

import gzip
import json
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from ...configs.errors import UsageError
from ...configs.paths import Home
from ..database.store import Database, open_database
from .models import MIGRATIONS, MODELS, RunRow, TrialRow, TrustRow
from .result import Result, as_json
from .sweep import Row

RUNNING, DONE, CANCELLED, FAILED = "running", "done", "cancelled", "failed"
_MOST_POINTS = 2000
_ENCODER = msgspec.json.Encoder(decimal_format="string")


@dataclass(frozen=True, slots=True)
class Kept:
    """One kept run as people and screens need it."""

    id: str
    kind: str
    state: str
    reason: str
    strategy: str
    symbol: str
    timeframe: str
    actor: str
    created_ms: int
    finished_ms: int
    run_hash: str
    request: dict[str, Any]
    summary: dict[str, Any]


class Archive:
    """The kept runs of a home. Close it."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._database: Database = open_database(home, "backtest", models=MODELS, migrations=MIGRATIONS)

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def begin(self, kind: str, strategy: str, request: Mapping[str, Any], *, task: str, actor: str) -> str:
        """A new run, or the newest one of the same task that was broken off; its id."""
        left = (
            RunRow.select()
            .where((RunRow.task == task) & (RunRow.state != DONE) & (RunRow.kind == kind))
            .order_by(RunRow.created_ms.desc())
            .first()
            if task
            else None
        )
        if left is not None:
            RunRow.update(state=RUNNING, reason="").where(RunRow.id == left.id).execute()
            return str(left.id)
        made = new_id(kind)
        with self._database.transaction():
            RunRow.create(
                id=made,
                kind=kind,
                state=RUNNING,
                strategy=strategy,
                actor=actor,
                created_ms=time.time_ns() // 1_000_000,
                task=task,
                request=_text(request),
            )
        return made

    def finish(
        self,
        run: str,
        summary: Mapping[str, Any],
        *,
        details: Mapping[str, Any] | None = None,
        symbol: str = "",
        timeframe: str = "",
        run_hash: str = "",
    ) -> None:
        """It is done."""
        packed = None if details is None else gzip.compress(_text(details).encode(), 6)
        self._change(
            run,
            state=DONE,
            summary=_text(summary),
            details=packed,
            symbol=symbol,
            timeframe=timeframe,
            run_hash=run_hash,
        )

    def end(self, run: str, state: str, reason: str) -> None:
        """It ended otherwise: cancelled, or failed."""
        self._change(run, state=state, reason=reason)

    def _change(self, run: str, **values: Any) -> None:
        with self._database.transaction():
            finished_ms = time.time_ns() // 1_000_000
            RunRow.update(finished_ms=finished_ms, **values).where(RunRow.id == run).execute()

    def keep_result(self, run: str, result: Result) -> None:
        """A single run, whole."""
        told = as_json(result)
        summary = {"final_equity": result.final_equity, "metrics": result.metrics}
        self.finish(
            run,
            summary,
            details={**told, "curve": curve_of(result)},
            symbol=result.symbol,
            timeframe=result.series.timeframe,
            run_hash=result.run_hash,
        )

    def keep_trials(self, run: str, rows: Iterable[tuple[int, Row]]) -> None:
        """Rows of a sweep as they come in."""
        made = [
            {
                "run": run,
                "number": number,
                "parameters": _text(row.parameters),
                "final_equity": row.final_equity,
                "metrics": _text(row.metrics),
            }
            for number, row in rows
        ]
        with self._database.transaction():
            for start in range(0, len(made), 100):
                TrialRow.insert_many(made[start : start + 100]).on_conflict_ignore().execute()

    def trials(self, run: str) -> dict[int, Row]:
        """Rows of a sweep that were kept, by number."""
        rows = TrialRow.select().where(TrialRow.run == run)
        return {
            row.number: Row(json.loads(row.parameters), row.final_equity, json.loads(row.metrics))
            for row in rows
        }

    def runs(self, limit: int = 50, *, kind: str = "", strategy: str = "") -> list[Kept]:
        """The newest first."""
        query = RunRow.select().order_by(RunRow.created_ms.desc()).limit(limit)
        if kind:
            query = query.where(RunRow.kind == kind)
        if strategy:
            query = query.where(RunRow.strategy == strategy)
        return [_kept(row) for row in query]

    def run(self, run: str) -> Kept:
        """One run, by its id or the beginning of it.

        Raises:
            UsageError: there is none, or several begin so.
        """
        return _kept(self._row(run))

    def details(self, run: str) -> dict[str, Any]:
        """Trades and curve of one run.

        Raises:
            UsageError: there is no such run, or it holds none.
        """
        row = self._row(run)
        if row.details is None:
            raise UsageError(f"{row.id} holds no trades: it is a {row.kind} that is {row.state}.")
        found: dict[str, Any] = json.loads(gzip.decompress(bytes(row.details)))
        return found

    def end_all(self, was: str, state: str, reason: str) -> None:
        """Mark what an earlier process left behind."""
        with self._database.transaction():
            RunRow.update(state=state, reason=reason).where(RunRow.state == was).execute()

    def forget(self, keep: int) -> None:
        """Remove all but the newest so many."""
        ids = [
            row.id
            for row in RunRow.select(RunRow.id).order_by(RunRow.created_ms.desc()).offset(keep).limit(500)
        ]
        for run in ids:
            self.remove(run)

    def remove(self, run: str) -> None:
        """Forget a run and its trials."""
        row = self._row(run)
        with self._database.transaction():
            TrialRow.delete().where(TrialRow.run == row.id).execute()
            row.delete_instance()

    def _row(self, run: str) -> Any:
        rows = list(RunRow.select().where(RunRow.id.startswith(run)).limit(3)) if run else []
        exact = [row for row in rows if row.id == run]
        if len(rows) > 1 and not exact:
            raise UsageError(f"Several runs begin with {run!r}; give more of the id (`backtest list`).")
        if not rows:
            raise UsageError(f"There is no run {run!r}; `cryptobot backtest list` shows those there are.")
        return (exact or rows)[0]

    def keep_trust(self, values: Mapping[str, Any]) -> None:
        """The newest score of a strategy on a market."""
        with self._database.transaction():
            key = {name: values[name] for name in ("strategy", "symbol", "timeframe")}
            TrustRow.delete().where(
                *(getattr(TrustRow, name) == value for name, value in key.items())
            ).execute()
            TrustRow.create(**values)

    def trust(self, strategy: str, symbol: str) -> list[dict[str, Any]]:
        """The kept scores of a strategy on a market, newest first."""
        query = (
            TrustRow.select()
            .where((TrustRow.strategy == strategy) & (TrustRow.symbol == symbol))
            .order_by(TrustRow.made_ms.desc())
        )
        return [
            {
                "timeframe": row.timeframe,
                "code_hash": row.code_hash,
                "colour": row.colour,
                "score": row.score,
                "made_ms": row.made_ms,
                "reasons": json.loads(row.reasons),
            }
            for row in query
        ]


def new_id(kind: str) -> str:
    """A short name that sorts by time: r for a run, s for a sweep, ..."""
    return f"{kind[0]}{time.time_ns() // 1_000_000:x}{secrets.token_hex(2)}"


def curve_of(result: Result, most: int = _MOST_POINTS) -> dict[str, list[float]]:
    """Equity, drawdown and price on at most so many candles, the last of each stretch."""
    first, times = result.outcome.first, result.series.columns.open_ms
    size = len(times) - first
    places = first + np.unique(np.linspace(0, size - 1, min(most, size)).astype(np.int64))
    return {
        "times_ms": times[places].tolist(),
        "equity": np.round(result.equity[places], 8).tolist(),
        "drawdown": np.round(result.drawdown[places - first], 8).tolist(),
        "price": result.series.columns.close[places].tolist(),
    }


def numbered(rows: Mapping[int, Row]) -> Sequence[Row]:
    """Rows in the order of their numbers."""
    return [rows[number] for number in sorted(rows)]


def _kept(row: Any) -> Kept:
    names = [name for name in Kept.__slots__ if name not in ("request", "summary")]
    values = {name: getattr(row, name) for name in names}
    return Kept(**values, request=json.loads(row.request), summary=json.loads(row.summary))


def _text(value: Any) -> str:
    return _ENCODER.encode(value).decode()
