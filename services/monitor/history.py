"""The history in the database: written in batches, rolled up from seconds to minutes to hours, aged out."""

import itertools
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from typing import Any

from ...bus.contracts.monitor import HealthSeries
from ...configs.sections.monitor import MonitorSettings
from ..database.fields import fn
from ..database.store import Database
from .models import SampleRow
from .samples import FINEST_S, FRACTIONS, WHOLE, Sample

STEPS = (FINEST_S, 60, 3600)
_BATCH = 200
_YOUNG = 7200
_MEANS = ("cpu_percent", "rss_bytes", "pss_bytes", "threads", "open_files", "disk_bytes", "loop_lag_ms")
_HIGHEST = ("cpu_percent_max", "rss_bytes_max", "loop_lag_ms_max")


class History:
    """Reads and writes `samples`. Everything may be repeated after a kill: rows are found by their key."""

    def __init__(self, database: Database, settings: MonitorSettings) -> None:
        self._database = database
        self._keep_s = dict(
            zip(STEPS, (settings.keep_seconds_s, settings.keep_minutes_s, settings.keep_hours_s), strict=True)
        )

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing."""
        return self._database.transaction()

    def write(self, samples: Iterable[Sample]) -> None:
        """Add samples; those that are there already stay as they are."""
        rows = [_row(asdict(sample)) for sample in samples]
        with self._database.transaction():
            _insert(rows)

    def roll_up(self, now_s: int) -> None:
        """Make minutes of seconds and hours of minutes, as far as they are over."""
        for fine, coarse in itertools.pairwise(STEPS):
            end = now_s - now_s % coarse
            newest = SampleRow.select(fn.MAX(SampleRow.start_s)).where(SampleRow.step_s == coarse).scalar()
            begin = newest + coarse if newest is not None else 0
            if begin < end:
                row = SampleRow
                query = row.select().where(row.step_s == fine, row.start_s >= begin, row.start_s < end)
                samples = (Sample(**each) for each in query.dicts().iterator())
                joined = [_row(asdict(one)) for one in coarsened(samples, coarse)]
                with self._database.transaction():
                    _insert(joined)

    def forget(self, now_s: int) -> None:
        """Remove what is older than the settings keep it; a level only after the next one has it."""
        with self._database.transaction():
            for step_s, keep_s in self._keep_s.items():
                row = SampleRow
                row.delete().where(row.step_s == step_s, row.start_s < now_s - int(keep_s)).execute()

    def read(self, service: str, step_s: int, since_s: int, until_s: int, points: int) -> list[Sample]:
        """Samples of one level, oldest first; at most `points` of each service, the newest ones.

        What is too young to have been rolled up is made of the next finer level.
        """
        row = SampleRow
        conditions = [row.step_s == step_s, row.start_s >= since_s, row.start_s <= until_s]
        if service:
            conditions.append(row.service == service)
        query = row.select().where(*conditions).order_by(row.start_s.desc())
        found: dict[str, int] = {}
        kept: list[Sample] = []
        for each in query.dicts().iterator():
            found[each["service"]] = found.get(each["service"], 0) + 1
            if found[each["service"]] <= points:
                kept.append(Sample(**each))
        kept.reverse()
        if step_s > FINEST_S:
            finer = STEPS[STEPS.index(step_s) - 1]
            begin = max(since_s, kept[-1].start_s + step_s if kept else 0)
            kept += coarsened(self.read(service, finer, begin, until_s, _YOUNG), step_s)
        return kept


def finest_step(span_s: float, points: int, reach_s: dict[int, float] | None = None) -> int:
    """The finest level of which `points` cover the span, and which goes back so far."""
    for step_s in STEPS:
        reaches = reach_s is None or reach_s.get(step_s, 0.0) >= span_s
        if span_s <= step_s * points and reaches:
            return step_s
    return STEPS[-1]


def coarsened(samples: Iterable[Sample], step_s: int) -> list[Sample]:
    """Samples joined into longer ones, oldest first: in Python, for engines differ in how they divide."""
    slots: dict[tuple[int, str], Sample] = {}
    for each in samples:
        start_s = each.start_s - each.start_s % step_s
        slot = slots.get((start_s, each.service))
        if slot is None:
            slots[start_s, each.service] = replace(each, start_s=start_s, step_s=step_s)
        else:
            _join(slot, each)
    return [slots[key] for key in sorted(slots)]


def _join(slot: Sample, each: Sample) -> None:
    """A mean of means, weighted by how many measurements each stands for."""
    count = slot.samples + each.samples
    for name in _MEANS:
        mean = (getattr(slot, name) * slot.samples + getattr(each, name) * each.samples) / count
        setattr(slot, name, mean)
    for name in _HIGHEST:
        setattr(slot, name, max(getattr(slot, name), getattr(each, name)))
    slot.samples = count


def _row(values: dict[str, Any]) -> dict[str, Any]:
    whole = {name: round(values[name]) for name in (*WHOLE, "samples", "start_s")}
    return {**values, **whole, **{name: float(values[name]) for name in FRACTIONS}}


def _insert(rows: Sequence[dict[str, Any]]) -> None:
    for at in range(0, len(rows), _BATCH):
        SampleRow.insert_many(rows[at : at + _BATCH]).on_conflict_ignore().execute()


def merged(stored: Iterable[Sample], waiting: Iterable[Sample]) -> list[Sample]:
    """What is stored and what waits to be, each second once, oldest first."""
    found = {(sample.start_s, sample.service): sample for sample in waiting}
    found.update({(sample.start_s, sample.service): sample for sample in stored})
    return sorted(found.values(), key=lambda sample: sample.start_s)


def series(samples: Iterable[Sample], points: int) -> list[HealthSeries]:
    """Columns for each service, by name; the newest `points` of each."""
    by_service: dict[str, list[Sample]] = {}
    for sample in samples:
        by_service.setdefault(sample.service, []).append(sample)
    return [_columns(name, by_service[name][-points:]) for name in sorted(by_service)]


def _columns(service: str, samples: list[Sample]) -> HealthSeries:
    whole: dict[str, Any] = {name: [round(getattr(one, name)) for one in samples] for name in WHOLE}
    fractions: dict[str, Any] = {
        name: [round(getattr(one, name), 3) for one in samples] for name in FRACTIONS
    }
    return HealthSeries(
        service=service,
        start_ms=[one.start_s * 1000 for one in samples],
        samples=[one.samples for one in samples],
        **whole,
        **fractions,
    )
