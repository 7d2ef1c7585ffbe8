"""The data service on the bus in memory, before a venue that is scripted."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import structlog
from cryptobot.bus.contracts.base import Done
from cryptobot.bus.contracts.market import Candles, Feeds, ListCandles, ListFeeds, WatchCandles
from cryptobot.bus.memory import MemoryHub
from cryptobot.configs.errors import RequestFailedError, RetryLaterError, SettingsError
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import DataSettings, Settings, StrategySettings
from cryptobot.services.connectors.venue import Capabilities, Market, VenueCandle, VenueMarketTrade
from cryptobot.services.data import service as data_service
from cryptobot.services.data.library import Library, SeriesName
from cryptobot.services.data.recorder import read
from cryptobot.services.data.service import DataService

LENGTHS = {"1m": 60_000, "5m": 300_000}


class QuietVenue:
    """Has candles of the past; nothing new comes but one trade."""

    name = "binance"
    capabilities = Capabilities(candle_limit=100)

    def __init__(self) -> None:
        self.failures = 0
        self.asked: list[str] = []
        self.traded = asyncio.Event()

    async def load_markets(self) -> dict[str, Market]:
        grain = Decimal("0.01")
        return {"BTC/USDT": Market(symbol="BTC/USDT", base="BTC", quote="USDT", tick=grain, step=grain)}

    async def fetch_candles(
        self, symbol: str, timeframe: str, since_ms: int | None = None, limit: int = 500
    ) -> list[VenueCandle]:
        self.asked.append(timeframe)
        await asyncio.sleep(0)
        if timeframe not in LENGTHS:
            raise SettingsError(f"binance has no {timeframe} candles")
        if self.failures:
            self.failures -= 1
            raise RetryLaterError("busy")
        assert since_ms is not None
        return [self._candle(timeframe, since_ms + at * LENGTHS[timeframe]) for at in range(limit)]

    def _candle(self, timeframe: str, open_ms: int) -> VenueCandle:
        closed = open_ms + LENGTHS[timeframe] <= time.time_ns() // 1_000_000
        prices = {"open": "1", "high": "1", "low": "1", "close": "1", "volume": "1"}
        return VenueCandle(symbol="BTC/USDT", timeframe=timeframe, open_ms=open_ms, closed=closed, **prices)

    async def watch_candles(self, symbol: str, timeframe: str) -> AsyncIterator[Any]:
        await asyncio.Event().wait()
        yield None

    async def watch_book(self, symbol: str) -> AsyncIterator[Any]:
        await asyncio.Event().wait()
        yield None

    async def watch_trades(self, symbol: str) -> AsyncIterator[Any]:
        yield VenueMarketTrade(symbol=symbol, id="7", ts_ms=1, side="buy", price="1", amount="2")
        self.traded.set()
        await asyncio.Event().wait()

    async def close(self) -> None:
        return


Scene = Callable[[Any, Any, QuietVenue], Awaitable[None]]


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Scene], Path]:
    """Run one scene: (service, a client, the venue); gives the folder of the history."""

    def run(scene: Scene) -> Path:
        async def work() -> None:
            venue, hub, home = QuietVenue(), MemoryHub(), Home(tmp_path)
            home.create()

            async def opened(*_names: Any, **_more: Any) -> QuietVenue:
                return venue

            monkeypatch.setattr(data_service, "open_venue", opened)
            settings = Settings(
                data=DataSettings(exchange="binance", timeframe="1m", history=50, record=["trades"]),
                strategy=StrategySettings(instances={}),
            )
            client = await hub.open_async("client")
            made = DataService(home, settings, await hub.open_async("data"), structlog.get_logger())
            try:
                await made.setup()
                await scene(made, client, venue)
            finally:
                for task in tuple(made._tasks):
                    task.cancel()
                await made.stop()
                await made.bus.close()
                await client.close()

        asyncio.run(asyncio.wait_for(work(), 45.0))
        return tmp_path / "state" / "market"

    return run


def watch(client: Any, timeframe: str, symbol: str = "BTC/USDT") -> Any:
    wish = WatchCandles(exchange="binance", symbol=symbol, timeframe=timeframe)
    return client.request("data", wish, Done, timeout_s=20.0)


def test_a_further_timeframe_is_followed_once_however_many_ask(play: Any) -> None:
    """Two that ask at the same moment get one series; it has history and is listed."""

    async def scene(_service: Any, client: Any, venue: QuietVenue) -> None:
        await asyncio.gather(watch(client, "5m"), watch(client, "5m"))
        assert venue.asked.count("5m") == 1
        feeds = (await client.request("data", ListFeeds(), Feeds)).feeds
        assert [feed.timeframe for feed in feeds] == ["1m", "5m"]
        wish = ListCandles(exchange="binance", symbol="BTC/USDT", timeframe="5m", limit=1000)
        assert len((await client.request("data", wish, Candles)).candles) == 50

    play(scene)


def test_a_venue_that_is_busy_is_asked_again(play: Any) -> None:
    """The refusal says that it is away; the same request succeeds when it is back."""

    async def scene(_service: Any, client: Any, venue: QuietVenue) -> None:
        venue.failures = 1
        with pytest.raises(RequestFailedError) as refused:
            await watch(client, "5m")
        assert refused.value.code == "venue_away"
        await watch(client, "5m")

    play(scene)


@pytest.mark.parametrize(
    ("timeframe", "symbol", "told"),
    [
        ("5m", "ETH/USDT", "add it to data.symbols"),
        ("7m", "BTC/USDT", "no 7m candles"),
        ("x", "BTC/USDT", "no length"),
    ],
)
def test_what_cannot_be_followed_is_told(play: Any, timeframe: str, symbol: str, told: str) -> None:
    """An unknown market or timeframe is refused with a sentence."""

    async def scene(_service: Any, client: Any, _venue: QuietVenue) -> None:
        with pytest.raises(RequestFailedError, match=told):
            await watch(client, timeframe, symbol)

    play(scene)


def test_trades_are_recorded_when_it_is_wished(play: Any) -> None:
    """What came is on disk when the service has ended, with the time and the texts of the venue."""

    async def scene(_service: Any, _client: Any, venue: QuietVenue) -> None:
        await venue.traded.wait()

    folder = play(scene)

    (told,) = read(folder / "binance" / "BTC-USDT" / "trades" / "1970-01-01.jsonl.gz")
    assert (told["id"], told["price"], told["amount"]) == ("7", "1", "2")


def test_while_it_runs_nobody_else_writes(play: Any) -> None:
    """A command that would change a series of the running service is refused; afterwards it may."""

    async def scene(service: Any, _client: Any, _venue: QuietVenue) -> None:
        name = SeriesName("binance", "BTC/USDT", "1m")
        with pytest.raises(Exception, match="cryptobot stop data"):
            Library(service.home.state / "market").writing(name).__enter__()

    folder = play(scene)
    with Library(folder).writing(SeriesName("binance", "BTC/USDT", "1m")) as store:
        assert len(store) == 50
