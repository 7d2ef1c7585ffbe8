"""The services of this machine, where a platform is spread over several."""

from collections.abc import Container, Mapping
from typing import TypeVar

import msgspec

from ...configs.errors import SettingsError
from ...configs.machines import places
from ...configs.sections.machines import MachinesSettings
from .order import Node, nearest

N = TypeVar("N", bound=Node)


def of_this_machine(machines: MachinesSettings, manifests: Mapping[str, N], known: Container[str]) -> list[N]:
    """The services that run here; what they require elsewhere is not waited for.

    Args:
        known: names that exist and may be off.

    Raises:
        SettingsError: the section `machines` is wrong, or names a service that does not exist.
    """
    if not places(machines):
        return list(manifests.values())
    listed = machines.hosts[machines.here].services
    for name in listed:
        if name not in manifests and name not in known:
            raise SettingsError(
                f"machines.hosts.{machines.here}.services names {name!r}, which is no service; "
                f"{nearest(name, manifests)}"
            )
    return [_alone(one, listed) for one in manifests.values() if one.name in listed]


def _alone(manifest: N, listed: list[str]) -> N:
    required = tuple(name for name in manifest.requires if name in listed)
    if required == manifest.requires:
        return manifest
    changed: N = msgspec.structs.replace(manifest, requires=required)  # type: ignore[type-var]
    return changed
