"""What follows the settings and the clock: scheduled restarts, watched code, served metrics.

Each part is imported when a home first needs it, so that the others do not pay for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .context import Context
from .unit import Raised

if TYPE_CHECKING:
    from .catalogue.schedule import Clockwork
    from .watch.metrics import MetricsServer
    from .watch.watching import CodeWatch

_METRICS_ALERT = "supervisor.metrics"


class Followers:
    """Built with the supervisor; all is called on the loop's thread."""

    def __init__(self, supervisor: Context) -> None:
        self._supervisor = supervisor
        self._clockwork: Clockwork | None = None
        self._code: CodeWatch | None = None
        self._metrics: MetricsServer | None = None

    def settings_changed(self) -> None:
        """Settings or manifests are others."""
        self._serve_metrics(self._supervisor.settings.supervisor.metrics_port)
        self._watch_code()

    def tick(self) -> None:
        """Called every few seconds: restart what is due by the clock."""
        units = self._supervisor.lifecycle.units
        schedules = {
            name: unit.manifest.restart_at for name, unit in units.items() if unit.manifest.restart_at
        }
        if not schedules and self._clockwork is None:
            return
        from .catalogue.schedule import Clockwork

        self._clockwork = self._clockwork or Clockwork()
        skip = frozenset(name for name in schedules if not units[name].manifest.restart_if_missed)
        for name in self._clockwork.due_now(schedules, skip):
            if units[name].ready:
                self._supervisor.lifecycle.restart(name, f"scheduled restart ({schedules[name]})")
            else:
                state = units[name].state
                self._supervisor.journal.write(
                    "warning", "scheduled restart left out", name=name, state=state
                )

    def _watch_code(self) -> None:
        supervisor = self._supervisor
        manifests = [unit.manifest for unit in supervisor.lifecycle.units.values()]
        wanted = supervisor.settings.profile == "dev" or any(one.watch for one in manifests)
        if self._code is None and not wanted:
            return
        from .watch.watching import CodeWatch, watched

        self._code = self._code or CodeWatch(supervisor.lifecycle, supervisor.journal)
        self._code.watch(watched(supervisor.home, supervisor.settings, manifests))

    def _serve_metrics(self, port: int) -> None:
        if self._metrics is not None and self._metrics.port != port:
            self._metrics.close()
            self._metrics = None
        if not port or self._metrics is not None:
            return
        from .bridge.bus_metrics import scraped
        from .watch.metrics import MetricsServer

        supervisor = self._supervisor
        try:
            self._metrics = MetricsServer(supervisor.loop, port, lambda: scraped(supervisor))
        except OSError as error:
            self._tell_of_metrics("Metrics are not served", f"Port {port} on loopback: {error.strerror}.")
        else:
            if _METRICS_ALERT in supervisor.open_alerts:
                self._tell_of_metrics("Metrics are served", f"http://127.0.0.1:{port}/metrics", good=True)

    def _tell_of_metrics(self, title: str, detail: str, *, good: bool = False) -> None:
        self._supervisor.raised(
            Raised(
                key=_METRICS_ALERT,
                severity="warning",
                source="supervisor",
                title=title,
                detail=detail,
                recovered=good,
            )
        )

    def close(self) -> None:
        """The supervisor ends."""
        if self._code is not None:
            self._code.close()
        if self._metrics is not None:
            self._metrics.close()
