"""The supervisor on the bus: states, statistics and alerts go out, status and control come in.

A thread of its own owns the bus. The supervisor hands it events through a bounded queue and never waits for
it: with the bus away, supervising goes on, and when it is back all states are stated again.
"""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING, Any

import msgspec

from ...bus import topics
from ...bus.contracts.base import Done, Message
from ...bus.contracts.bus import BusReport
from ...bus.contracts.service import (
    Alert,
    Audit,
    ControlService,
    Discover,
    Discovered,
    GetStatus,
    Heartbeat,
    ServiceFacts,
    ServiceState,
    ServiceStats,
    ServiceStatus,
    SupervisorStatus,
)
from ...configs.errors import CryptoBotError, RequestFailedError, SettingsError, UsageError
from ...configs.machines import supervisor_of
from .. import states
from ..requests.operations import describe
from ..requests.wishes import Wish
from ..unit import Acted, Raised, StateChange
from ..watch.pings import Pings
from ..watch.resources import USES

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...bus.api import Received, Request
    from ...bus.blocking import BlockingBus
    from ..supervisor import Supervisor

_NAME = "supervisor"
_BUS_SERVICE = "bus"
_QUEUE = 10_000
_EARLY = 200
_ANSWER_S = 4.0
# Readers come back to a new broker each at their own time; whoever missed the first hears the second.
_STATE_AGAIN_AFTER_S = (0.0, 2.0, 8.0)


