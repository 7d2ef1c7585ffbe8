"""What a connector is, and what it is given to open a venue."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from ...bus.api import AsyncBusApi
from .venue import Capabilities, Credentials, Venue


@dataclass(frozen=True, slots=True)
class OpenContext:
    """What a connector may use to open a venue.

    Args:
        bus: for venues that are found over the bus.
        credentials: None for public data only.
        timeout_s: a call without an answer for so long has failed.
        account, balances: whose, and what it begins with; for venues that make accounts themselves.
        silence_s: market data without news for so long is taken for a dead socket.
    """

    bus: AsyncBusApi
    credentials: Credentials | None
    timeout_s: float
    silence_s: float
    account: str = "main"
    balances: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connector:
    """A kind of venue. A module of an add-on has one as `CONNECTOR`, named by an entry point."""

    name: str
    title: str
    capabilities: Capabilities
    open: Callable[[OpenContext], Awaitable[Venue]]
