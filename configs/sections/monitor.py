"""Settings of the monitor: how long history is kept, and when it raises an alert."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from .base import Section, setting

Metric = Literal[
    "cpu_percent",
    "rss_bytes",
    "pss_bytes",
    "threads",
    "open_files",
    "disk_bytes",
    "loop_lag_ms",
    "silent_s",
    "restarts_per_hour",
]


class AlertRule(Section, frozen=True, kw_only=True):
    """One rule: a measured value above a threshold for so long is an alert; below it for as long ends it."""

    metric: Annotated[Metric, setting("What is measured; silent_s is the time since the last heartbeat.")]
    above: Annotated[float, setting("The threshold.")]
    for_s: Annotated[
        float, setting("The value must be above for so long, and below again for so long.", unit="s", ge=0)
    ] = 60.0
    service: Annotated[str, setting("Of which service; * is each one by itself.", max_length=40)] = "*"
    severity: Annotated[Literal["info", "warning", "error", "critical"], setting("How bad that is.")] = (
        "warning"
    )
    enabled: Annotated[bool, setting("Use this rule.")] = True


def _default_rules() -> dict[str, AlertRule]:
    return {
        "busy": AlertRule(metric="cpu_percent", above=90.0, for_s=300.0),
        "slow-loop": AlertRule(metric="loop_lag_ms", above=1000.0, for_s=30.0),
        "many-files": AlertRule(metric="open_files", above=900.0, for_s=60.0),
        "restarts": AlertRule(metric="restarts_per_hour", above=5.0, for_s=0.0, severity="error"),
    }


class MonitorSettings(Section, frozen=True, kw_only=True):
    """History of health and resources, and alert rules."""

    keep_seconds_s: Annotated[
        float, setting("How long each sample is kept.", unit="s", ge=300, le=86_400)
    ] = 3600.0
    keep_minutes_s: Annotated[float, setting("How long one value a minute is kept.", unit="s", ge=3600)] = (
        7 * 86_400.0
    )
    keep_hours_s: Annotated[float, setting("How long one value an hour is kept.", unit="s", ge=86_400)] = (
        366 * 86_400.0
    )
    keep_alerts_s: Annotated[
        float, setting("How long ended alerts and changes of state are kept.", unit="s", ge=86_400)
    ] = 366 * 86_400.0
    write_interval_s: Annotated[
        float, setting("Samples are written together, so often.", unit="s", ge=0.2, le=60)
    ] = 5.0
    rules: Annotated[
        dict[Annotated[str, Meta(max_length=40)], AlertRule],
        setting("Name of the rule: when it raises an alert.", merges=True),
    ] = msgspec.field(default_factory=_default_rules)