class BusBridge:
    """Connects when the broker is ready; built and closed on the supervisor's thread."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._queue: queue.Queue[Message | None] = queue.Queue(_QUEUE)
        self._thread: threading.Thread | None = None
        self._closing = False
        self._lost = 0
        self._bus: BlockingBus | None = None
        self._pings: Pings | None = None
        supervisor.listeners.append(self._heard)
        supervisor.probes.ping = self._ping
        if self._bus_is_up():
            self._broker_ready()

    # On the supervisor's thread

    def _bus_is_up(self) -> bool:
        """A broker on another machine is taken to be there: what is said meanwhile waits."""
        broker = self._supervisor.lifecycle.units.get(_BUS_SERVICE)
        return broker is None or broker.ready

    def _heard(self, event: StateChange | Raised | Acted) -> None:
        # Before the first broker states are not kept (all are stated when it comes), and little of the rest.
        if self._thread is not None or (not isinstance(event, StateChange) and self._queue.qsize() < _EARLY):
            self._put(_message(event))
        if isinstance(event, StateChange) and event.name == _BUS_SERVICE and event.state == states.RUNNING:
            self._broker_ready()

    def _put(self, message: Message | None) -> None:
        try:
            self._queue.put_nowait(message)
        except queue.Full:
            self._lost += 1  # all states are stated again when the broker is back

    def _not_connected(self) -> None:
        """The thread ended; the next readiness of the broker begins another."""
        self._thread = None

    def _broker_ready(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="bus-bridge", daemon=True)
            self._thread.start()
            self._supervisor.loop.call_later(0.0, self._tick)
        for after_s in _STATE_AGAIN_AFTER_S:
            self._supervisor.loop.call_later(after_s, self._state_all)

    def _state_all(self) -> None:
        if not self._closing and self._bus_is_up():
            for state in self._all_states():
                self._put(state)

    def _tick(self) -> None:
        if self._closing:
            return
        now = time.monotonic()
        if self._bus_is_up():
            for unit in self._supervisor.lifecycle.units.values():
                if unit.pid and unit.sample is not None:
                    self._put(
                        ServiceStats(
                            name=unit.name,
                            pid=unit.pid,
                            cpu_percent=unit.cpu_percent,
                            rss_bytes=unit.rss_bytes,
                            threads=unit.threads,
                            open_files=unit.open_files,
                            uptime_s=round(unit.uptime_s(now), 3),
                            pss_bytes=unit.pss_bytes,
                            disk_bytes=unit.disk_bytes,
                        )
                    )
            self._put(self._own_stats(now))
        self._supervisor.loop.call_later(self._supervisor.settings.supervisor.stats_interval_s, self._tick)

    def _ping(self, name: str, timeout_s: float, verdict: Callable[[bool], None]) -> None:
        """Ask a service over the bus; without a bus nothing is asked, and nobody is judged."""
        bus = self._bus
        if bus is None or self._closing or not self._bus_is_up():
            return
        if self._pings is None:
            self._pings = Pings(self._supervisor.loop)
        self._pings.ask(bus, name, timeout_s, verdict)

    def _own_stats(self, now: float) -> ServiceStats:
        uses = {name: getattr(self._supervisor.resources.own, name) for name in USES}
        uptime_s = round(now - self._supervisor.started_at, 3)
        return ServiceStats(name=_NAME, pid=self._supervisor.resources.own.pid, uptime_s=uptime_s, **uses)

    def _all_states(self) -> list[ServiceState]:
        return [
            ServiceState(
                name=unit.name,
                title=unit.manifest.label,
                state=unit.state,
                ready=unit.ready,
                pid=unit.pid,
                since_ns=unit.since_ns,
                restarts=unit.restarts,
                reason=unit.reason,
                health=unit.health,
            )
            for unit in self._supervisor.lifecycle.units.values()
        ]

    def close(self) -> None:
        """Say the last words and end the thread; never waits long."""
        self._closing = True
        if self._pings is not None:
            self._pings.close()
        self._put(None)
        if self._thread is not None:
            self._thread.join(0.5)

    # On the bridge's thread

    def _run(self) -> None:
        try:
            bus = self._open()
        except CryptoBotError as error:
            self._note("no bus", str(error))
            self._supervisor.loop.call_soon_threadsafe(self._not_connected)
            return
        try:
            self._bus = bus
            while (message := self._queue.get()) is not None:
                self._publish(bus, message)
        finally:
            self._bus = None
            bus.close()

    def _open(self) -> BlockingBus:
        from ...bus.blocking import BlockingBus

        machines = self._supervisor.settings.machines
        bus = BlockingBus.open(self._supervisor.home, supervisor_of(machines, machines.here))
        bus.serve(GetStatus, self._get_status)
        bus.serve(ControlService, self._control)
        bus.serve(Discover, self._discover)
        bus.subscribe(topics.BUS_REPORT, BusReport, self._keep_report)
        if self._supervisor.elsewhere:
            bus.subscribe(topics.SERVICE_HEARTBEATS, Heartbeat, self._on_heartbeat)
            bus.subscribe(topics.SERVICE_STATES, ServiceState, self._on_state, last_value=True)
        return bus

    def _on_heartbeat(self, received: Received[Heartbeat]) -> None:
        self._supervisor.loop.call_soon_threadsafe(lambda: self._heard_elsewhere(received.message))

    def _heard_elsewhere(self, beat: Heartbeat) -> None:
        if self._supervisor.elsewhere.heard(beat.name, beat.pid):
            self._broker_ready()

    def _on_state(self, received: Received[ServiceState]) -> None:
        told = received.message
        self._supervisor.loop.call_soon_threadsafe(
            lambda: self._supervisor.elsewhere.told(told.name, told.state, told.reason, told.title)
        )

    def _keep_report(self, received: Received[BusReport]) -> None:
        if received.source == _BUS_SERVICE:
            self._supervisor.bus_report = received.message

    def _publish(self, bus: BlockingBus, message: Message) -> None:
        try:
            bus.publish(_topic(message), message)
        except (CryptoBotError, OSError) as error:
            self._note("cannot publish", str(error))

    def _note(self, event: str, reason: str) -> None:
        self._supervisor.loop.call_soon_threadsafe(
            lambda: self._supervisor.journal.write("warning", event, reason=reason)
        )

    def _get_status(self, _request: Request[GetStatus]) -> SupervisorStatus:
        return _status_message(self._on_loop(self._supervisor.status))

    def _discover(self, request: Request[Discover]) -> Discovered:
        wanted = request.message.service
        units = self._supervisor.lifecycle.units

        def found() -> list[dict[str, object]]:
            return [describe(unit) for unit in units.values() if wanted in {"", unit.name}]

        services = msgspec.convert(self._on_loop(found), list[ServiceFacts])
        if wanted and not services:
            raise RequestFailedError("unknown_service", f"There is no service {wanted!r}.")
        return Discovered(services=services)

    def _control(self, request: Request[ControlService]) -> Done:
        wanted = request.message
        if wanted.action not in {"start", "stop", "restart", "reload"}:
            raise RequestFailedError("unknown_action", "Known actions are start, stop, restart and reload.")
        machine = self._supervisor.elsewhere.machine_of(wanted.service)
        if machine:
            raise RequestFailedError(
                "refused",
                f"{wanted.service} runs on the machine {machine}; use `cryptobot {wanted.action} "
                f"{wanted.service}` there.",
            )

        operations = self._supervisor.operations

        def work() -> object:
            if wanted.action == "reload":
                return operations.reload()
            return operations.change(wanted.action, Wish(service=wanted.service))

        def act() -> object:
            return operations.acted(wanted.actor, wanted.action, wanted.service, work)

        try:
            self._on_loop(act)
        except (UsageError, SettingsError) as error:
            raise RequestFailedError("refused", str(error)) from error
        return Done(message=f"{wanted.action} {wanted.service}".strip() + " is under way")

    def _on_loop(self, call: Any) -> Any:
        """Run on the supervisor's thread and wait for the result."""
        box: queue.Queue[tuple[Any, BaseException | None]] = queue.Queue(1)

        def run() -> None:
            try:
                box.put((call(), None))
            except CryptoBotError as error:
                box.put((None, error))

        self._supervisor.loop.call_soon_threadsafe(run)
        try:
            result, error = box.get(timeout=_ANSWER_S)
        except queue.Empty:
            raise RequestFailedError("busy", "The supervisor did not answer in time.") from None
        if error is not None:
            raise error
        return result


