"""One data service on two paper exchanges, over their real sockets; the bus is the memory one."""

import asyncio
import contextlib
from pathlib import Path

import pytest
import structlog
from cryptobot.bus import topics
from cryptobot.bus.contracts.base import Done
from cryptobot.bus.contracts.market import Candle, Candles, Feeds, ListCandles, ListFeeds, WatchCandles
from cryptobot.bus.contracts.paper import GetPaperInfo, PaperInfo
from cryptobot.bus.memory import MemoryHub
from cryptobot.configs.errors import RequestFailedError
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import DataSettings, PaperSettings, Settings, StrategySettings
from cryptobot.services.connectors.registry import find
from cryptobot.services.data.service import DataService
from cryptobot.services.paper.exchange import PaperExchange

DEADLINE_S = 45.0
SETTINGS = Settings(
    paper=PaperSettings(candle_interval_s=0.5, request_weight_limit=0),
    data=DataSettings(
        history=20, stale_after_s=5.0, venues={"paper-2": ["BTC/USDT"]}, record=["trades"]
    ),
    strategy=StrategySettings(instances={}),
)  # fmt: skip


class Two:
    """Two exchanges, a data service that reads both, and somebody who hears its candles."""

    def __init__(self, folder: Path) -> None:
        self.home, self._folder = Home(folder / "home"), folder
        self.home.create()
        self.hub = MemoryHub()
        self.heard: list[Candle] = []
        self._changed = asyncio.Event()

    async def open(self) -> None:
        self.exchanges, self._buses = {}, []
        for name in ("paper", "paper-2"):
            self.exchanges[name] = await self.start_exchange(name)
            bus = await self.hub.open_async(name)
            bus.serve(GetPaperInfo, lambda request, name=name: self._info(name))
            self._buses.append(bus)
        self.client = await self.hub.open_async("client")
        self.client.subscribe(topics.CANDLES, Candle, self._take)
        self.service = DataService(
            self.home, SETTINGS, await self.hub.open_async("data"), structlog.get_logger()
        )
        await self.service.setup()

    async def start_exchange(self, name: str) -> PaperExchange:
        exchange = PaperExchange(SETTINGS.paper, self._folder / name)
        await exchange.start()
        return exchange

    async def close(self) -> None:
        for task in tuple(self.service._tasks):
            task.cancel()
        await asyncio.gather(*self.service._tasks, return_exceptions=True)
        await self.service.stop()
        for bus in (*self._buses, self.client, self.service.bus):
            await bus.close()
        for exchange in self.exchanges.values():
            await exchange.stop()

    def finished(self, exchange: str) -> list[int]:
        return [one.open_ms for one in self.heard if one.exchange == exchange and one.closed]

    async def until(self, true) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not true():
                self._changed.clear()
                await self._changed.wait()

    def _take(self, received) -> None:
        assert topics.part(received.message.exchange) in received.topic
        self.heard.append(received.message)
        self._changed.set()

    def _info(self, name: str) -> PaperInfo:
        x = self.exchanges[name]
        return PaperInfo(
            rest_url=x.rest_url, ws_url=x.ws_url, ws_api_url=x.ws_api_url, api_key=x.api_key,
            api_secret=x.api_secret, symbols=x.symbols, note=x.note,
        )  # fmt: skip


@pytest.fixture
def play(tmp_path):
    """Run one scene with both exchanges and the data service."""

    def run(scene) -> None:
        async def work() -> None:
            two = Two(tmp_path)
            async with contextlib.AsyncExitStack() as stack:
                stack.push_async_callback(two.close)
                await two.open()
                await scene(two)

        asyncio.run(work())

    return run


@pytest.mark.timeout(150)
def test_candles_of_both_venues_come_under_their_own_names(play):
    """Each venue has its topic, its history on disk and its line in ListFeeds."""

    async def scene(two: Two) -> None:
        await two.until(lambda: all(len(two.finished(name)) >= 3 for name in two.exchanges))
        feeds = (await two.client.request("data", ListFeeds(), Feeds)).feeds
        assert [(feed.exchange, feed.symbol, feed.stale) for feed in feeds] == [
            ("paper", "BTC/USDT", False),
            ("paper-2", "BTC/USDT", False),
        ]
        for name in two.exchanges:
            wish = ListCandles(exchange=name, symbol="BTC/USDT", timeframe="1s", limit=10)
            listed = (await two.client.request("data", wish, Candles)).candles
            assert (len(listed), {one.exchange for one in listed}) == (10, {name})
            assert (two.home.state / "market" / topics.part(name) / "BTC-USDT" / "1s").is_dir()
        wish = WatchCandles(exchange="paper-2", symbol="BTC/USDT", timeframe="1m")
        assert (await two.client.request("data", wish, Done, timeout_s=20.0)).message == "It is watched now."
        with pytest.raises(RequestFailedError, match=r"add it to data\.venues"):
            await two.client.request(
                "data", WatchCandles(exchange="paper-2", symbol="ETH/USDT", timeframe="1m"), Done
            )
        with pytest.raises(RequestFailedError, match=r"kraken is not watched"):
            await two.client.request(
                "data", ListCandles(exchange="kraken", symbol="BTC/USDT", timeframe="1m", limit=1), Candles
            )

    play(scene)


@pytest.mark.timeout(150)
def test_a_venue_that_is_away_holds_up_no_other(play):
    """While the second is down the first goes on without a hole; the second is followed when it is back."""

    async def scene(two: Two) -> None:
        await two.until(lambda: all(two.finished(name) for name in two.exchanges))
        await two.exchanges["paper-2"].stop()
        before = len(two.finished("paper"))
        await two.until(lambda: len(two.finished("paper")) >= before + 3)
        two.exchanges["paper-2"] = await two.start_exchange("paper-2")
        reached = two.finished("paper")[-1]
        await two.until(lambda: two.finished("paper-2")[-1] > reached)
        first, second = two.finished("paper"), two.finished("paper-2")
        assert first == list(range(first[0], first[-1] + 1000, 1000))
        assert second == sorted(set(second))

    play(scene)


def test_further_paper_exchanges_are_connectors():
    """paper-2 is a venue of its own name; what it is called is what its service is asked by."""
    assert find("paper-2").name == "paper-2"
    assert find("paper").name == "paper"
