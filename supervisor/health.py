"""Finding services that live and do not work: heartbeats that stay away."""

import time

from . import states
from .lifecycle import Lifecycle
from .loop import Loop
from .unit import Raised, Unit

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


def _frozen(unit: Unit, reason: str) -> Raised:
    return Raised(
        key=f"service.{unit.name}",
        severity="error",
        source="supervisor",
        title=f"{unit.manifest.label} is frozen",
        detail=f"{unit.name}: {reason}; it is restarted unless it recovers.",
    )