def _message(event: StateChange | Raised | Acted) -> Message:
    if isinstance(event, StateChange):
        return ServiceState(
            name=event.name,
            title=event.title,
            state=event.state,
            ready=event.ready,
            pid=event.pid,
            since_ns=event.since_ns,
            restarts=event.restarts,
            reason=event.reason,
            health=event.health,
        )
    if isinstance(event, Acted):
        return Audit(
            kind="system",
            actor=event.actor,
            action=event.action,
            subject=event.subject,
            detail=event.detail,
            ok=event.ok,
        )
    return Alert(
        key=event.key,
        severity=event.severity,
        source=event.source,
        title=event.title,
        detail=event.detail,
        recovered=event.recovered,
    )


def _topic(message: Message) -> str:
    if isinstance(message, ServiceState):
        return topics.service_state(message.name)
    if isinstance(message, ServiceStats):
        return topics.service_stats(message.name)
    if isinstance(message, Audit):
        return topics.audit(message.kind)
    assert isinstance(message, Alert)
    return topics.alert(message.severity)


_LISTS = ("requires", "secrets")


def _status_message(status: dict[str, Any]) -> SupervisorStatus:
    own = status["supervisor"]
    fields = ServiceStatus.__struct_fields__
    services = [
        ServiceStatus(
            **{key: value for key, value in service.items() if key in fields and key not in _LISTS},
            requires=list(service["requires"]),
            secrets=list(service.get("secrets", ())),
        )
        for service in status["services"]
    ]
    services += [_remote_status(row) for row in status.get("elsewhere", [])]
    return SupervisorStatus(
        pid=own["pid"],
        state=own["state"],
        uptime_s=own["uptime_s"],
        version=own["version"],
        services=services,
    )


def _remote_status(row: dict[str, Any]) -> ServiceStatus:
    """A service on another machine, as far as it is known here."""
    reach = row["within_reach"]
    where = f"on {row['machine']}" + ("" if reach else ", out of reach")
    return ServiceStatus(
        name=row["name"],
        title=row["title"],
        state=row["state"],
        ready=reach and row["state"] == states.RUNNING,
        pid=row["pid"],
        uptime_s=0.0,
        restarts=0,
        cpu_percent=0.0,
        rss_bytes=0,
        health="ok" if reach else "failed",
        reason=f"{where}: {row['reason']}" if row["reason"] else where,
        requires=[],
    )
