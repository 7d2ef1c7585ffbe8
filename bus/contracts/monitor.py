"""Owner: the monitor. Numbers 0x07xx. What these requests draw is described in docs/monitor.md."""

from .base import Delivery, Done, Message, message, request


@message(0x0701, delivery=Delivery.REPLY)
class HealthSeries(Message, frozen=True, kw_only=True, gc=False):
    """One service's history, column by column; all lists have one length, times ascend.

    A point covers `step_s` seconds from `start_ms` on: the mean, where `_max` is said the highest.
    """

    service: str
    start_ms: list[int]
    samples: list[int]
    cpu_percent: list[float]
    cpu_percent_max: list[float]
    rss_bytes: list[int]
    rss_bytes_max: list[int]
    pss_bytes: list[int]
    threads: list[int]
    open_files: list[int]
    disk_bytes: list[int]
    loop_lag_ms: list[float]
    loop_lag_ms_max: list[float]


@message(0x0702, delivery=Delivery.REPLY)
class HealthHistory(Message, frozen=True, kw_only=True, gc=False):
    """`stored` is false while the database is away: then only what the monitor holds in memory is here."""

    step_s: int
    series: list[HealthSeries]
    stored: bool = True


@request(0x0703, reply=HealthHistory, permission="health.read")
class ListHealthHistory(Message, frozen=True, kw_only=True, gc=False):
    """Health and resources over time.

    Args:
        service: one service, `supervisor`, or "" for each.
        since_ms, until_ms: wall-clock times; 0 is an hour ago, and now.
        step_s: 1, 60 or 3600; 0 takes the finest of which `points` cover the span.
        points: at most so many for each service, the newest ones.
    """

    service: str = ""
    since_ms: int = 0
    until_ms: int = 0
    step_s: int = 0
    points: int = 600


@message(0x0704, delivery=Delivery.REPLY)
class AlertEntry(Message, frozen=True, kw_only=True, gc=False):
    """One alert. The same fault told again raises `count`. Times in milliseconds; 0 is not yet."""

    id: int
    key: str
    severity: str
    source: str
    title: str
    detail: str
    raised_ms: int
    last_ms: int
    count: int
    recovered_ms: int
    acknowledged_ms: int
    acknowledged_by: str
    note: str


@message(0x0705, delivery=Delivery.REPLY)
class AlertLog(Message, frozen=True, kw_only=True, gc=False):
    """Newest first. `open` counts all that have not recovered, whatever was asked for."""

    alerts: list[AlertEntry]
    open: int
    stored: bool = True


@request(0x0706, reply=AlertLog, permission="health.read")
class ListAlerts(Message, frozen=True, kw_only=True, gc=False):
    """Alerts; empty filters take everything. `before` pages back: alerts with smaller ids.

    Args:
        severity: this one and worse: info, warning, error, critical.
        key: the key's beginning, such as service.trade.
    """

    open_only: bool = False
    severity: str = ""
    key: str = ""
    since_ms: int = 0
    before: int = 0
    limit: int = 200


@request(0x0707, reply=Done, permission="alert.acknowledge")
class AcknowledgeAlert(Message, frozen=True, kw_only=True, gc=False):
    """Somebody knows of it. `id` 0 means every open alert. RequestFailedError("unknown_alert") otherwise."""

    id: int
    actor: str
    note: str = ""


@message(0x0708, delivery=Delivery.REPLY)
class StateEntry(Message, frozen=True, kw_only=True, gc=False):
    """A service came into this state at `since_ms`."""

    service: str
    state: str
    since_ms: int
    ready: bool
    pid: int
    restarts: int
    reason: str


@message(0x0709, delivery=Delivery.REPLY)
class StateLog(Message, frozen=True, kw_only=True, gc=False):
    """Newest first."""

    entries: list[StateEntry]
    stored: bool = True


@request(0x070A, reply=StateLog, permission="health.read")
class ListStates(Message, frozen=True, kw_only=True, gc=False):
    """How services went from state to state; "" is all of them. `before_ms` pages back."""

    service: str = ""
    since_ms: int = 0
    limit: int = 200
    before_ms: int = 0


@message(0x070B, delivery=Delivery.REPLY)
class CheckFinding(Message, frozen=True, kw_only=True, gc=False):
    """What one check of `cryptobot doctor` found: what it is, why it matters, what to do.

    Args:
        verdict: ok, warning or fault.
        mended: what was done about it; "" when nothing was.
    """

    check: str
    verdict: str
    what: str
    why: str
    todo: str
    mended: str = ""


@message(0x070C, delivery=Delivery.REPLY)
class DoctorReport(Message, frozen=True, kw_only=True, gc=False):
    """`ok` is whether no fault was found."""

    ok: bool
    checks: list[CheckFinding]


@request(0x070D, reply=DoctorReport, permission="health.read")
class RunDoctor(Message, frozen=True, kw_only=True, gc=False):
    """Look for the usual faults, as `cryptobot doctor` does; changes nothing. Takes a few seconds."""
