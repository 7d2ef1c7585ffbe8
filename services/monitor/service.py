"""The monitor process: what the services used and how they were, kept; alerts kept, counted and raised."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import structlog

from ...bus import topics
from ...bus.api import AsyncBusApi, Received
from ...bus.contracts.service import Alert, Heartbeat, ServiceState, ServiceStats
from ...configs.paths import Home
from ...configs.schema import Settings
from ..host.service import Service, run
from .alerts import AlertBook
from .desk import Desk
from .present import PresentValues
from .rules import SOURCE, RuleBook
from .samples import Waiting
from .storage import Storage, forget, open_alerts, write_alerts, write_samples, write_state

_TICK_S = 1.0
_ROLL_UP_S = 60
_TELL_LATER = 100
_SUPERVISOR = "supervisor"
_RETOLD_S = 60.0
_DATABASE_KEY = "monitor.database"


def main(home: Home) -> int:
    """Run the service; what its manifest names."""
    return run(MonitorService, home)


class MonitorService(Service):
    """Listens to everything the supervisor and the services say about themselves."""

    name = "monitor"
    # Tests put a clock of their own here.
    now_s: Callable[[], float] = staticmethod(time.time)

    def __init__(
        self, home: Home, settings: Settings, bus: AsyncBusApi, log: structlog.typing.FilteringBoundLogger
    ) -> None:
        super().__init__(home, settings, bus, log)
        self.waiting = Waiting()
        self.book = AlertBook()
        self.present = PresentValues()
        self._to_tell: list[Alert] = []
        self.storage = Storage(home, settings.monitor, self._database_told)
        self._states: dict[tuple[int, str, str], dict[str, Any]] = {}
        self._rules: RuleBook | None = None
        self._loaded = False
        self._supervisor = 0
        self._orphaned_at = 0.0
        self._orphaned_ms = 0
        self._rolled_s = 0

    async def setup(self) -> None:
        await self._load()
        Desk(self).serve()
        self.bus.subscribe(topics.SERVICE_STATS, ServiceStats, self._on_stats)
        self.bus.subscribe(topics.SERVICE_HEARTBEATS, Heartbeat, self._on_beat)
        self.bus.subscribe(topics.SERVICE_STATES, ServiceState, self._on_state, durable="monitor-states")
        self.bus.subscribe(topics.ALERTS, Alert, self._on_alert, durable="monitor-alerts")
        self.spawn(self._watch(), "rules")
        self.spawn(self._write(), "writer")

    async def stop(self) -> None:
        await self._flush(everything=True)
        self.storage.close()

    # Heard from the bus

    def _on_stats(self, received: Received[ServiceStats]) -> None:
        stats = received.message
        if stats.name == _SUPERVISOR:
            self._see_supervisor(stats.pid)
        lag_ms = self.present.stats(stats, time.monotonic())
        self.waiting.add(stats, lag_ms, int(self.now_s()))

    def _see_supervisor(self, pid: int) -> None:
        if self._supervisor and pid != self._supervisor:
            self._orphaned_at, self._orphaned_ms = time.monotonic() + _RETOLD_S, self._now_ms()
        self._supervisor = pid

    async def _end_orphans(self) -> None:
        """A new supervisor tells again what still ails; what it has not told by now died with the old one."""
        if not self._orphaned_at or time.monotonic() < self._orphaned_at:
            return
        self._orphaned_at = 0.0
        for entry in self.book.open:
            if entry.source == _SUPERVISOR and entry.last_ms < self._orphaned_ms:
                detail = "The supervisor that told it is gone, and the new one has not told it again."
                self.book.recovered(entry.key, self._now_ms(), detail)
        await self._write_alerts()

    def _on_beat(self, received: Received[Heartbeat]) -> None:
        self.present.beat(received.message, time.monotonic())

    async def _on_state(self, received: Received[ServiceState]) -> None:
        state = received.message
        self.present.state(state, time.monotonic())
        since_ms = state.since_ns // 1_000_000
        if state.state == "RUNNING":
            self._heal(state.name, since_ms)
        self._states[since_ms, state.name, state.state] = {
            "service": state.name[:40],
            "since_ms": since_ms,
            "state": state.state[:16],
            "ready": state.ready,
            "pid": state.pid,
            "restarts": state.restarts,
            "reason": state.reason[:4000],
        }
        await self._write_states()

    def _heal(self, service: str, since_ms: int) -> None:
        """A supervisor that died took what it had raised with it: nobody else would take it back."""
        key = f"service.{service}"
        for entry in self.book.open:
            if entry.key == key and entry.last_ms < since_ms:
                self.book.recovered(key, self._now_ms(), f"{service} runs again.")

    async def _on_alert(self, received: Received[Alert]) -> None:
        origin = f"{received.source}:{received.epoch}:{received.topic}:{received.seq}"
        if self.book.take(received.message, received.ts_ns // 1_000_000, origin) is not None:
            await self._write_alerts()

    # Now and then

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            if self._rules is None:
                ours = frozenset(entry.key for entry in self.book.open if entry.source == SOURCE)
                self._rules = RuleBook(self.settings.monitor.rules, ours)
            now = time.monotonic()
            self._to_tell += self._rules.judge(now, self.present.values(now))
            self._tell()
            await self._end_orphans()

    def _tell(self) -> None:
        """Alerts are written ahead like all events: on a full disk they wait here for a while."""
        while self._to_tell:
            alert = self._to_tell[0]
            try:
                self.bus.publish(topics.alert(alert.severity), alert)
            except OSError as error:
                self.log.warning("alert not told yet", key=alert.key, reason=error.strerror)
                del self._to_tell[:-_TELL_LATER]
                return
            self._to_tell.pop(0)

    async def _write(self) -> None:
        while True:
            await asyncio.sleep(self.settings.monitor.write_interval_s)
            await self._flush()

    async def _flush(self, *, everything: bool = False) -> None:
        await self._load()
        now_s = int(self.now_s())
        samples = self.waiting.finished(now_s + 1 if everything else now_s)
        if samples:
            done: bool | None = await self.storage.call(write_samples(samples))
            if done:
                self.waiting.written(samples)
        await self._write_alerts()
        await self._write_states()
        if now_s - self._rolled_s >= _ROLL_UP_S or now_s < self._rolled_s:
            self._rolled_s = now_s
            await self._tidy(now_s)

    async def _tidy(self, now_s: int) -> None:
        await self.storage.call(lambda history: history.roll_up(now_s))
        await self.storage.call(lambda history: history.forget(now_s))
        await self.storage.call(forget(now_s * 1000, self.settings.monitor.keep_alerts_s))

    async def _load(self) -> None:
        """Once, as soon as the database can be had: what an earlier life left open."""
        if not self._loaded:
            found = await self.storage.call(open_alerts)
            if found is not None:
                self._loaded = True
                self.book.load(found)

    async def _write_alerts(self) -> None:
        changed = self.book.changed()
        if changed:
            done: bool | None = await self.storage.call(write_alerts(changed))
            if done:
                self.book.written(changed)

    async def _write_states(self) -> None:
        for key, row in tuple(self._states.items()):
            if not await self.storage.call(write_state(row)):
                while len(self._states) > 1000:
                    del self._states[next(iter(self._states))]
                return
            self._states.pop(key, None)

    def _database_told(self, fault: str) -> None:
        self.log.warning("database", fault=fault or "it is back")
        alert = Alert(
            key=_DATABASE_KEY,
            severity="error",
            source=SOURCE,
            title="History is not written" if fault else "History is written again",
            detail=f"{fault or 'The database is back.'} {self.waiting.dropped} samples were lost so far.",
            recovered=not fault,
        )
        self._to_tell.append(alert)  # it may be that nobody listens yet, not even we

    def _now_ms(self) -> int:
        return int(self.now_s() * 1000)

    def waiting_states(self) -> list[dict[str, Any]]:
        """Changes of state that are not written yet."""
        return list(self._states.values())

    async def acknowledged(self) -> None:
        """Somebody acknowledged alerts: write that at once."""
        await self._write_alerts()
