"""Finding services that live and do not work: heartbeats that stay away, probes that fail."""

import time
from collections.abc import Callable

from .. import states
from ..catalogue.registry import Readiness
from ..lifecycle import Lifecycle
from ..loop import Loop
from ..unit import Raised, Unit
from .probes import Probes

_GRACE_FACTOR = 0.5
_SLOWEST_S = 1.0


class HealthWatch:
    """Looks at every service's last heartbeat. A service that never sent one is not judged by it."""

    def __init__(self, lifecycle: Lifecycle, loop: Loop) -> None:
        self._lifecycle, self._loop = lifecycle, loop
        self._degraded_at: dict[str, float] = {}

    def tick(self) -> float:
        """Look at all; returns the seconds until the next look, a quarter of the shortest time-out."""
        now = time.monotonic()
        stalled, self._loop.stalled_s = self._loop.stalled_s, 0.0
        interval_s = _SLOWEST_S
        for unit in self._lifecycle.units.values():
            if stalled and unit.beat_at:
                # We were not running ourselves: nobody is late for that.
                unit.beat_at += stalled
            if unit.beat_at and unit.pid:
                self._judge(unit, now)
                interval_s = min(interval_s, unit.heartbeat_timeout_s / 4)
        return interval_s

    def _judge(self, unit: Unit, now: float) -> None:
        silent_s = now - unit.beat_at
        limit_s = unit.heartbeat_timeout_s
        if unit.state == states.RUNNING and silent_s > limit_s:
            reason = f"no heartbeat for {silent_s:.0f} s"
            self._degraded_at[unit.name] = now
            self._lifecycle.degrade(unit, reason)
            self._lifecycle.listener.raised(_frozen(unit, reason))
        elif unit.state == states.DEGRADED:
            since = self._degraded_at.setdefault(unit.name, now)
            if now - since >= max(1.0, limit_s * _GRACE_FACTOR) and silent_s > limit_s:
                self._degraded_at.pop(unit.name, None)
                self._lifecycle.kill(unit, f"frozen: no heartbeat for {silent_s:.0f} s")


class LivenessWatch:
    """Probes running services whose manifests say how, and acts on failures in a row.

    `degraded_after` of them make the service DEGRADED, a success brings it back (when it was this probe that
    made it so), `failures` of them end it for its policy.
    """

    def __init__(self, lifecycle: Lifecycle, probes: Probes) -> None:
        self._lifecycle, self._probes = lifecycle, probes
        self._due: dict[str, float] = {}
        self._failures: dict[str, int] = {}
        self._degraded: dict[str, int] = {}

    def tick(self) -> None:
        """Called about once a second."""
        now = time.monotonic()
        for unit in self._lifecycle.units.values():
            probe = unit.manifest.probe
            if probe is None or unit.state not in {states.RUNNING, states.DEGRADED}:
                continue
            if now >= self._due.get(unit.name, 0.0):
                self._due[unit.name] = now + probe.interval_s
                self._probes.probe(unit, probe, self._verdict(unit, unit.pid, probe))

    def _verdict(self, unit: Unit, pid: int, probe: Readiness) -> Callable[[bool], None]:
        def judge(good: bool) -> None:
            if unit.pid != pid:
                return
            if good:
                self._failures.pop(unit.name, None)
                # A heartbeat that stays away is not made good by a port that the kernel answers.
                if self._degraded.pop(unit.name, 0) == pid:
                    self._lifecycle.recover(unit)
                return
            count = self._failures[unit.name] = self._failures.get(unit.name, 0) + 1
            self._failed(unit, probe, count)

        return judge

    def _failed(self, unit: Unit, probe: Readiness, count: int) -> None:
        times = f" {count} times in a row" if count > 1 else ""
        reason = f"its {probe.kind} probe fails{times}"
        if count >= probe.failures:
            self._failures.pop(unit.name, None)
            self._degraded.pop(unit.name, None)
            self._lifecycle.kill(unit, reason)
        elif count >= probe.degraded_after and unit.state == states.RUNNING:
            self._degraded[unit.name] = unit.pid
            self._lifecycle.degrade(unit, reason)
            self._lifecycle.listener.raised(_frozen(unit, reason))


def _frozen(unit: Unit, reason: str) -> Raised:
    return Raised(
        key=f"service.{unit.name}",
        severity="error",
        source="supervisor",
        title=f"{unit.manifest.label} does not work",
        detail=f"{unit.name}: {reason}; it is restarted unless it recovers.",
    )
