"""Metrics in the text format of Prometheus (version 0.0.4)."""

from typing import Any

from .states import STATES

_FIELDS = (
    ("cpu_percent", "cryptobot_service_cpu_percent", "gauge", "CPU use, percent of one core."),
    ("rss_bytes", "cryptobot_service_resident_bytes", "gauge", "Resident memory."),
    ("uptime_s", "cryptobot_service_uptime_seconds", "gauge", "Seconds since the process was started."),
    (
        "restarts",
        "cryptobot_service_restarts_total",
        "counter",
        "Restarts since the supervisor knows the service.",
    ),
)


def prometheus(status: dict[str, Any]) -> str:
    """The status of everything as metrics, one sample a service."""
    services = status["services"]
    lines = [
        "# HELP cryptobot_supervisor_uptime_seconds Seconds since the supervisor was started.",
        "# TYPE cryptobot_supervisor_uptime_seconds gauge",
        f"cryptobot_supervisor_uptime_seconds {status['supervisor']['uptime_s']}",
    ]
    for field, name, kind, help_text in _FIELDS:
        lines += [f"# HELP {name} {help_text}", f"# TYPE {name} {kind}"]
        lines += [f'{name}{{service="{service["name"]}"}} {service[field]}' for service in services]
    name = "cryptobot_service_state"
    lines += [f"# HELP {name} 1 for the state the service is in.", f"# TYPE {name} gauge"]
    for service in services:
        for state in STATES:
            value = int(service["state"] == state)
            lines.append(f'{name}{{service="{service["name"]}",state="{state}"}} {value}')
    return "\n".join(lines) + "\n"
