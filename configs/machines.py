"""Which service runs on which machine, and at which port: follows from the section `machines` alone.

Every machine computes the same table from the same section, so nobody has to be asked.
"""

import re
from typing import NamedTuple

from .errors import SettingsError
from .sections.machines import MachinesSettings

PORTS_EACH = 4
"""Ports of one service: requests, direct publishing, and for the bus where publishers and readers connect."""
_SUPERVISOR = "supervisor"
_BUS = "bus"
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
_ENDINGS = ("", "-direct", "-in", "-out")


class Place(NamedTuple):
    """Where a service listens."""

    machine: str
    address: str
    port: int


def places(machines: MachinesSettings) -> dict[str, Place]:
    """Every place of the bus (`data`, `data-direct`, `bus-in`, ...) of every machine; empty for one machine.

    Raises:
        SettingsError: `here` names none of the hosts, a service is on two machines, or none has the bus.
    """
    if not machines.here:
        return {}
    _check(machines)
    found: dict[str, Place] = {}
    for name, machine in machines.hosts.items():
        for number, service in enumerate((supervisor_of(machines, name), *machine.services)):
            first = machine.port + PORTS_EACH * number
            for offset, ending in enumerate(_ENDINGS):
                found[service + ending] = Place(name, machine.address, first + offset)
    return found


def supervisor_of(machines: MachinesSettings, name: str) -> str:
    """What the supervisor of a machine is called on the bus: the one beside the bus has the plain name."""
    if not machines.here or _BUS in machines.hosts[name].services:
        return _SUPERVISOR
    return f"{_SUPERVISOR}-{list(machines.hosts).index(name) + 2}"


def machine_of(machines: MachinesSettings, service: str) -> str:
    """The machine that a service runs on; "" when it is on none."""
    for name, machine in machines.hosts.items():
        if service in machine.services:
            return name
    return ""


def is_elsewhere(machines: MachinesSettings, service: str) -> bool:
    """Whether a service runs on another machine than this one."""
    return bool(machines.here) and machine_of(machines, service) not in ("", machines.here)


def _check(machines: MachinesSettings) -> None:
    if machines.here not in machines.hosts:
        known = ", ".join(machines.hosts) or "none"
        raise SettingsError(
            f"machines.here is {machines.here!r}, which machines.hosts does not hold (it holds {known})."
        )
    seen: dict[str, str] = {}
    for name, machine in machines.hosts.items():
        if not _NAME.fullmatch(name):
            raise SettingsError(
                f"machines.hosts.{name} cannot be a machine's name; take up to 40 of a-z, 0-9 and -."
            )
        for service in machine.services:
            if service in seen:
                raise SettingsError(
                    f"machines.hosts.{name}.services names {service}, which {seen[service]} has already; "
                    "a service runs on one machine."
                )
            seen[service] = name
    if _BUS not in seen:
        raise SettingsError("No machine of machines.hosts has the service bus; name it on one of them.")
