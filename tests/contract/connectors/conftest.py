"""The paper connector on a real paper exchange."""

import asyncio
import inspect
from pathlib import Path

import pytest
from cryptobot.bus.contracts.paper import GetPaperInfo, PaperInfo
from cryptobot.bus.memory import MemoryHub
from cryptobot.configs.schema import DataSettings, PaperSettings, Settings, TradeSettings
from cryptobot.services.connectors.registry import open_venue
from cryptobot.services.connectors.venue import Resumed
from cryptobot.services.paper.exchange import PaperExchange
from cryptobot.services.paper.faults import Fault

SETTINGS = Settings(
    paper=PaperSettings(candle_interval_s=0.3, request_weight_limit=0),
    trade=TradeSettings(request_timeout_s=1.0),
    data=DataSettings(stale_after_s=2.0),
)


class Market:
    """An exchange and a venue connected to it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def start(self) -> None:
        self.hub = MemoryHub()
        self.exchange = PaperExchange(SETTINGS.paper, self._folder)
        await self.exchange.start()
        self.bus = await self.hub.open_async("paper")
        self.bus.serve(GetPaperInfo, lambda request: self._info())
        self.venue = await open_venue("paper", bus=self.bus, settings=SETTINGS)

    async def restart_exchange(self) -> None:
        await self.exchange.stop()
        self.exchange = PaperExchange(SETTINGS.paper, self._folder)
        await self.exchange.start()

    def fault(self, kind, target="", count=1, seconds=0.0):
        self.exchange.inject(Fault(kind, target, count, seconds))

    async def close(self) -> None:
        await self.venue.close()
        await self.bus.close()
        await self.exchange.stop()

    def _info(self) -> PaperInfo:
        x = self.exchange
        return PaperInfo(
            rest_url=x.rest_url, ws_url=x.ws_url, ws_api_url=x.ws_api_url, api_key=x.api_key,
            api_secret=x.api_secret, symbols=x.symbols, note=x.note,
        )  # fmt: skip


async def take(stream, count, wanted=object):
    """The next items of a class, with a deadline."""
    found = []
    async with asyncio.timeout(20):
        async for item in stream:
            if isinstance(item, wanted):
                found.append(item)
            if len(found) == count:
                return found
    return found


async def until_resumed(stream):
    """Read until the stream stands again after a break."""
    async with asyncio.timeout(20):
        async for item in stream:
            if isinstance(item, Resumed) and not item.first:
                return item


@pytest.fixture
def reading():
    """Helpers to read streams."""
    return take, until_resumed


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run an `async def` test in a loop of its own, with the market started around it."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: pyfuncitem.funcargs[name] for name in wanted}

    async def scenario() -> None:
        market = arguments.get("market")
        if not isinstance(market, Market):
            await pyfuncitem.obj(**arguments)
            return
        try:
            await market.start()
            await pyfuncitem.obj(**arguments)
        finally:
            await market.close()

    asyncio.run(scenario())
    return True


@pytest.fixture
def market(tmp_path: Path) -> Market:
    """A connected venue."""
    return Market(tmp_path)
