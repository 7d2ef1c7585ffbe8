"""What a service waits for before it is started."""

from collections.abc import Mapping

from . import states
from .unit import Unit


def blocker(unit: Unit, units: Mapping[str, Unit]) -> str:
    """Why the service has to wait now, as a sentence; empty when it need not."""
    for name in unit.manifest.requires:
        other = units[name]
        if not other.ready:
            tail = f", which is {other.state}" if other.state != states.STARTING else ""
            detail = f": {other.reason}" if tail and other.reason else ""
            return f"waits for {name}{tail}{detail}"
    for name in (*unit.manifest.wants, *unit.manifest.after):
        wanted = units.get(name)
        if wanted is not None and wanted.wanted and wanted.state == states.STARTING and not wanted.ready:
            return f"waits for {name}"
    return ""


def waits_for_nothing(unit: Unit) -> bool:
    """It starts with the platform, before and without any other."""
    one = unit.manifest
    needs = one.requires or one.wants or one.after or one.before_start
    return one.enabled and not unit.user_stopped and not needs
