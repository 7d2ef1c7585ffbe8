"""One service as the supervisor sees it at this moment."""

import time

import msgspec

from ..configs.schema import SupervisorSettings
from . import states
from .catalogue.registry import Manifest
from .loop import Timer
from .platform.base import Sample
from .restarts import RestartPolicy


class StateChange(msgspec.Struct, frozen=True, kw_only=True):
    """A service went from one state to another. `since_ns` is wall-clock time, `pid` 0 when there is none."""

    seq: int
    name: str
    title: str
    before: str
    state: str
    ready: bool
    pid: int
    since_ns: int
    restarts: int
    reason: str
    health: str
    kind: str = "state"


class Raised(msgspec.Struct, frozen=True, kw_only=True):
    """Something a person should know. The same `key` is the same fault; `recovered` ends it."""

    key: str
    severity: str
    source: str
    title: str
    detail: str
    recovered: bool = False
    kind: str = "alert"


class Acted(msgspec.Struct, frozen=True, kw_only=True):
    """A person or a program asked for something: for the audit log."""

    actor: str
    action: str
    subject: str
    ok: bool
    detail: str
    kind: str = "audit"


class Unit:
    """State, process and history of one service. Only the lifecycle changes it."""

    __slots__ = (
        "adopted",
        "beat_at",
        "beat_kind",
        "born",
        "cpu_percent",
        "disk_bytes",
        "exit_code",
        "facts",
        "helper",
        "kill_reason",
        "manifest",
        "missing",
        "open_files",
        "pid",
        "policy",
        "progress",
        "pss_bytes",
        "ready",
        "ready_at",
        "reason",
        "restarts",
        "rss_bytes",
        "said_stopping",
        "sample",
        "settings",
        "shape",
        "since_ns",
        "start_again",
        "started_at",
        "state",
        "status_text",
        "strays",
        "threads",
        "timer",
        "user_stopped",
        "wanted",
    )

    def __init__(self, manifest: Manifest, settings: SupervisorSettings) -> None:
        self.manifest, self.settings = manifest, settings
        self.policy = _policy(manifest, settings)
        self.state = states.STOPPED
        self.ready = False
        self.pid = 0
        self.born = 0
        self.since_ns = time.time_ns()
        self.started_at = 0.0
        self.ready_at = 0.0
        self.restarts = 0
        self.reason = ""
        self.status_text = ""
        self.kill_reason = ""
        self.exit_code: int | None = 0
        self.said_stopping = False
        self.wanted = False
        self.user_stopped = False
        self.start_again = False
        self.adopted = False
        self.missing: list[str] = []
        self.timer: Timer | None = None
        self.strays: set[int] = set()
        self.beat_at = 0.0
        self.beat_kind = ""
        self.progress = ""
        self.sample: Sample | None = None
        self.cpu_percent = 0.0
        self.rss_bytes = 0
        self.pss_bytes = 0
        self.open_files = 0
        self.disk_bytes = 0
        self.threads = 0
        self.facts = _NO_FACTS
        self.shape = ""
        self.helper = 0

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def start_timeout_s(self) -> float:
        return _first(self.manifest.start_timeout_s, self.settings.start_timeout_s)

    @property
    def stop_timeout_s(self) -> float:
        return _first(self.manifest.stop_timeout_s, self.settings.stop_timeout_s)

    @property
    def heartbeat_timeout_s(self) -> float:
        return _first(self.manifest.heartbeat_timeout_s, self.settings.heartbeat_timeout_s)

    @property
    def health(self) -> str:
        """ok, degraded, failed, starting or off."""
        return _HEALTH[self.state]

    def uptime_s(self, now: float) -> float:
        """Seconds since the process was spawned; 0 without one."""
        return max(0.0, now - self.started_at) if self.pid else 0.0

    def clear_timer(self) -> None:
        """Cancel what was due for the present state."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def forget_process(self) -> None:
        """There is no process any more."""
        self.pid = self.born = 0
        self.ready = self.said_stopping = self.adopted = False
        self.kill_reason = self.beat_kind = self.progress = ""
        self.beat_at = self.cpu_percent = 0.0
        self.sample = None
        self.rss_bytes = self.threads = self.pss_bytes = self.open_files = 0
        self.facts, self.shape = _NO_FACTS, ""

    def configure(self, manifest: Manifest, settings: SupervisorSettings) -> None:
        """Take a new manifest; it counts from the next start on."""
        self.manifest, self.settings = manifest, settings
        self.policy = _policy(manifest, settings)

    def status(self, now: float) -> dict[str, object]:
        """As `cryptobot status --json` shows it."""
        return {
            "name": self.manifest.name,
            "title": self.manifest.label,
            "state": self.state,
            "ready": self.ready,
            "pid": self.pid,
            "uptime_s": round(self.uptime_s(now), 3),
            "restarts": self.restarts,
            "cpu_percent": self.cpu_percent,
            "rss_bytes": self.rss_bytes,
            "pss_bytes": self.pss_bytes,
            "threads": self.threads,
            "open_files": self.open_files,
            "disk_bytes": self.disk_bytes,
            "health": _HEALTH[self.state],
            "reason": self.reason,
            "requires": self.manifest.requires,
            "secrets": self.manifest.secrets,
            "memory_limit_bytes": self.manifest.limits.memory_bytes or 0,
            "group": self.manifest.group,
            "adopted": self.adopted,
            "since_ns": self.since_ns,
        }


# What a service told about itself when it became ready: X_ENDPOINT, X_EPOCH, X_SCHEMAS.
_NO_FACTS: dict[str, str] = {}

_HEALTH = {
    states.STOPPED: "off",
    states.EXITED: "off",
    states.STOPPING: "off",
    states.STARTING: "starting",
    states.RUNNING: "ok",
    states.DEGRADED: "degraded",
    states.BACKOFF: "failed",
    states.FATAL: "failed",
}


def _policy(manifest: Manifest, settings: SupervisorSettings) -> RestartPolicy:
    limit = manifest.restart_limit if manifest.restart_limit is not None else settings.restart_limit
    return RestartPolicy(
        initial_s=_first(manifest.backoff_initial_s, settings.backoff_initial_s),
        maximum_s=_first(manifest.backoff_max_s, settings.backoff_max_s),
        limit=limit,
        window_s=_first(manifest.restart_window_s, settings.restart_window_s),
        stable_s=manifest.stable_s,
    )


def _first(own: float | None, default: float) -> float:
    return default if own is None else own
