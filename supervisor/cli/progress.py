"""The display of services becoming ready, fed by the daemon's events."""

import contextlib
import queue
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

from ...configs.errors import CryptoBotError
from ...configs.paths import Home
from ..control.client import ControlClient
from .logview import Filter, last_lines
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
        """Learn from one event; returns the name of the service that it is about, `*` for all."""
        if event["kind"] == "snapshot":
            for service in event["services"]:
                self._learn(service)
            return "*"
        if event["kind"] == "state":
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
        return bool(self.services) and not self.waiting

    @property
    def failed(self) -> list[dict[str, Any]]:
        return [one for one in self.services.values() if one["state"] == "FATAL"]

    @property
    def waiting(self) -> list[dict[str, Any]]:
        """Services that should run and are not ready."""
        return [one for one in self.services.values() if one["state"] != "STOPPED" and not one["ready"]]


def show(client: ControlClient, progress: Progress, *, timeout_s: float) -> None:
    """Show the start until all services are ready, one has failed for good, or time is up."""
    display = _Live(progress) if sys.stderr.isatty() else _Lines(progress)
    with display:
        for event in _events(client, time.monotonic() + timeout_s):
            display.changed(progress.take(event))
            if progress.settled or progress.failed:
                return


def _events(client: ControlClient, deadline: float) -> Iterator[dict[str, Any]]:
    """The daemon's events until the deadline, or until it is gone."""
    arrived: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()

    def read() -> None:
        with contextlib.suppress(CryptoBotError, OSError):
            for event in client.events():
                arrived.put(event)
        arrived.put(None)

    threading.Thread(target=read, name="events", daemon=True).start()
    while True:
        try:
            event = arrived.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            return
        if event is None:
            return
        yield event


def why_not_ready(home: Home, progress: Progress) -> str:
    """Who is not ready, and what each said last: `strategy BACKOFF: ended with exit code 1 (…)`."""
    causes = [one for one in progress.waiting if not str(one["reason"]).startswith("waits for")]
    told = [f"{one['name']} {one['state']}: {_reason(home, one)}" for one in causes or progress.waiting]
    return "; ".join(told) or "the supervisor ended"


def _reason(home: Home, service: dict[str, Any]) -> str:
    reason = str(service["reason"]).rstrip(".") or "not ready in time"
    lines = last_lines(home.logs, [service["name"]], Filter(), 1)
    said = " ".join(line.text if not line.fields else _said(line.fields) for line in lines).rstrip(".")
    return reason if not said or said in reason or reason in said else f"{reason} (its log ends with: {said})"


def _said(fields: dict[str, Any]) -> str:
    return " ".join(str(fields[name]) for name in ("event", "reason") if fields.get(name))


class _Lines:
    """One line a change, for logs and pipes."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def __enter__(self) -> "_Lines":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def changed(self, name: str | None) -> None:
        if name == "*":
            for one in self._progress.ready_after:
                self.changed(one)
            return
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
