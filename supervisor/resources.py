"""What the services use: one sample of each a second, and what happens above a limit."""

import time

from . import states
from .lifecycle import Lifecycle
from .platform.base import Platform
from .unit import Raised, Unit


class ResourceWatch:
    """Samples CPU and memory of all processes and holds them against the limits of their manifests."""

    def __init__(self, lifecycle: Lifecycle, platform: Platform) -> None:
        self._lifecycle, self._platform = lifecycle, platform
        self._last = time.monotonic()
        self._warned: set[str] = set()

    def tick(self) -> None:
        """Called at the interval of `supervisor.stats_interval_s`."""
        now = time.monotonic()
        elapsed, self._last = now - self._last, now
        for unit in self._lifecycle.units.values():
            if unit.pid:
                self._sample(unit, elapsed)

    def _sample(self, unit: Unit, elapsed: float) -> None:
        sample = self._platform.sample(unit.pid)
        if sample is None:
            return
        previous, unit.sample = unit.sample, sample
        if previous is not None and elapsed > 0:
            unit.cpu_percent = round(max(0.0, sample.cpu_s - previous.cpu_s) / elapsed * 100.0, 1)
        unit.rss_bytes, unit.threads = sample.rss_bytes, sample.threads
        limits = unit.manifest.limits
        if limits.memory_bytes is not None or limits.cpu_percent is not None:
            self._judge(unit)

    def _judge(self, unit: Unit) -> None:
        limits = unit.manifest.limits
        over = ""
        if limits.memory_bytes is not None and unit.rss_bytes > limits.memory_bytes:
            over = f"uses {_size(unit.rss_bytes)} of memory, its limit is {_size(limits.memory_bytes)}"
        elif limits.cpu_percent is not None and unit.cpu_percent > limits.cpu_percent:
            over = f"uses {unit.cpu_percent:g} % CPU, its limit is {limits.cpu_percent:g} %"
        if not over:
            self._warned.discard(unit.name)
            return
        if unit.name in self._warned and limits.action == "warn":
            return
        self._warned.add(unit.name)
        self._act(unit, over)

    def _act(self, unit: Unit, over: str) -> None:
        if unit.state not in {states.RUNNING, states.DEGRADED}:
            return
        action = unit.manifest.limits.action
        done = {"warn": "it goes on", "restart": "it is restarted", "stop": "it is stopped"}[action]
        self._lifecycle.listener.raised(
            Raised(
                key=f"service.{unit.name}.limit",
                severity="warning" if action == "warn" else "error",
                source="supervisor",
                title=f"{unit.manifest.label} is above its limit",
                detail=f"{unit.name} {over}; {done}.",
            )
        )
        if action == "restart":
            self._lifecycle.restart(unit.name, over)
        elif action == "stop":
            self._lifecycle.stop(unit.name, reason=over)


def _size(count: int) -> str:
    return f"{count / 1_048_576:.0f} MiB"
