"""What is known of a service before it runs. The registry makes these, everything else reads them."""

from typing import Literal

import msgspec

from ...configs.schema import Role


class Readiness(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How it is known that a service is ready.

    `notify` waits for READY=1, `none` is ready when spawned, `tcp` when `port` accepts, `http` when `url`
    answers below 400, `command` when the command exits with 0, `ping` when it answers over the bus.

    As a `probe` it is repeated every `interval_s` while the service runs: `degraded_after` failures in a row
    make it DEGRADED, `failures` end it for its restart policy. No answer within `timeout_s` is a failure.
    """

    kind: Literal["notify", "none", "tcp", "http", "command", "ping"] = "notify"
    host: str = "127.0.0.1"
    port: int = 0
    url: str = ""
    command: tuple[str, ...] = ()
    interval_s: float = 0.5
    timeout_s: float = 2.0
    degraded_after: int = 1
    failures: int = 3


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a service may use, and what happens above that. Bytes, counts and percent of one core.

    `action` follows a value that was above its limit for `for_s` seconds. `cpu_max_percent` slows the service
    down instead, where the system can (cgroups, Job Objects); there memory (with action restart) and
    `processes` are held by the system as well, elsewhere all are looked at once a second.
    """

    memory_bytes: int | None = None
    cpu_percent: float | None = None
    cpu_max_percent: float | None = None
    open_files: int | None = None
    threads: int | None = None
    processes: int | None = None
    disk_bytes: int | None = None
    for_s: float = 0.0
    action: Literal["warn", "restart", "stop"] = "restart"
    rlimits: dict[str, int] = {}
    nice: int = 0
    cpus: tuple[int, ...] = ()


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that the supervisor knows about a service before it runs. Durations are seconds.

    A service has a `target` ("package.module:function", in our program) or a `command` (a list, no shell).
    Empty time-outs (None) take the supervisor's settings. `secrets` are names (or patterns such as
    `notify.*`) of the secrets that it is handed (configs/handover.py); it gets no others.
    """

    name: str
    title: str = ""
    target: str = ""
    command: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    readiness: Readiness = Readiness()
    probe: Readiness | None = None
    restart: Literal["always", "on-failure", "never"] = "always"
    backoff_initial_s: float | None = None
    backoff_max_s: float | None = None
    restart_limit: int | None = None
    restart_window_s: float | None = None
    stable_s: float = 1.0
    start_timeout_s: float | None = None
    stop_timeout_s: float | None = None
    stop_signal: str = "SIGTERM"
    heartbeat_timeout_s: float | None = None
    environment: dict[str, str] = {}
    directory: str = ""
    group: str = ""
    enabled: bool = True
    optional: bool = False
    instances: int = 1
    before_start: tuple[str, ...] = ()
    after_stop: tuple[str, ...] = ()
    restart_at: str = ""
    restart_if_missed: bool = True
    watch: tuple[str, ...] = ()
    limits: Limits = Limits()
    role: Role | Literal[""] = ""
    secrets: tuple[str, ...] = ()
    settings_digest: str = ""

    @property
    def label(self) -> str:
        """What people read."""
        return self.title or self.name

    @property
    def part(self) -> Role:
        """Its role; what names none is an add-on when it is optional, else it belongs to the market."""
        return self.role or ("add-on" if self.optional else "market")


class Group(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the death of one member means for the others, in the order of the members' start."""

    name: str
    strategy: Literal["one-for-one", "rest-for-one", "one-for-all"] = "one-for-one"
    limit: int = 10
    window_s: float = 60.0
