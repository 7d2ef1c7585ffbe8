"""What the operations need of the whole supervisor: an interface at the bottom, nothing imports upwards."""

from typing import TYPE_CHECKING, Any, Protocol

from ..configs.paths import Home
from ..configs.schema import Settings
from .catalogue.registry import Manifest
from .groups import Groups, Rolling
from .lifecycle import Lifecycle
from .loop import Loop
from .output.journal import Journal
from .unit import Acted, Raised

if TYPE_CHECKING:
    from ..bus.contracts.bus import BusReport


class Context(Protocol):
    """The running supervisor, as those see it who act on its behalf."""

    home: Home
    settings: Settings
    overrides: tuple[str, ...]
    journal: Journal
    loop: Loop
    lifecycle: Lifecycle
    groups: Groups
    rollings: list[Rolling]
    open_alerts: dict[str, Raised]
    bus_report: "BusReport | None"

    def manifests(self, settings: Settings) -> list[Manifest]:
        """The services as these settings have them."""

    def acted(self, act: Acted) -> None:
        """For the audit log."""

    def raised(self, alert: Raised) -> None:
        """Tell people."""

    def status(self) -> dict[str, Any]:
        """Everything, from memory."""

    def shut_down(self, why: str) -> None:
        """Stop everything in order, then end."""

    def settings_changed(self) -> None:
        """Settings or manifests are others: follow what is not a service's."""

    def remember_stopped(self) -> None:
        """Keep across restarts what a person stopped."""
