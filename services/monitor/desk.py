"""The questions that the monitor answers."""

from collections.abc import Callable
from typing import Any, Protocol

from ...bus.api import AsyncBusApi, Request
from ...bus.contracts.base import Done
from ...bus.contracts.monitor import (
    AcknowledgeAlert,
    AlertLog,
    DoctorReport,
    HealthHistory,
    ListAlerts,
    ListHealthHistory,
    ListStates,
    RunDoctor,
    StateEntry,
    StateLog,
)
from ...configs.errors import RequestFailedError
from ...configs.paths import Home
from ...configs.schema import Settings
from . import storage
from .alerts import SEVERITIES, AlertBook, Entry, rank
from .checkup import examine
from .history import STEPS, coarsened, finest_step, merged, series
from .samples import FINEST_S, Sample, Waiting

_DEFAULT_SPAN_MS = 3_600_000
_MOST_POINTS, _MOST_ROWS = 5000, 5000


class Monitor(Protocol):
    """What the desk needs of the service."""

    home: Home
    settings: Settings
    bus: AsyncBusApi
    waiting: Waiting
    book: AlertBook
    storage: storage.Storage
    now_s: Callable[[], float]

    def waiting_states(self) -> list[dict[str, Any]]:
        """Changes of state that are not written yet."""

    async def acknowledged(self) -> None:
        """Somebody acknowledged alerts: write that at once."""


class Desk:
    """Serves the monitor's requests."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor

    def serve(self) -> None:
        """From now on."""
        bus = self._monitor.bus
        bus.serve(ListHealthHistory, self._history)
        bus.serve(ListAlerts, self._alerts)
        bus.serve(AcknowledgeAlert, self._acknowledge)
        bus.serve(ListStates, self._states)
        bus.serve(RunDoctor, self._doctor)

    async def _history(self, request: Request[ListHealthHistory]) -> HealthHistory:
        wish = request.message
        points = max(1, min(wish.points, _MOST_POINTS))
        until_ms = wish.until_ms or int(self._monitor.now_s() * 1000)
        since_ms = wish.since_ms or until_ms - _DEFAULT_SPAN_MS
        step_s = wish.step_s or self._step((until_ms - since_ms) / 1000, until_ms, points)
        if step_s not in STEPS:
            raise RequestFailedError("unknown_step", f"Steps are {', '.join(map(str, STEPS))} seconds.")
        since_s, until_s = since_ms // 1000, until_ms // 1000
        stored = await self._monitor.storage.call(
            lambda history: history.read(wish.service, step_s, since_s, until_s, points)
        )
        held = self._held(wish.service, since_s, until_s)
        if step_s > FINEST_S:
            held = coarsened(held, step_s) if stored is None else []
        return HealthHistory(
            step_s=step_s, series=series(merged(stored or [], held), points), stored=stored is not None
        )

    def _step(self, span_s: float, until_ms: int, points: int) -> int:
        own = self._monitor.settings.monitor
        age_s = self._monitor.now_s() - until_ms / 1000
        keep = (own.keep_seconds_s, own.keep_minutes_s, own.keep_hours_s)
        reach = {step: kept - age_s + step for step, kept in zip(STEPS, keep, strict=True)}
        return finest_step(span_s, points, reach)

    def _held(self, service: str, since_s: int, until_s: int) -> list[Sample]:
        return [
            sample
            for sample in self._monitor.waiting.all()
            if service in {"", sample.service} and since_s <= sample.start_s <= until_s
        ]

    async def _alerts(self, request: Request[ListAlerts]) -> AlertLog:
        wish = request.message
        if wish.severity and wish.severity not in SEVERITIES:
            raise RequestFailedError("unknown_severity", f"Severities are {', '.join(SEVERITIES)}.")
        limit = max(1, min(wish.limit, _MOST_ROWS))
        filters: dict[str, Any] = {
            name: getattr(wish, name) for name in ("open_only", "severity", "key", "since_ms", "before")
        }
        stored = await self._monitor.storage.call(storage.list_alerts(**filters, limit=limit))
        # What the book holds is newer than what is stored of the same alert.
        found = {entry.id: entry for entry in stored or []}
        found.update({entry.id: entry for entry in self._monitor.book.known() if _fits(entry, wish)})
        newest = sorted(found.values(), key=lambda entry: -entry.id)[:limit]
        return AlertLog(
            alerts=[entry.told() for entry in newest],
            open=len(self._monitor.book.open),
            stored=stored is not None,
        )

    async def _acknowledge(self, request: Request[AcknowledgeAlert]) -> Done:
        wish, now_ms = request.message, int(self._monitor.now_s() * 1000)
        changed = self._monitor.book.acknowledge(wish.id, wish.actor, wish.note, now_ms)
        if not changed and wish.id:
            old = await self._monitor.storage.call(storage.find_alert(wish.id))
            if not old:
                raise RequestFailedError("unknown_alert", f"There is no alert {wish.id}.")
            for entry in old:
                entry.acknowledged_ms, entry.acknowledged_by, entry.note = now_ms, wish.actor, wish.note
            await self._monitor.storage.call(storage.write_alerts(old))
            changed = old
        await self._monitor.acknowledged()
        return Done(message=f"{len(changed)} acknowledged" if changed else "nothing is open")

    async def _states(self, request: Request[ListStates]) -> StateLog:
        wish = request.message
        limit = max(1, min(wish.limit, _MOST_ROWS))
        query = storage.list_states(wish.service, wish.since_ms, limit, wish.before_ms)
        stored = await self._monitor.storage.call(query)
        rows = [{name: getattr(row, name) for name in StateEntry.__struct_fields__} for row in stored or []]
        held = [
            row
            for row in self._monitor.waiting_states()
            if wish.service in {"", row["service"]}
            and row["since_ms"] >= wish.since_ms
            and (not wish.before_ms or row["since_ms"] < wish.before_ms)
        ]
        newest = sorted([*rows, *held], key=lambda row: -row["since_ms"])[:limit]
        return StateLog(entries=[StateEntry(**row) for row in newest], stored=stored is not None)

    async def _doctor(self, _request: Request[RunDoctor]) -> DoctorReport:
        return await examine(self._monitor.home)


def _fits(entry: Entry, wish: ListAlerts) -> bool:
    return (
        not (wish.open_only and entry.recovered_ms)
        and (not wish.severity or rank(entry.severity) >= rank(wish.severity))
        and entry.key.startswith(wish.key)
        and entry.last_ms >= wish.since_ms
        and (not wish.before or entry.id < wish.before)
    )
