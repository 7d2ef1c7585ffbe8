"""What the services use: a cheap sample of each a second, the costly rest in turn, and limits upon all."""

import os
import time
from collections.abc import Callable, Iterable, Iterator

from .. import states
from ..lifecycle import Lifecycle
from ..loop import SLICE_S
from ..platform.base import Platform, Sample
from ..unit import Raised, Unit
from .diskuse import DiskWalk

# About so old are each service's costly values; a few services a tick, so that no tick is long.
_DETAIL_EVERY_S = 30.0
_DISK_EVERY_S, _DISK_FIRST_S, _DISK_PAUSE_S = 60.0, 5.0, 0.02
USES = ("cpu_percent", "rss_bytes", "pss_bytes", "threads", "open_files", "disk_bytes")


class OwnUse:
    """What the supervisor itself uses."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.sample: Sample | None = None
        self.cpu_percent = 0.0
        self.rss_bytes = self.threads = self.pss_bytes = self.open_files = self.disk_bytes = 0


class ResourceWatch:
    """Samples all processes and holds them against the limits of their manifests.

    Args:
        disk_walk: begins a walk over the home, once a minute; it is carried on a slice at a time.
    """

    def __init__(
        self, lifecycle: Lifecycle, platform: Platform, disk_walk: Callable[[], DiskWalk] | None = None
    ) -> None:
        self._lifecycle, self._platform, self._disk_walk = lifecycle, platform, disk_walk
        self._last = time.monotonic()
        self._disk_due = self._last + _DISK_FIRST_S
        self._detailed: dict[int, float] = {}
        self._above_since: dict[tuple[str, str], float] = {}
        self._warned: set[tuple[str, str]] = set()
        self.own = OwnUse()

    def tick(self) -> None:
        """Called at the interval of `supervisor.stats_interval_s`."""
        now = time.monotonic()
        elapsed, self._last = now - self._last, now
        if now >= self._disk_due and self._disk_walk is not None:
            self._disk_due = now + _DISK_EVERY_S
            self._measure_disk(self._disk_walk())
        self._take(self.own, elapsed)
        running = [unit for unit in self._lifecycle.units.values() if unit.pid]
        self._look_closely([self.own, *running], now)
        for unit in running:
            self._take(unit, elapsed)
            self._judge(unit, now)

    def _measure_disk(self, walk: DiskWalk) -> None:
        until = time.monotonic() + SLICE_S
        while time.monotonic() < until:
            try:
                next(walk)
            except StopIteration as end:
                self._take_disk(end.value)
                return
        self._lifecycle.loop.call_later(_DISK_PAUSE_S, lambda: self._measure_disk(walk))

    def _take_disk(self, used: dict[str, int]) -> None:
        self.own.disk_bytes = used.get("supervisor", 0)
        for unit in self._lifecycle.units.values():
            unit.disk_bytes = used.get(unit.name, 0)

    def _take(self, one: "Unit | OwnUse", elapsed: float) -> None:
        sample = self._platform.sample(one.pid)
        if sample is None:
            return
        previous, one.sample = one.sample, sample
        if previous is not None and elapsed > 0:
            one.cpu_percent = round(max(0.0, sample.cpu_s - previous.cpu_s) / elapsed * 100.0, 1)
        one.rss_bytes, one.threads = sample.rss_bytes, sample.threads

    def _look_closely(self, those: "list[Unit | OwnUse]", now: float) -> None:
        """The few whose values are oldest, if they are old, and those with a limit on open files."""
        ages = {one.pid: self._detailed.get(one.pid, now - _DETAIL_EVERY_S) for one in those}
        self._detailed = ages
        share = 1 + int(len(those) / _DETAIL_EVERY_S)
        due = {
            pid for pid in sorted(ages, key=ages.__getitem__)[:share] if now - ages[pid] >= _DETAIL_EVERY_S
        }
        for one in those:
            if one.pid in due or (isinstance(one, Unit) and one.manifest.limits.open_files is not None):
                detail = self._platform.detail(one.pid)
                if detail is not None:
                    one.pss_bytes, one.open_files = detail
                self._detailed[one.pid] = now

    def _judge(self, unit: Unit, now: float) -> None:
        limits = unit.manifest.limits
        for kind, sentence in self._crossed(unit):
            key = (unit.name, kind)
            if not sentence:
                self._above_since.pop(key, None)
                if key in self._warned:
                    self._warned.discard(key)
                    self._tell(unit, "is below its limit again", recovered=True)
                continue
            if now - self._above_since.setdefault(key, now) < limits.for_s:
                continue
            if key in self._warned and limits.action == "warn":
                continue
            self._warned.add(key)
            self._act(unit, sentence)
            return

    def _crossed(self, unit: Unit) -> Iterator[tuple[str, str]]:
        """Each limit there is: its name, and what is wrong, "" when nothing is."""
        limits = unit.manifest.limits
        for kind, value, limit, unit_of in (
            ("memory", unit.rss_bytes, limits.memory_bytes, "MiB of memory"),
            ("cpu", unit.cpu_percent, limits.cpu_percent, "% CPU"),
            ("open files", unit.open_files, limits.open_files, "open files"),
            ("threads", unit.threads, limits.threads, "threads"),
            ("disk", unit.disk_bytes, limits.disk_bytes, "MiB on the disk"),
        ):
            if limit is not None:
                yield kind, _over(value, limit, unit_of)
        if limits.processes is not None:
            count = self._platform.processes_of(unit.name, unit.pid)
            # Where the system holds the limit, being at it is as bad as being above it elsewhere.
            full = "pids" in self._platform.held(unit.name) and count == limits.processes
            yield "processes", _over(count + full, limits.processes, "processes")

    def _act(self, unit: Unit, over: str) -> None:
        if unit.state not in {states.RUNNING, states.DEGRADED, states.STARTING}:
            return
        action = unit.manifest.limits.action
        done = {"warn": "it goes on", "restart": "it is restarted", "stop": "it is stopped"}[action]
        self._tell(unit, f"{over}; {done}", recovered=False)
        if action == "restart":
            self._lifecycle.restart(unit.name, over)
        elif action == "stop":
            self._lifecycle.stop(unit.name, reason=over)
        if action != "warn" and unit.manifest.limits.processes is not None and "processes" in over:
            self._lifecycle.processes.kill(unit)  # a fork bomb is not asked politely

    def _tell(self, unit: Unit, what: str, *, recovered: bool) -> None:
        self._lifecycle.listener.raised(
            Raised(
                key=f"service.{unit.name}.limit",
                severity="warning" if unit.manifest.limits.action == "warn" else "error",
                source="supervisor",
                title=f"{unit.manifest.label} is {'below' if recovered else 'above'} its limit",
                detail=f"{unit.name} {what}.",
                recovered=recovered,
            )
        )


def total(units: Iterable[Unit], own: OwnUse) -> dict[str, float | int]:
    """What all services and the supervisor use together, by the names of `USES`."""
    those: list[Unit | OwnUse] = [own, *units]
    return {name: round(sum(getattr(one, name) for one in those), 1) for name in USES}


def _over(value: float, limit: float, unit_of: str) -> str:
    if value <= limit:
        return ""
    scale = 1_048_576 if unit_of.startswith("MiB") else 1
    number, most = f"{value / scale:.4g}", f"{limit / scale:.4g}"
    if scale == 1:
        return f"uses {number} {unit_of}, its limit is {most}"
    rest = unit_of.removeprefix("MiB")
    return f"uses {number} MiB{rest}, its limit is {most} MiB"
