"""What `cryptobot top` shows: services, open alerts and the newest warnings, and how they are set."""

from datetime import UTC, datetime
from typing import Any

from .cockpit import LOG, Cockpit
from .logview import Line
from .output import Column, cell_text, duration, plain_table, rich_table, size
from .styles import level_colour, state_style

_HEALTH = {"ok": "green", "starting": "yellow", "degraded": "yellow", "failed": "bold red", "off": "dim"}
_NOT_SHOWN = frozenset({"ts", "level", "event", "service", "logger", "exception", "trace"})
_REASON_LENGTH = 36
# Lines that are always there: titles, the table's frame, one alert and one warning, the last line.
_FRAME = 11
_WIDE, _WIDE_ONLY = 80, frozenset({"pid", "restarts"})

COLUMNS = (
    Column("service"),
    Column("state", style=state_style),
    Column("pid", right=True),
    Column("up", right=True),
    Column("restarts", right=True),
    Column("CPU", right=True),
    Column("memory", right=True),
    Column("health", style=lambda text: _HEALTH.get(text.partition(":")[0], "")),
)


class Board:
    """The platform as last heard. Changes come at once with `take`, figures with `measure`."""

    def __init__(self) -> None:
        self.supervisor: dict[str, Any] = {}
        self.services: dict[str, dict[str, Any]] = {}
        self.alerts: dict[str, dict[str, Any]] = {}
        self.warnings: list[tuple[str, Line]] = []
        self.cockpit = Cockpit()
        self.rates = ""
        self.log: list[Line] = []

    def take(self, event: dict[str, Any]) -> None:
        """One object of ControlClient.events()."""
        kind = event["kind"]
        if kind == "snapshot":
            self.services = {service["name"]: service for service in event["services"]}
            self.alerts = {alert["key"]: alert for alert in event["alerts"]}
        elif kind == "state":
            self._changed(event)
        elif kind == "alert":
            self.alerts.pop(event["key"], None)
            if not event["recovered"]:
                self.alerts[event["key"]] = event

    def _changed(self, event: dict[str, Any]) -> None:
        service = self.services.setdefault(
            event["name"], {"name": event["name"], "uptime_s": 0.0, "cpu_percent": 0.0, "rss_bytes": 0}
        )
        if service.get("pid") != event["pid"]:
            service.update(uptime_s=0.0, cpu_percent=0.0, rss_bytes=0)
        names = ("title", "state", "ready", "pid", "restarts", "reason", "health")
        service.update({name: event[name] for name in names})

    def measure(self, status: dict[str, Any]) -> None:
        """A whole status; services that are gone go."""
        self.supervisor = status["supervisor"]
        self.services = {service["name"]: service for service in status["services"]}

    def as_json(self) -> dict[str, Any]:
        """For programs: supervisor, services, alerts, warnings."""
        return {
            "supervisor": self.supervisor,
            "services": list(self.services.values()),
            "alerts": list(self.alerts.values()),
            "warnings": [
                {**line.fields, "service": line.fields.get("service", service)}
                for service, line in self.warnings
            ],
        }

    def title(self) -> str:
        """One line about the whole."""
        ready = sum(bool(service.get("ready")) for service in self.services.values())
        cpu = sum(service["cpu_percent"] for service in self.services.values())
        memory = size(sum(service["rss_bytes"] for service in self.services.values()))
        supervisor = self.supervisor
        return (
            f"CryptoBot {supervisor['state'].lower()}, pid {supervisor['pid']}, "
            f"up {duration(supervisor['uptime_s'])}; {ready} of {len(self.services)} ready, "
            f"CPU {cpu:.1f} %, memory {memory}"
        )

    def plain(self) -> str:
        """For a pipe: the title, a table, then alerts and warnings a line each."""
        alerts = [f"ALERT {_alert(alert)}" for alert in self.alerts.values()]
        warnings = [f"LOG {_warning(service, line)}" for service, line in self.warnings]
        return "\n".join([self.title(), plain_table(COLUMNS, self._rows()) + "\n".join([*alerts, *warnings])])

    def rich(self, width: int, height: int) -> Any:
        """For a terminal of so many columns and lines; what does not fit is counted."""
        from rich.console import Group

        self.cockpit.settle(list(self.services))
        head = [_line(self.title(), "bold"), *([_line(self.rates, "dim")] if self.rates else [])]
        body = self._log_view(height) if self.cockpit.view == LOG else self._overview(width, height)
        asking = "bold yellow" if self.cockpit.asking else "dim"
        return Group(*head, *body, _line(self.cockpit.footer(), asking))

    def _overview(self, width: int, height: int) -> list[Any]:
        from rich.text import Text

        room = max(4, height - _FRAME - bool(self.rates))
        names = list(self.services)
        # The chosen one stays on the screen, however many there are.
        first = max(0, names.index(self.cockpit.chosen) - room + 1) if self.cockpit.chosen else 0
        rows = self._rows()
        shown = rows[first : first + room]
        parts: list[Any] = [_table(shown, width, self.cockpit.chosen)]
        if len(rows) > len(shown):
            parts.append(Text(f"and {len(rows) - len(shown)} services more", style="dim"))
        room = max(2, room - len(shown))
        parts.append(Text(f"Alerts ({len(self.alerts)})", style="bold" if self.alerts else "dim"))
        alerts = list(self.alerts.values())[-max(1, room // 2) :]
        parts.extend(_line(_alert(alert), level_colour(alert["severity"])) for alert in alerts)
        parts.append(Text("Newest warnings in the logs", style="bold" if self.warnings else "dim"))
        parts.extend(
            _line(_warning(service, line), level_colour(line.level))
            for service, line in self.warnings[-max(1, room - len(alerts)) :]
        )
        return parts

    def _log_view(self, height: int) -> list[Any]:
        name = self.cockpit.chosen
        parts = [_line(f"Log of {name}, the newest lines", "bold")]
        lines = self.log[-max(1, height - 5) :]
        parts.extend(_line(_warning(name, line), level_colour(line.level)) for line in lines)
        return parts if lines else [*parts, _line("It has written nothing yet.", "dim")]

    def _rows(self) -> list[list[str]]:
        return [_row(service) for service in self.services.values()]


def _table(rows: list[list[str]], width: int, chosen: str) -> Any:
    """A line a service, whatever the width: a narrow terminal goes without some columns."""
    kept = [index for index, column in enumerate(COLUMNS) if width >= _WIDE or column.title not in _WIDE_ONLY]
    table = rich_table([COLUMNS[index] for index in kept], [[row[index] for index in kept] for row in rows])
    for row, cells in zip(table.rows, rows, strict=True):
        row.style = "reverse" if cells[0] == chosen else None
    for column in table.columns:
        column.no_wrap, column.overflow = True, "ellipsis"
    return table


def _row(service: dict[str, Any]) -> list[str]:
    alive = service["pid"] > 0
    reason = service["reason"]
    if len(reason) > _REASON_LENGTH:
        reason = reason[: _REASON_LENGTH - 1] + "…"
    cells = [
        service["name"],
        service["state"],
        service["pid"] if alive else None,
        duration(service["uptime_s"]) if alive else None,
        service["restarts"],
        f"{service['cpu_percent']:.1f} %" if alive else None,
        size(service["rss_bytes"]) if alive else None,
        f"{service['health']}: {reason}" if reason else service["health"],
    ]
    return [cell_text(cell) for cell in cells]


def _alert(alert: dict[str, Any]) -> str:
    return f"{alert['severity']:<8} {alert['source']}: {alert['title']} ({alert['detail']})"


def _warning(service: str, line: Line) -> str:
    moment = line.moment
    clock = datetime.fromtimestamp(moment, UTC).strftime("%H:%M:%S") if moment else "-"
    pairs = " ".join(f"{key}={value}" for key, value in line.fields.items() if key not in _NOT_SHOWN)
    event = line.fields.get("event", "") if line.fields else line.text
    text = f"{clock} {line.level:<8} {service:<10} {event}  {pairs}"
    return text.rstrip().replace("\n", " ")


def _line(text: str, colour: str | None) -> Any:
    from rich.text import Text

    return Text(text, style=(colour or "").replace("bright_", "bold "), no_wrap=True, overflow="ellipsis")
