"""What services say about themselves: ready, alive, stopping, and why."""

import time

from . import states
from .lifecycle import Lifecycle
from .unit import Unit

_FACTS = frozenset({"X_ENDPOINT", "X_EPOCH", "X_SCHEMAS"})


class Reports:
    """Turns datagrams of sd_notify(3) into changes of the lifecycle."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        self._lifecycle = lifecycle

    def take(self, pid: int, fields: dict[str, str]) -> None:
        """One datagram, from the process that the kernel names."""
        unit = self._lifecycle.processes.owner(pid)
        if unit is None:
            return
        if "STATUS" in fields:
            unit.status_text = fields["STATUS"]
        if "X_ENDPOINT" in fields or "X_SCHEMAS" in fields:
            unit.facts = {key: value for key, value in fields.items() if key in _FACTS}
        if fields.get("STOPPING") == "1":
            unit.said_stopping = True
        if fields.get("WATCHDOG") == "1":
            self._beat(unit, fields.get("X_PROGRESS", ""), fields.get("X_ILL", ""))
        if fields.get("READY") == "1":
            self._lifecycle.ready(unit)

    def _beat(self, unit: Unit, progress: str, ill: str) -> None:
        # Beats without progress come from a thread of a process whose main loop hangs.
        if progress and progress == unit.progress:
            return
        unit.progress = progress
        unit.beat_at = time.monotonic()
        if ill:
            self._lifecycle.degrade(unit, ill)
        elif unit.state == states.DEGRADED:
            self._lifecycle.recover(unit)
        elif unit.state == states.STARTING and (unit.adopted or unit.manifest.target):
            self._lifecycle.ready(
                unit
            )  # our services beat when they are ready: READY=1 came while nobody listened
