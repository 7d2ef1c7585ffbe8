"""Owner: the supervisor and the frame of every service. Numbers 0x04xx."""

from .base import Delivery, Done, Message, message, request


@message(0x0401, delivery=Delivery.EVENT)
class ServiceState(Message, frozen=True, kw_only=True, gc=False):
    """A service changed its state (docs/states.md), or the supervisor states it again after a gap.

    `since_ns` is wall-clock time of the last change; `pid` is 0 when there is no process.
    """

    name: str
    title: str
    state: str
    ready: bool
    pid: int
    since_ns: int
    restarts: int
    reason: str
    health: str


@message(0x0402)
class ServiceStats(Message, frozen=True, kw_only=True, gc=False):
    """What one service uses now; `pss_bytes` is memory with shared pages split among those who share them.

    `disk_bytes` are its files in the home: logs, database, outbox. The supervisor itself is `supervisor`.
    What is costly to find out (pss_bytes, open_files, disk_bytes) is up to a minute old; 0 is not known.
    """

    name: str
    pid: int
    cpu_percent: float
    rss_bytes: int
    threads: int
    open_files: int
    uptime_s: float
    pss_bytes: int = 0
    disk_bytes: int = 0


@message(0x0403)
class Heartbeat(Message, frozen=True, kw_only=True, gc=False):
    """Sent once a second by every service. `progress` counts finished turns of its main loop."""

    name: str
    pid: int
    progress: int
    loop_lag_ms: float


@message(0x0404, delivery=Delivery.EVENT)
class Alert(Message, frozen=True, kw_only=True, gc=False):
    """Something a person should know. The same `key` is the same fault; `recovered` ends it.

    Args:
        severity: info, warning, error or critical.
    """

    key: str
    severity: str
    source: str
    title: str
    detail: str
    recovered: bool = False


@message(0x0405)
class LogLine(Message, frozen=True, kw_only=True, gc=False):
    """One line of a service's log, warning and above."""

    service: str
    level: str
    event: str
    ts_ns: int
    fields: dict[str, str]


@message(0x0406, delivery=Delivery.EVENT)
class Audit(Message, frozen=True, kw_only=True, gc=False):
    """A person or a program did something that matters. `kind` is login, trading, config, system or user."""

    kind: str
    actor: str
    action: str
    subject: str
    detail: str
    ok: bool


@message(0x0410, delivery=Delivery.REPLY)
class SupervisorStatus(Message, frozen=True, kw_only=True, gc=False):
    """The supervisor and all services, as `cryptobot status --json` shows them."""

    pid: int
    state: str
    uptime_s: float
    version: str
    services: list["ServiceStatus"]


@message(0x0411, delivery=Delivery.REPLY)
class ServiceStatus(Message, frozen=True, kw_only=True, gc=False):
    """One service. `requires` lets a screen draw the graph.

    Args:
        secrets: names (or patterns such as notify.*) of the secrets that it is handed.
        memory_limit_bytes: it is restarted above this resident size; 0 is no limit.
    """

    name: str
    title: str
    state: str
    ready: bool
    pid: int
    uptime_s: float
    restarts: int
    cpu_percent: float
    rss_bytes: int
    health: str
    reason: str
    requires: list[str]
    pss_bytes: int = 0
    threads: int = 0
    open_files: int = 0
    disk_bytes: int = 0
    secrets: list[str] = []
    memory_limit_bytes: int = 0


@request(0x0412, reply=SupervisorStatus, permission="service.read")
class GetStatus(Message, frozen=True, kw_only=True, gc=False):
    """Ask the supervisor for the state of everything."""


@request(0x0413, reply=Done, permission="service.control")
class ControlService(Message, frozen=True, kw_only=True, gc=False):
    """Ask the supervisor to start, stop or restart one service. Answered when the request is taken."""

    action: str
    service: str
    actor: str


@message(0x0415, delivery=Delivery.REPLY)
class ServiceFacts(Message, frozen=True, kw_only=True, gc=False):
    """Where one service is found and what it answers, as it told when it became ready; and its manifest.

    Args:
        kind: built-in or add-on.
        endpoint: where it takes requests; empty when it takes none or is not ready.
        epoch: another one after each start; 0 before the first.
        schemas: the requests that it answers, with the numbers of their schemas.
    """

    name: str
    title: str
    kind: str
    state: str
    ready: bool
    endpoint: str
    epoch: int
    schemas: list[str]
    requires: list[str]
    wants: list[str]
    group: str
    instances: int


@message(0x0416, delivery=Delivery.REPLY)
class Discovered(Message, frozen=True, kw_only=True, gc=False):
    """The services that were asked for, in the order of the registry."""

    services: list[ServiceFacts]


@request(0x0417, reply=Discovered, permission="service.read")
class Discover(Message, frozen=True, kw_only=True, gc=False):
    """Ask the supervisor where services are found. An empty `service` asks for all.

    Services are added on the supervisor's own socket alone, where the kernel proves who asks: a manifest
    names a program to run.
    """

    service: str = ""


@request(0x0414, reply=Done, permission="")
class Ping(Message, frozen=True, kw_only=True, gc=False):
    """Answered by every service from its main loop."""
