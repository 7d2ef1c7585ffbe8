"""The display of services becoming ready, fed by the daemon's events."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any

from .output import note

_MARKS = {
    "RUNNING": "[green]✔[/]",
    "FATAL": "[bold red]✘[/]",
    "BACKOFF": "[yellow]↻[/]",
    "STOPPED": "[dim]·[/]",
}


class Progress:
    """The state of each service: `settled` when all are ready, `failed` names those that cannot be."""

    def __init__(self) -> None:
        self.services: dict[str, dict[str, Any]] = {}
        self.began = time.monotonic()
        self.ready_after: dict[str, float] = {}

    def take(self, event: dict[str, Any]) -> str | None:
        """Learn from one event; returns the name of the service that it is about."""
        if event["kind"] == "snapshot":
            for service in event["services"]:
                self._learn(service)
        elif event["kind"] == "state":
            self._learn(event)
            return str(event["name"])
        return None

    def _learn(self, service: dict[str, Any]) -> None:
        name = service["name"]
        self.services[name] = service
        if service["ready"]:
            self.ready_after.setdefault(name, time.monotonic() - self.began)

    @property
    def settled(self) -> bool:
        return bool(self.services) and all(one["ready"] for one in self._wanted())

    @property
    def failed(self) -> list[dict[str, Any]]:
        return [one for one in self.services.values() if one["state"] == "FATAL"]

    def _wanted(self) -> list[dict[str, Any]]:
        return [one for one in self.services.values() if one["state"] != "STOPPED" or one["pid"]]


def show(events: Iterable[dict[str, Any]], progress: Progress) -> None:
    """Show the start until all services are ready or one has failed for good."""
    display = _Live(progress) if sys.stderr.isatty() else _Lines(progress)
    with display:
        for event in _until_settled(events, progress):
            display.changed(event)


def _until_settled(events: Iterable[dict[str, Any]], progress: Progress) -> Iterator[str | None]:
    for event in events:
        name = progress.take(event)
        yield name
        if progress.settled or progress.failed:
            return


class _Lines:
    """One line a change, for logs and pipes."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def __enter__(self) -> "_Lines":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def changed(self, name: str | None) -> None:
        if name is None:
            return
        service = self._progress.services[name]
        if service["ready"]:
            note(f"{name:<10} ready after {self._progress.ready_after[name]:.1f} s")
        elif service["state"] in {"BACKOFF", "FATAL", "DEGRADED"}:
            note(f"{name:<10} {service['state']}: {service['reason']}")


class _Live:
    """A table that is redrawn in place; a spinner turns beside what is under way."""

    def __init__(self, progress: Progress) -> None:
        from rich.console import Console
        from rich.live import Live

        self._progress = progress
        self._live = Live(self._table(), console=Console(stderr=True), refresh_per_second=12)

    def __enter__(self) -> "_Live":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.update(self._table(), refresh=True)
        self._live.stop()

    def changed(self, name: str | None) -> None:
        self._live.update(self._table())

    def _table(self) -> Any:
        from rich.spinner import Spinner
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2))
        for name, service in self._progress.services.items():
            state = service["state"]
            mark: Any = Text.from_markup(_MARKS[state]) if state in _MARKS else Spinner("dots", style="cyan")
            after = self._progress.ready_after.get(name)
            told = f"{after:.1f} s" if after is not None else (service["reason"] or state.lower())
            table.add_row(mark, Text(service.get("title") or name), Text(told, style="dim"))
        return table
