"""The book of alerts: what is open, told again, taken back, known to somebody."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from ...bus.contracts.monitor import AlertEntry
from ...bus.contracts.service import Alert

SEVERITIES = ("info", "warning", "error", "critical")
_CLOSED_KEPT = 200


@dataclass(slots=True)
class Entry:
    """One alert; the same fields as a row of `alerts`."""

    id: int
    key: str
    severity: str
    source: str
    title: str
    detail: str
    raised_ms: int
    last_ms: int
    count: int = 1
    recovered_ms: int = 0
    acknowledged_ms: int = 0
    acknowledged_by: str = ""
    note: str = ""
    origin: str = ""

    def told(self) -> AlertEntry:
        """As it goes over the bus."""
        fields = asdict(self)
        del fields["origin"]
        return AlertEntry(**fields)


class AlertBook:
    """All open alerts, the last ended ones, and which of them the database has not seen yet."""

    def __init__(self) -> None:
        self._open: dict[str, Entry] = {}
        self._closed: list[Entry] = []
        self._changed: dict[int, Entry] = {}
        self._last_id = 0

    def load(self, entries: Iterable[Entry]) -> None:
        """Take up what an earlier life left open; what is known here is newer and stays."""
        for entry in entries:
            self._last_id = max(self._last_id, entry.id)
            self._open.setdefault(entry.key, entry)

    def take(self, alert: Alert, now_ms: int, origin: str = "") -> Entry | None:
        """A message came; the entry that it changed, None when it changes nothing.

        Args:
            origin: names the event: the same event, delivered again after a kill, is not counted again.
        """
        known = self._open.get(alert.key)
        if known is not None and origin and known.origin == origin:
            return None
        if alert.recovered:
            return self.recovered(alert.key, now_ms, alert.detail, origin)
        if known is None:
            known = self._open[alert.key] = self._new(alert, now_ms)
        else:
            known.count += 1
        known.severity = worse(known.severity, alert.severity)[:16]
        known.title, known.detail, known.last_ms = alert.title[:255], alert.detail[:4000], now_ms
        known.origin = origin[-160:]
        self._changed[known.id] = known
        return known

    def _new(self, alert: Alert, now_ms: int) -> Entry:
        # Made of the time, so that it is new even when the database cannot be asked.
        self._last_id = max(self._last_id + 1, now_ms)
        return Entry(
            id=self._last_id,
            key=alert.key[:160],
            severity=alert.severity[:16],
            source=alert.source[:40],
            title=alert.title[:255],
            detail=alert.detail[:4000],
            raised_ms=now_ms,
            last_ms=now_ms,
            count=1,
        )

    def recovered(self, key: str, now_ms: int, detail: str, origin: str = "") -> Entry | None:
        """The fault is over; None when there was none."""
        entry = self._open.pop(key, None)
        if entry is None:
            return None
        entry.recovered_ms = entry.last_ms = now_ms
        entry.detail, entry.origin = detail[:4000] or entry.detail, origin[-160:]
        self._closed = [*self._closed[-_CLOSED_KEPT + 1 :], entry]
        self._changed[entry.id] = entry
        return entry

    def acknowledge(self, entry_id: int, actor: str, note: str, now_ms: int) -> list[Entry]:
        """Somebody knows of one alert, or of all open ones (0); those that changed."""
        found = [
            entry
            for entry in (*self._open.values(), *self._closed)
            if entry.id == entry_id or (entry_id == 0 and not entry.recovered_ms)
        ]
        for entry in found:
            entry.acknowledged_ms, entry.acknowledged_by = now_ms, actor[:80]
            entry.note = note[:4000]
            self._changed[entry.id] = entry
        return found

    @property
    def open(self) -> list[Entry]:
        """What has not recovered."""
        return list(self._open.values())

    def known(self) -> list[Entry]:
        """Open ones and the last ended ones."""
        return [*self._open.values(), *self._closed]

    def changed(self) -> list[Entry]:
        """What the database has not seen; asked again until `written`."""
        return list(self._changed.values())

    def written(self, entries: Iterable[Entry]) -> None:
        """They are in the database."""
        for entry in entries:
            self._changed.pop(entry.id, None)


def worse(first: str, second: str) -> str:
    """The graver of two severities; an unknown one counts as the least."""
    return max(first, second, key=rank)


def rank(severity: str) -> int:
    """How grave, from 0."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else 0
