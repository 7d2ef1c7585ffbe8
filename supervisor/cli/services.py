"""Names of services, as the settings in force have them."""

from ...configs import snapshot
from ...configs.errors import NotRunningError, UsageError
from ...configs.paths import Home
from ...configs.schema import Settings
from ..catalogue.registry import Manifest, load
from .group import nearest


def settings_of(home: Home) -> Settings:
    """The settings in force; the defaults when this home was never started."""
    try:
        return snapshot.read(home)
    except NotRunningError:
        return Settings()


def manifests(home: Home) -> list[Manifest]:
    """The manifests of all services of a home."""
    return load(home, settings_of(home))


def known_services(home: Home) -> list[str]:
    return [manifest.name for manifest in manifests(home)]


def check_service(home: Home, name: str) -> None:
    """Raises UsageError with the nearest name when there is no such service."""
    known = known_services(home)
    if name not in known:
        raise UsageError(
            f"There is no service `{name}`.{nearest(name, known)} There are: {', '.join(known)}."
        )
