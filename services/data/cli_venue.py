"""Opening a venue for one command."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from ...bus.aio import AsyncBus
from ...bus.api import AsyncBusApi
from ...bus.memory import MemoryHub
from ...configs import load, snapshot
from ...configs.errors import BusError, NotRunningError, SettingsError
from ...configs.paths import Home
from ...configs.schema import Settings
from ..connectors.registry import open_venue
from .history import History
from .library import Library

T = TypeVar("T")
PAPER = "paper"


def exchange_of(home: Home, exchange: str) -> str:
    """The venue that is meant: the one given, else that of the settings."""
    return exchange or _settings(home).data.exchange


async def with_venue(
    home: Home, exchange: str, symbol: str, library: Library, work: Callable[[History, str], Awaitable[T]]
) -> T:
    """Do something with the history of a venue's market.

    Raises:
        SettingsError: there is no such venue or market.
        RetryLaterError: the venue is busy or away.
        NotRunningError: it is the paper exchange, and the platform does not run.
    """
    settings = _settings(home)
    name = exchange or settings.data.exchange
    bus: AsyncBusApi = await _bus(home, name)
    try:
        venue = await open_venue(name, bus=bus, settings=settings)
        try:
            markets = await venue.load_markets()
            if symbol not in markets:
                near = ", ".join(sorted(markets)[:5])
                raise SettingsError(f"{name} has no market {symbol!r}; it has {near} and so on.")
            return await work(History(venue, library), name)
        finally:
            await venue.close()
    finally:
        await bus.close()


async def _bus(home: Home, exchange: str) -> AsyncBusApi:
    """The platform's bus where the venue is found over it; else one that leads nowhere."""
    if exchange != PAPER:
        return await MemoryHub().open_async("cli")
    told = "The paper exchange does not run; start the platform, or name a venue with --exchange."
    try:
        snapshot.read(home)
        return await AsyncBus.open(home, "cli")
    except (BusError, NotRunningError) as error:
        raise NotRunningError(told) from error


def _settings(home: Home) -> Settings:
    try:
        return snapshot.read(home)
    except NotRunningError:
        return load.load(home).settings
