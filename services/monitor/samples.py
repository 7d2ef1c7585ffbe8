"""What comes over the bus, gathered into one sample a second and service."""

from collections import OrderedDict
from dataclasses import dataclass, field

from ...bus.contracts.service import ServiceStats

FINEST_S = 1


@dataclass(slots=True)
class Sample:
    """One service in the `step_s` seconds from `start_s` on; sums are kept as means and a count."""

    service: str
    start_s: int
    step_s: int = FINEST_S
    samples: int = 0
    cpu_percent: float = 0.0
    cpu_percent_max: float = 0.0
    rss_bytes: float = 0.0
    rss_bytes_max: int = 0
    pss_bytes: float = 0.0
    threads: float = 0.0
    open_files: float = 0.0
    disk_bytes: float = 0.0
    loop_lag_ms: float = 0.0
    loop_lag_ms_max: float = 0.0

    def add(self, stats: ServiceStats, loop_lag_ms: float) -> None:
        """Take one more measurement of this second."""
        before, self.samples = self.samples, self.samples + 1
        for name in ("cpu_percent", "rss_bytes", "pss_bytes", "threads", "open_files", "disk_bytes"):
            mean = (getattr(self, name) * before + getattr(stats, name)) / self.samples
            setattr(self, name, mean)
        self.loop_lag_ms = (self.loop_lag_ms * before + loop_lag_ms) / self.samples
        self.cpu_percent_max = max(self.cpu_percent_max, stats.cpu_percent)
        self.rss_bytes_max = max(self.rss_bytes_max, stats.rss_bytes)
        self.loop_lag_ms_max = max(self.loop_lag_ms_max, loop_lag_ms)


WHOLE = ("rss_bytes", "rss_bytes_max", "pss_bytes", "threads", "open_files", "disk_bytes")
FRACTIONS = ("cpu_percent", "cpu_percent_max", "loop_lag_ms", "loop_lag_ms_max")


@dataclass(slots=True)
class Waiting:
    """Samples that are not written yet, oldest first. Above `limit` the oldest are dropped and counted."""

    limit: int = 20_000
    dropped: int = 0
    _held: OrderedDict[tuple[int, str], Sample] = field(default_factory=OrderedDict)

    def add(self, stats: ServiceStats, loop_lag_ms: float, now_s: int) -> None:
        """Take a measurement made in the second `now_s`."""
        key = (now_s, stats.name)
        sample = self._held.get(key)
        if sample is None:
            sample = self._held[key] = Sample(stats.name, now_s)
        sample.add(stats, loop_lag_ms)
        while len(self._held) > self.limit:
            self._held.popitem(last=False)
            self.dropped += 1

    def finished(self, now_s: int) -> list[Sample]:
        """Those of seconds that are over."""
        return [sample for (second, _), sample in self._held.items() if second < now_s]

    def written(self, samples: list[Sample]) -> None:
        """They are in the database."""
        for sample in samples:
            self._held.pop((sample.start_s, sample.service), None)

    def all(self) -> list[Sample]:
        """Everything held, the present second included."""
        return list(self._held.values())
