"""What the launcher shows, made of the supervisor's events. No screen, no thread, no clock in here."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal

State = Literal["looking", "off", "left", "starting", "on", "trouble", "stopping"]

_REST = frozenset({"STOPPED", "EXITED"})
_ILL = frozenset({"FATAL", "BACKOFF", "DEGRADED"})


@dataclass(frozen=True, slots=True)
class Row:
    """One service."""

    name: str
    title: str
    state: str
    ready: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Picture:
    """One home at one moment.

    Args:
        home: its folder.
        alive: whether a supervisor answers; None before anybody looked.
        orphans: services that go on without one.
        alerts: open alerts, by key.
        stopping: a person asked for the end.
    """

    home: str
    alive: bool | None = None
    rows: dict[str, Row] = field(default_factory=dict)
    orphans: tuple[str, ...] = ()
    alerts: dict[str, str] = field(default_factory=dict)
    stopping: bool = False

    @property
    def state(self) -> State:
        """All in one word."""
        if self.alive is None:
            return "looking"
        if not self.alive:
            return "left" if self.orphans else "off"
        wanted = [row for row in self.rows.values() if row.state not in _REST]
        if self.stopping or (wanted and all(row.state == "STOPPING" for row in wanted)):
            return "stopping"
        if any(row.state in _ILL for row in wanted):
            return "trouble"
        if not all(row.ready for row in wanted):
            return "starting"
        return "on" if wanted else "off"

    @property
    def headline(self) -> str:
        """The state for people."""
        return {
            "looking": "Looking…",
            "off": "Stopped",
            "left": "Services run without their supervisor",
            "starting": "Starting…",
            "on": "Running",
            "trouble": "Something is wrong",
            "stopping": "Stopping…",
        }[self.state]

    @property
    def detail(self) -> str:
        """One sentence more."""
        state = self.state
        if state == "left":
            return f"{', '.join(self.orphans)} go on. Start takes them over."
        if state == "off":
            return "Nothing trades. Start brings everything up."
        wanted = [row for row in self.rows.values() if row.state not in _REST]
        if state == "trouble":
            return "; ".join(_complaint(row) for row in wanted if row.state in _ILL)
        ready = sum(row.ready for row in wanted)
        told = f"{ready} of {len(wanted)} services are ready." if wanted else ""
        if state == "on" and self.alerts:
            told += f" Open alerts: {len(self.alerts)}."
        return told

    @property
    def can_start(self) -> bool:
        """Whether Start makes sense now."""
        return self.state in ("off", "left")

    @property
    def can_stop(self) -> bool:
        """Whether Stop makes sense now."""
        return bool(self.alive) and not self.stopping

    def after(self, event: dict[str, Any]) -> "Picture":
        """The picture after one event of the supervisor, or of `Watch`."""
        kind = event["kind"]
        if kind == "gone":
            return Picture(self.home, alive=False, orphans=tuple(event["orphans"]))
        if kind == "snapshot":
            rows = {one["name"]: _row(one) for one in event["services"]}
            alerts = {one["key"]: str(one["title"]) for one in event["alerts"]}
            return replace(self, alive=True, rows=rows, orphans=(), alerts=alerts)
        if kind == "state":
            return replace(self, alive=True, rows={**self.rows, event["name"]: _row(event)})
        if kind == "alert":
            alerts = {key: title for key, title in self.alerts.items() if key != event["key"]}
            if not event["recovered"]:
                alerts[event["key"]] = str(event["title"])
            return replace(self, alerts=alerts)
        return self


def _row(told: dict[str, Any]) -> Row:
    return Row(
        name=told["name"],
        title=told.get("title") or told["name"],
        state=told["state"],
        ready=told["ready"],
        reason=told["reason"],
    )


def _complaint(row: Row) -> str:
    return f"{row.title}: {row.reason or row.state}"
