"""What is checked before a process is started."""

from collections.abc import Iterable

from ...configs import firstrun, snapshot
from ...configs.errors import SettingsError
from ...configs.load import load
from ...configs.paths import Home
from ...configs.schema import Settings
from ..catalogue.registry import Manifest
from ..catalogue.registry import load as load_manifests
from ..doctor.running import refuse_taken_port
from . import daemon


def prepare(home: Home, overrides: tuple[str, ...], *, wizard: bool = False) -> Settings:
    """Check everything that can be checked, and put the settings in force.

    Args:
        wizard: a new home waits until its person has said in the browser what shall trade.

    Raises:
        SettingsError: the home cannot be written, a setting is wrong, or a port is taken.
        UsageError: a daemon runs already; its pid is named.
    """
    daemon.refuse_second(home)
    home.create()
    settings = load(home, overrides).settings
    manifests = load_manifests(home, settings)
    refuse_missing(manifests)
    here = {manifest.name for manifest in manifests if manifest.enabled}
    if not daemon.orphans(home):  # which hold their ports, and are adopted with them
        if "dashboard" in here:
            refuse_taken_port("dashboard.port", settings.dashboard.host, settings.dashboard.port)
        if "paper" in here:
            refuse_taken_port("paper.port", "127.0.0.1", settings.paper.port)
    if wizard and {"auth", "dashboard"} <= here:
        firstrun.begin(home)
    note_edits(home)
    snapshot.write(home, settings)
    return settings


def refuse_missing(manifests: Iterable[Manifest]) -> None:
    """Raises SettingsError when an enabled service requires a disabled one: it would wait for ever."""
    found = list(manifests)
    disabled = {manifest.name for manifest in found if not manifest.enabled}
    for manifest in found:
        missing = [name for name in manifest.requires if name in disabled]
        if manifest.enabled and missing:
            raise SettingsError(
                f"services.{missing[0]}.enabled is false, but {manifest.name} requires {missing[0]}; "
                f"enable {missing[0]}, or disable {manifest.name}, too (services.{manifest.name}.enabled)."
            )


def note_edits(home: Home) -> None:
    """A change that was made to config.yaml with an editor becomes a revision of its history."""
    if home.config_file.exists():
        from ...configs import history

        with history.locked(home):
            history.record_outside_edit(home)
