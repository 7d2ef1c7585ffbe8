"""How the demo ends: by Ctrl-C, SIGTERM, a closed terminal, or when its time is up."""

import signal
from types import FrameType

from ..output import note


class Ended(BaseException):
    """A person or the system wants the demo to end. A BaseException, so that nothing swallows it."""


class Signals:
    """Turns the first signal into `Ended`; later ones only say that the end is under way."""

    def __init__(self) -> None:
        self.name = ""

    def install(self) -> None:
        """Take the signals over; called once, on the main thread."""
        for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
            number = getattr(signal, name, None)
            if number is not None:
                signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.name:
            note("Stopping already; one moment.")
            return
        self.disarm(signal.Signals(number).name)
        raise Ended

    def disarm(self, name: str = "end") -> None:
        """From now on no signal interrupts: everything is being put in order."""
        self.name = self.name or name
