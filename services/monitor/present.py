"""What is known of each service at this moment: the values that alert rules look at."""

from collections import deque
from dataclasses import dataclass, field

from ...bus.contracts.service import Heartbeat, ServiceState, ServiceStats

_HOUR_S = 3600.0
# Statistics older than this say nothing about now.
_STALE_S = 15.0
_ALIVE = frozenset({"RUNNING", "DEGRADED"})


@dataclass(slots=True)
class Present:
    """One service. All times are of a monotonic clock."""

    stats: ServiceStats | None = None
    stats_at: float = 0.0
    beat_at: float = 0.0
    loop_lag_ms: float = 0.0
    state: str = ""
    restarts: int = 0
    restarted_at: deque[float] = field(default_factory=lambda: deque(maxlen=1000))


class PresentValues:
    """Fed by the bus, read once a second."""

    def __init__(self) -> None:
        self._services: dict[str, Present] = {}

    def _of(self, name: str) -> Present:
        return self._services.setdefault(name, Present())

    def stats(self, stats: ServiceStats, now: float) -> float:
        """Statistics came; the loop lag that belongs to them."""
        one = self._of(stats.name)
        one.stats, one.stats_at = stats, now
        return one.loop_lag_ms if now - one.beat_at < _STALE_S else 0.0

    def beat(self, beat: Heartbeat, now: float) -> None:
        """A heartbeat came."""
        one = self._of(beat.name)
        one.beat_at, one.loop_lag_ms = now, beat.loop_lag_ms

    def state(self, state: ServiceState, now: float) -> None:
        """A state was told; a service that is new here has not restarted just now."""
        known = state.name in self._services and self._services[state.name].state
        one = self._of(state.name)
        if known and state.restarts > one.restarts:
            one.restarted_at.extend([now] * min(state.restarts - one.restarts, 1000))
        if state.state not in _ALIVE or not state.ready:
            one.beat_at = 0.0  # silence is judged from the first beat of its next life on
        one.state, one.restarts = state.state, state.restarts

    def values(self, now: float) -> dict[str, dict[str, float]]:
        """Everything that is known and fresh, by service and metric."""
        return {name: _values(one, now) for name, one in self._services.items()}


def _values(one: Present, now: float) -> dict[str, float]:
    found: dict[str, float] = {
        "restarts_per_hour": sum(1 for when in one.restarted_at if now - when < _HOUR_S)
    }
    if one.stats is not None and now - one.stats_at < _STALE_S:
        for name in ("cpu_percent", "rss_bytes", "pss_bytes", "threads", "open_files", "disk_bytes"):
            found[name] = float(getattr(one.stats, name))
    if one.beat_at and one.state in _ALIVE:
        found["silent_s"] = now - one.beat_at
        if now - one.beat_at < _STALE_S:
            found["loop_lag_ms"] = one.loop_lag_ms
    return found
