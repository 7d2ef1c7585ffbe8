"""Settings of a platform that is spread over several machines."""

from typing import Annotated

import msgspec

from .base import Section, setting


class Machine(Section, frozen=True, kw_only=True):
    """One machine and what runs on it."""

    address: Annotated[
        str,
        setting(
            "Name or IPv4 address at which the other machines reach it.",
            pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]*$",
            form="a host name or an address, such as 10.0.0.2",
            max_length=253,
        ),
    ]
    services: Annotated[list[str], setting("Services that run on it; a new one goes to the end of the list.")]
    port: Annotated[
        int,
        setting(
            "First TCP port of its services: four for the supervisor and four for each service, in order.",
            ge=1,
            le=65000,
        ),
    ] = 7700


class MachinesSettings(Section, frozen=True, kw_only=True):
    """Services on several machines, with the bus over TCP and CURVE; `cryptobot export` writes these."""

    here: Annotated[
        str, setting("Which of the hosts this home is on; empty: everything runs on this machine.")
    ] = ""
    hosts: Annotated[dict[str, Machine], setting("The machines, the same on each, by name.", merges=True)] = (
        msgspec.field(default_factory=dict)
    )
