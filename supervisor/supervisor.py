"""The supervisor, put together: loop, platform, sockets, lifecycle, watches."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from .. import __version__
from ..configs.handover import Handing
from ..configs.paths import Home
from ..configs.schema import Settings
from . import states
from .bridge.elsewhere import Elsewhere
from .catalogue.registry import Manifest, load, load_groups
from .control.server import ControlServer
from .followers import Followers
from .groups import Groups, Rolling
from .lifecycle import Lifecycle
from .loop import Loop, Timer
from .output.journal import Journal
from .output.logs import outputs_for
from .platform.choose import here
from .reports import Reports
from .requests.operations import Operations
from .start.headstart import HeadStart
from .start.nextstart import leave_plan
from .start.shapes import CHANGED, is_stale
from .start.store import KEEPER, Kept, Store
from .unit import Acted, Raised, StateChange, Unit
from .watch.diskuse import disk_walk
from .watch.health import HealthWatch, LivenessWatch
from .watch.notify import NotifySocket
from .watch.probes import Probes
from .watch.protect import Protection, Room, full_disk, measure
from .watch.resources import USES, ResourceWatch, total

if TYPE_CHECKING:
    from ..bus.contracts.bus import BusReport

_MACHINE_INTERVAL_S = 5.0
_REMEMBER_AFTER_S = 0.02


class Bridge(Protocol):
    """What connects us to the bus; lives on a thread of its own."""

    def close(self) -> None: ...


OnEvent = Callable[[StateChange | Raised], None]
Event = StateChange | Raised | Acted


class Supervisor:
    """One home's supervisor. Built, then `start`, then the loop runs until `done`.

    Args:
        manifests: the services, instead of the registry's (tests, tools).
        on_event: called in this process for every change of a state and every alert.
        head_start: what was started before we were loaded.
    """

    def __init__(
        self,
        home: Home,
        settings: Settings,
        journal: Journal,
        *,
        manifests: Iterable[Manifest] | None = None,
        on_event: OnEvent | None = None,
        head_start: HeadStart | None = None,
    ) -> None:
        self.home, self.settings, self.journal = home, settings, journal
        self.overrides: tuple[str, ...] = ()
        self.on_event = on_event
        self.started_at = time.monotonic()
        self.state = "STARTING"
        self.loop = Loop(journal.fault)
        journal.later = self.loop.call_last
        self.platform = here()
        self._fixed = list(manifests) if manifests is not None else None
        self.store = Store(home, self.platform.boot_id())
        self.outputs = outputs_for(home, settings.log, self.loop, self.platform)
        self._head_start = head_start
        self.notify = NotifySocket(home, self._on_notify, head_start.notify if head_start else None)
        self.lifecycle = Lifecycle(
            self.loop,
            self.platform,
            self.outputs,
            self,
            home_argument=str(home.root),
            extra_environment=self.notify.environment,
        )
        self.lifecycle.processes.hand_over = Handing(home).descriptor
        self.reports = Reports(self.lifecycle)
        self.lifecycle.drain_notifications = self.notify.receive
        probes = Probes(self.loop, self.lifecycle.processes.run_helper)
        self.lifecycle.prober = self.probes = probes
        self.lifecycle.why_hold = lambda: full_disk(home.root)
        self.liveness = LivenessWatch(self.lifecycle, probes)
        self.groups = Groups(self.lifecycle, load_groups(home))
        self.rollings: list[Rolling] = []
        self.protection = Protection(self.lifecycle, lambda: measure(home.root), self._minimum_room)
        self.health = HealthWatch(self.lifecycle, self.loop)
        self.resources = ResourceWatch(self.lifecycle, self.platform, lambda: disk_walk(home))
        self.operations = Operations(self)
        self.elsewhere = Elsewhere(settings.machines, time.monotonic)
        self.followers = Followers(self)
        self.control: ControlServer | None = None
        self.bridge: Bridge | None = None
        self.bus_report: BusReport | None = None
        self.listeners: list[Callable[[Event], None]] = []
        self.open_alerts: dict[str, Raised] = {}
        self._seq = 0
        self._log_faults: dict[str, str] = {}
        self._kept_stopped: set[str] = set()
        self._stale: list[str] = []
        self.interrupted = False
        self.was_complete = False
        """Everything wanted was ready at the same moment at least once."""
        self._stop_timer: Timer | None = None
        self._done = False

    # Start and end

    def manifests(self, settings: Settings) -> list[Manifest]:
        """The services as these settings have them."""
        return self._fixed if self._fixed is not None else load(self.home, settings)

    def start(self) -> None:
        """Check the graph, open the sockets, adopt what runs, start the rest.

        Raises:
            SettingsError: the services cannot be ordered; nothing was started.
        """
        self.lifecycle.configure(
            self.manifests(self.settings), lambda one: Unit(one, self.settings.supervisor)
        )
        stopped = self._kept_stopped = self.store.stopped_by_user()
        for unit in self.lifecycle.units.values():
            unit.user_stopped = unit.name in stopped
        self.platform.begin(self.loop, self.lifecycle.on_exit, str(self.home.root))
        kept = self.store.load() if self._head_start is None else None
        self._take_up_logs(kept or {})
        self.loop.add_reader(self.notify.fileno(), self.notify.receive)
        self.control = ControlServer(self.home, self.loop, self.operations)
        if kept is not None:
            self._adopt(kept)
        self.store.begin(self._running())
        self.state = "RUNNING"
        self.journal.write("info", "started", pid=os.getpid(), version=__version__)
        self._take_up_head_start()
        self.lifecycle.start(
            unit.name
            for unit in self.lifecycle.units.values()
            if unit.manifest.enabled and not unit.user_stopped
        )
        for name in self._stale:
            self.lifecycle.restart(name, CHANGED)
        self.settings_changed()
        self._tick_health()
        if self.elsewhere:
            self._tick_elsewhere()
        self._tick_resources()
        self.loop.call_later(_MACHINE_INTERVAL_S, self._tick_machine)

    def settings_changed(self) -> None:
        """Settings or manifests are others: follow what is not a service's."""
        self.followers.settings_changed()

    def _take_up_logs(self, kept: dict[str, Kept]) -> None:
        keeper = kept.pop(KEEPER, None)
        if keeper is None or not self.outputs.adopt_keeper(keeper.pid, keeper.born):
            self.outputs.start_keeper()
        self.outputs.on_new_keeper = lambda: self.store.begin(self._running())

    def _take_up_head_start(self) -> None:
        head, self._head_start = self._head_start, None
        if head is None:
            return
        self.journal.write("info", "head start", services=len(head.started))
        for one in head.started:
            self.outputs.take(one.name, one.pipe)
            self.lifecycle.take_up(self.lifecycle.units[one.name], one.pid, one.at)

    def _adopt(self, kept: dict[str, Kept]) -> None:
        known = {process.pid: process for process in kept.values()}
        for pid, name in self.platform.marked(str(self.home.root)):
            process = known.get(pid)
            if process is None:
                # Started so shortly before the end that it was not written down.
                process = Kept(name=name, pid=pid, born=0, started_at=time.monotonic())
            if process.name == name and not process.born:
                kept[name] = msgspec.structs.replace(process, born=self.platform.born(pid))
        for name, process in kept.items():
            unit = self.lifecycle.units.get(name)
            if unit is None:
                self._end_unknown(name, process)
                continue
            if not self.lifecycle.adopt(unit, process.pid, process.born, ready=process.ready):
                continue
            unit.restarts, unit.started_at = process.restarts, process.started_at
            unit.shape, unit.facts = process.shape, process.facts
            self.outputs.adopt(name, process.pid, process.pipe)
            self.journal.write("info", "adopted", name=name, pid=process.pid)
            if is_stale(process, unit.manifest):
                self._stale.append(name)

    def _end_unknown(self, name: str, process: Kept) -> None:
        if self.platform.born(process.pid) == process.born != 0:
            self.journal.write("warning", "ended: no such service any more", name=name, pid=process.pid)
            self.platform.kill_tree(process.pid)

    def shut_down(self, why: str) -> None:
        """Stop everything in order, then end the loop."""
        if self.state != "STOPPING":
            self.state = "STOPPING"
            self.journal.write("info", "stopping", why=why)
        self.lifecycle.shutdown(self._all_stopped)

    def _all_stopped(self) -> None:
        if self._done:
            return
        self._done = True
        self.loop.call_soon(self.loop.stop)

    def close(self) -> None:
        """After the loop: files and sockets go, the log is written out."""
        self._keep_stopped()
        if self._fixed is None:
            leave_plan(self.home, self.lifecycle, self.store)
        self.followers.close()
        if self.bridge is not None:
            self.bridge.close()
        self.lifecycle.processes.end_helpers()
        self.platform.end()
        self.outputs.finish()
        self.notify.close()
        self.store.clear()
        self.journal.later = None
        self.journal.write("info", "stopped", uptime_s=round(time.monotonic() - self.started_at, 1))
        if self.control is not None:
            self.control.close()
        self.loop.close()
        self.journal.close()

    # Heard from the lifecycle

    def state_changed(self, unit: Unit, before: str) -> None:
        self._seq += 1
        change = StateChange(
            seq=self._seq,
            name=unit.name,
            title=unit.manifest.label,
            before=before,
            state=unit.state,
            ready=unit.ready,
            pid=unit.pid if unit.state not in states.AT_REST else 0,
            since_ns=unit.since_ns,
            restarts=unit.restarts,
            reason=unit.reason,
            health=unit.health,
        )
        if unit.state == states.RUNNING:
            self._keep(unit)
            if not self.was_complete:
                self.was_complete = all(one.ready or not one.wanted for one in self.lifecycle.units.values())
        self._publish(change)
        if unit.state != states.STARTING or unit.reason:
            self._write_down(unit, before)
        if unit.state == states.RUNNING and f"service.{unit.name}" in self.open_alerts:
            self._recovered(unit)
        self.groups.state_changed(unit)
        if self.rollings:
            self.rollings = [rolling for rolling in self.rollings if not rolling.state_changed(unit)]
        self.operations.state_changed()

    def _write_down(self, unit: Unit, before: str) -> None:
        self.journal.write(
            "warning" if unit.state in {states.BACKOFF, states.FATAL, states.DEGRADED} else "info",
            "state",
            name=unit.name,
            before=before,
            state=unit.state,
            pid=unit.pid,
            reason=unit.reason,
        )

    def _recovered(self, unit: Unit) -> None:
        alert = self.open_alerts.pop(f"service.{unit.name}")
        self._publish(msgspec.structs.replace(alert, recovered=True, detail=f"{unit.name} is ready again."))

    def raised(self, alert: Raised) -> None:
        if alert.recovered:
            self.open_alerts.pop(alert.key, None)
        else:
            self.open_alerts[alert.key] = alert
        self.journal.write(alert.severity, "alert", key=alert.key, title=alert.title, detail=alert.detail)
        self._publish(alert)

    def acted(self, act: Acted) -> None:
        """For the audit log: here, and on the bus when it is there."""
        self.journal.write(
            "info",
            "asked",
            actor=act.actor,
            action=act.action,
            about=act.subject,
            ok=act.ok,
            detail=act.detail,
        )
        self._publish(act)

    def note(self, event: str, **fields: object) -> None:
        fields["about"] = fields.pop("service", "")
        self.journal.write("warning", event, **fields)

    def _publish(self, event: Event) -> None:
        if self.control is not None:
            self.control.publish(event)
        if self.on_event is not None and not isinstance(event, Acted):
            self.on_event(event)
        for listener in self.listeners:
            listener(event)

    # Heard from children

    def _on_notify(self, pid: int, fields: dict[str, str]) -> None:
        if pid == self.outputs.keeper_pid:
            self._on_log_fault(fields)
        else:
            self.reports.take(pid, fields)

    def _on_log_fault(self, fields: dict[str, str]) -> None:
        name, fault, dropped = (
            fields.get("X_LOG", ""),
            fields.get("X_FAULT", ""),
            fields.get("X_DROPPED", "0"),
        )
        before, self._log_faults[name] = self._log_faults.get(name, ""), fault
        if bool(before) == bool(fault):
            return
        self.raised(
            Raised(
                key=f"log.{name}",
                severity="error",
                source="supervisor",
                title=f"The log of {name} cannot be written" if fault else f"The log of {name} goes on",
                detail=f"{fault or 'written again'}; {dropped} bytes were dropped so far.",
                recovered=not fault,
            )
        )

    # Now and then

    def _tick_health(self) -> None:
        self.liveness.tick()
        self.loop.call_later(self.health.tick(), self._tick_health)

    def _tick_resources(self) -> None:
        self.resources.tick()
        for unit in self.lifecycle.units.values():
            if unit.pid and not unit.born:
                unit.born = self.platform.born(unit.pid)
                self._keep(unit)
        self.loop.call_later(self.settings.supervisor.stats_interval_s, self._tick_resources)

    def _tick_elsewhere(self) -> None:
        for alert in self.elsewhere.tick():
            self.raised(alert)
        self.loop.call_later(1.0, self._tick_elsewhere)

    def _minimum_room(self) -> Room:
        own = self.settings.supervisor
        return Room(own.min_free_disk_bytes, own.min_free_memory_bytes)

    def _tick_machine(self) -> None:
        self.loop.call_later(_MACHINE_INTERVAL_S, self._tick_machine)
        self.protection.tick()
        self.followers.tick()

    def spawned(self, unit: Unit) -> None:
        # Its start number is read with the first sample; until then its mark proves who it is.
        if unit.manifest.readiness.kind != "none":
            self._keep(unit)

    def _keep(self, unit: Unit) -> None:
        if self.store.add(self._kept(unit)):
            self.store.begin(self._running())

    def _kept(self, unit: Unit) -> Kept:
        return Kept(
            name=unit.name,
            pid=unit.pid,
            born=unit.born,
            ready=unit.ready,
            restarts=unit.restarts,
            started_at=unit.started_at,
            pipe=self.outputs.inode(unit.name),
            shape=unit.shape,
            facts=unit.facts,
        )

    def _running(self) -> list[Kept]:
        running = [self._kept(unit) for unit in self.lifecycle.units.values() if unit.pid]
        keeper = self.outputs.keeper_pid
        if keeper:
            running.append(Kept(name=KEEPER, pid=keeper, born=self.platform.born(keeper)))
        return running

    def remember_stopped(self) -> None:
        """A person stopped or started something: keep it across restarts of the daemon.

        The write waits for the disk, so several in a row are one, and no change is none.
        """
        if self._stopped_names() != self._kept_stopped and self._stop_timer is None:
            self._stop_timer = self.loop.call_later(_REMEMBER_AFTER_S, self._keep_stopped)

    def _keep_stopped(self) -> None:
        self._stop_timer = None
        names = self._stopped_names()
        if names != self._kept_stopped:
            self._kept_stopped = names
            self.store.keep_stopped(names)

    def _stopped_names(self) -> set[str]:
        return {unit.name for unit in self.lifecycle.units.values() if unit.user_stopped}

    def status(self) -> dict[str, Any]:
        """Everything, from memory."""
        now = time.monotonic()
        return {
            "supervisor": {
                "pid": os.getpid(),
                "state": self.state,
                "uptime_s": round(now - self.started_at, 3),
                "version": __version__,
                "cpu_s": round(time.process_time(), 3),
                "alerts": len(self.open_alerts),
                "home": str(self.home.root),
                **{name: getattr(self.resources.own, name) for name in USES},
            },
            "total": total(self.lifecycle.units.values(), self.resources.own),
            "services": [unit.status(now) for unit in self.lifecycle.units.values()],
            **({"elsewhere": self.elsewhere.rows()} if self.elsewhere else {}),
        }
