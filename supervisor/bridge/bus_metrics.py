"""The bus's counters as metrics, from the broker's last report, behind those of the services."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..context import Context
from ..watch.metrics import prometheus

if TYPE_CHECKING:
    from ...bus.contracts.bus import BusReport

_OWN = (
    ("uptime_s", "cryptobot_bus_uptime_seconds", "gauge", "Seconds since the broker was started."),
    ("messages", "cryptobot_bus_messages_total", "counter", "Messages that passed the broker."),
    ("bytes", "cryptobot_bus_bytes_total", "counter", "Bytes that passed the broker."),
    ("journal_bytes", "cryptobot_bus_journal_bytes", "gauge", "Size of the journal."),
    ("journal_lost", "cryptobot_bus_journal_lost_total", "counter", "Messages that were not journalled."),
    ("journal_paused", "cryptobot_bus_journal_paused", "gauge", "1 while the journal is not written."),
)
_CLIENT = "cryptobot_bus_client_messages_total"
_REFUSED = "cryptobot_bus_refused_total"
_TOPIC = "cryptobot_bus_topic_messages_total"


def scraped(supervisor: Context) -> str:
    """All metrics of the platform; those of the bus once its broker has reported."""
    report = supervisor.bus_report
    return prometheus(supervisor.status()) + (bus_metrics(report) if report is not None else "")


def bus_metrics(report: BusReport) -> str:
    """A broker's report in the text format of Prometheus."""
    lines = []
    for field, name, kind, help_text in _OWN:
        lines += [*_head(name, kind, help_text), f"{name} {float(getattr(report, field)):.16g}"]
    lines += _head(_TOPIC, "counter", "Messages on the busiest topics.")
    lines += [f"{_TOPIC}{{topic={_quoted(topic)}}} {number}" for topic, number in report.topics.items()]
    help_text = "What a client counts: lost (gaps), dropped (its queue was full), late, malformed, ..."
    lines += _head(_CLIENT, "counter", help_text)
    for client, told in report.clients.items():
        lines += [
            f"{_CLIENT}{{client={_quoted(client)},kind={_quoted(kind)}}} {number}"
            for kind, number in told.items()
        ]
    lines += _head(_REFUSED, "counter", "Messages and subscriptions that the rules forbade to a client.")
    lines += [f"{_REFUSED}{{client={_quoted(name)}}} {number}" for name, number in report.refused.items()]
    return "\n".join(lines) + "\n"


def _head(name: str, kind: str, help_text: str) -> list[str]:
    return [f"# HELP {name} {help_text}", f"# TYPE {name} {kind}"]


def _quoted(label: str) -> str:
    """A label's value: peers choose topics and names."""
    escaped = label.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'"{escaped}"'
