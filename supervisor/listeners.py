"""Whom the lifecycle tells of changes, and whom it asks."""

from collections.abc import Callable
from typing import Protocol

from .unit import Raised, Unit


class Listener(Protocol):
    """Who hears of changes. Called on the loop's thread, in order."""

    def state_changed(self, unit: Unit, before: str) -> None: ...
    def spawned(self, unit: Unit) -> None: ...
    def raised(self, alert: Raised) -> None: ...
    def note(self, event: str, **fields: object) -> None: ...


class Prober(Protocol):
    """Finds out that a service is ready when it does not say so itself."""

    def watch(self, unit: Unit, ready: Callable[[], None]) -> None: ...
