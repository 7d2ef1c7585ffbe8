"""cryptobot alerts"""

import click

from ....bus.contracts.base import Done
from ....bus.contracts.monitor import AcknowledgeAlert, AlertEntry, AlertLog, ListAlerts
from .. import ccxt_names
from ..ask import ask
from ..call import Call, json_option, pass_call
from ..durations import moment
from ..group import Command
from ..output import Column, note, print_json, print_table
from ..styles import severity_style

SEVERITIES = ("info", "warning", "error", "critical")
COLUMNS = (
    Column("id", right=True),
    Column("since"),
    Column("severity", style=severity_style),
    Column("times", right=True),
    Column("state"),
    Column("what"),
)


@click.command(cls=Command)
@click.option("--all", "everything", is_flag=True, help="Those that are over as well.")
@click.option("--severity", type=click.Choice(SEVERITIES), default=None, help="This one and worse.")
@click.option("--since", type=moment, metavar="TIME", help="Only from then on: 5m, 2h, 1d ago, or a time.")
@click.option("--limit", type=click.IntRange(1, 5000), default=200, show_default=True, help="Newest ones.")
@click.option("--ack", type=int, metavar="ID", help="Say that you know of this alert; 0 is every open one.")
@click.option("--note", "text", default="", help="With --ack: what you do about it.")
@json_option
@pass_call
def command(
    call: Call,
    everything: bool,
    severity: str | None,
    since: float | None,
    limit: int,
    ack: int | None,
    text: str,
    as_json: bool,
) -> None:
    """List what somebody should know: open alerts, newest first.

    The same fault told again is one alert with a count. With --json a list of objects: id, key, severity,
    source, title, detail, raised_ms, last_ms, count, recovered_ms, acknowledged_ms, acknowledged_by, note.
    """
    if ack is not None:
        note(ask(call, "monitor", AcknowledgeAlert(id=ack, actor="cli", note=text), Done).message + ".")
        return
    wish = ListAlerts(
        open_only=not everything, severity=severity or "", since_ms=int((since or 0) * 1000), limit=limit
    )
    found = ask(call, "monitor", wish, AlertLog)
    if not found.stored:
        note("The monitor's database is away: these are the alerts that it holds in memory.")
    if as_json:
        print_json(found.alerts)
        return
    print_table(COLUMNS, [row(one) for one in found.alerts], empty="There is no such alert.")


def row(alert: AlertEntry) -> list[object]:
    return [
        alert.id,
        ccxt_names.iso(alert.raised_ms)[:19].replace("T", " "),
        alert.severity,
        alert.count,
        _state(alert),
        f"{alert.title}: {alert.detail}" if alert.detail else alert.title,
    ]


def _state(alert: AlertEntry) -> str:
    if alert.recovered_ms:
        return f"over after {(alert.recovered_ms - alert.raised_ms) / 1000:.0f} s"
    if alert.acknowledged_ms:
        return f"known to {alert.acknowledged_by}"
    return "open"
