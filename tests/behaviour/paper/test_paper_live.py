"""Live prices: the exchange shows what a venue tells over its sockets. The venue is a local server that
plays recorded traffic in Binance's protocol.
"""

import asyncio
import os
from pathlib import Path
from typing import Any

import aiohttp
import ccxt.async_support as ccxt
import pytest
from cryptobot.bus.contracts.paper import GetPaperInfo, PaperInfo
from cryptobot.bus.memory import MemoryHub
from cryptobot.configs.errors import StartError
from cryptobot.configs.schema import DataSettings, PaperSettings, Settings
from cryptobot.services.connectors.registry import open_venue
from cryptobot.services.paper.exchange import PaperExchange

DEADLINE_S = 40.0
ROOT = Path(__file__).parents[3]
DATA = Path(os.environ.get("CRYPTOBOT_TEST_DATA", ROOT.parent / "shared" / "data"))
TRADES = DATA / "trades" / "binance" / "PEPE-USDT_aggtrades_20241027.parquet"


PLAYED = PaperSettings(candle_interval_s=0.5, request_weight_limit=0)


class Upstream:
    """A venue that plays a recording, and the way to it."""

    def __init__(self, folder: Path, settings: PaperSettings) -> None:
        self._folder, self._settings = folder, settings

    async def __aenter__(self) -> "Upstream":
        self.exchange = PaperExchange(self._settings, self._folder / "venue")
        await self.exchange.start()
        self._bus = await MemoryHub().open_async("paper")
        self._bus.serve(GetPaperInfo, lambda request: self._info())
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._bus.close()
        await self.exchange.stop()

    def _info(self) -> PaperInfo:
        x = self.exchange
        return PaperInfo(
            rest_url=x.rest_url, ws_url=x.ws_url, ws_api_url=x.ws_api_url, api_key=x.api_key,
            api_secret=x.api_secret, symbols=x.symbols, note=x.note,
        )  # fmt: skip

    async def venue(self) -> Any:
        settings = Settings(paper=self._settings, data=DataSettings(stale_after_s=5.0))
        return await open_venue("paper", bus=self._bus, settings=settings)


def shown(upstream: Upstream, folder: Path, symbol: str) -> PaperExchange:
    """An exchange that shows the venue's prices."""
    settings = PaperSettings(source="live", symbol=symbol, candle_interval_s=0.5, request_weight_limit=0)
    return PaperExchange(settings, folder / "shown", live=upstream.venue)


async def trades_of(exchange: PaperExchange, symbol: str) -> list[tuple[str, str, bool]]:
    url = f"{exchange.rest_url}/api/v3/trades?symbol={symbol}&limit=1000"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return [(t["price"], t["qty"], t["isBuyerMaker"]) for t in await answer.json()]


async def until_shown(upstream: Upstream, exchange: PaperExchange, symbol: str, count: int) -> None:
    """Wait until so many of the venue's trades are on the exchange's tape, digit for digit and in order."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            ours, theirs = await trades_of(exchange, symbol), await trades_of(upstream.exchange, symbol)
            if len(ours) >= count and is_part(ours[:count], theirs):
                return
            await asyncio.sleep(0.1)


def is_part(part: list[Any], whole: list[Any]) -> bool:
    """Whether all of `part` stands in `whole`, in this order."""
    rest = iter(whole)
    return all(one in rest for one in part)


async def test_trades_and_books_are_the_venues_own(tmp_path: Path) -> None:
    """Every trade shown is one of the venue's, in order; the book is the venue's; an order fills from it."""
    async with Upstream(tmp_path, PLAYED) as upstream:
        exchange = shown(upstream, tmp_path, "BTC/USDT")
        await exchange.start()
        try:
            await until_shown(upstream, exchange, "BTCUSDT", 20)
            assert "BTC/USDT on paper" in exchange.note
            client = ccxt.binance({"apiKey": exchange.api_key, "secret": exchange.api_secret})
            client.urls["api"]["public"] = client.urls["api"]["private"] = f"{exchange.rest_url}/api/v3"
            client.urls["api"]["sapi"] = f"{exchange.rest_url}/sapi/v1"
            client.options["fetchMarkets"] = {"types": ["spot"]}
            try:
                order = await client.create_order("BTC/USDT", "market", "buy", 0.01)
                candles = await client.fetch_ohlcv("BTC/USDT", "1m", limit=5)
            finally:
                await client.close()
            assert order["status"] == "closed"
            assert candles
        finally:
            await exchange.stop()


@pytest.mark.skipif(not TRADES.is_file(), reason=f"no recorded trades in {DATA}")
async def test_recorded_binance_trades_pass_through(tmp_path: Path) -> None:
    """A day of real trades, told over the socket, arrives with every digit of price and amount."""
    recorded = PaperSettings(
        file=str(TRADES), symbol="PEPE/USDT", candle_interval_s=20.0, start=0, request_weight_limit=0
    )
    async with Upstream(tmp_path, recorded) as upstream:
        exchange = shown(upstream, tmp_path, "PEPE/USDT")
        await exchange.start()
        try:
            await until_shown(upstream, exchange, "PEPEUSDT", 3)
        finally:
            await exchange.stop()


async def test_a_venue_that_is_away_is_one_clear_sentence(tmp_path: Path) -> None:
    """Without a network the exchange says what to do instead of showing made-up prices."""
    async with Upstream(tmp_path, PLAYED) as upstream:
        venue = await upstream.venue()
        venue._exchange.urls["api"]["public"] = "http://127.0.0.1:9/api/v3"

        async def open_() -> Any:
            return venue

        settings = PaperSettings(source="live", candle_interval_s=0.5)
        with pytest.raises(StartError, match=r"set paper\.source to recorded"):
            await PaperExchange(settings, tmp_path / "shown", live=open_).start()


async def test_an_unknown_market_is_named(tmp_path: Path) -> None:
    """A symbol that the venue does not have is refused by name."""
    async with Upstream(tmp_path, PLAYED) as upstream:
        with pytest.raises(StartError, match="no market NOPE/USDT"):
            await shown(upstream, tmp_path, "NOPE/USDT").start()
