"""Each venue's socket is open and says nothing: it is taken for dead, and the candles come by REST."""

import asyncio
import time
from typing import Any

import pytest
from aiohttp import web
from cryptobot.services.connectors import binance, lazy
from cryptobot.services.connectors.binance import BinanceVenue
from cryptobot.services.connectors.ccxt_venue import CcxtVenue
from cryptobot.services.connectors.connector import OpenContext
from cryptobot.services.connectors.generic import make_exchange
from cryptobot.services.connectors.venue import Capabilities
from cryptobot.services.data.feed import Feed
from cryptobot.services.data.store import CandleStore

MINUTE_MS = 60_000
MARKET_IDS = {
    "binance": "BTCUSDT", "kraken": "XBTUSDT", "coinbase": "BTC-USDT", "bybit": "BTCUSDT", "okx": "BTC-USDT",
}  # fmt: skip


def answer(venue: str, opens_ms: list[int]) -> Any:
    """Candles as the venue's documentation tells them, oldest first; the venues that turn them round do."""
    one = ("100.5", "101.5", "99.5", "100.7", "3.25")
    if venue == "binance":
        return [[at, *one, at + MINUTE_MS - 1, "1", 1, "1", "1", "0"] for at in opens_ms]
    if venue == "kraken":
        rows = [[at // 1000, *one[:4], "100.6", one[4], 5] for at in opens_ms]
        return {"error": [], "result": {"XBTUSDT": rows, "last": opens_ms[-1] // 1000}}
    if venue == "coinbase":
        names = ("open", "high", "low", "close", "volume")
        rows = [{"start": str(at // 1000), **dict(zip(names, one, strict=True))} for at in opens_ms]
        return {"candles": rows[::-1]}
    rows = [[str(at), *one, "1"] for at in opens_ms][::-1]
    if venue == "bybit":
        told = {"category": "spot", "symbol": "BTCUSDT", "list": rows}
        return {"retCode": 0, "retMsg": "OK", "result": told, "retExtInfo": {}, "time": opens_ms[-1]}
    return {"code": "0", "msg": "", "data": [[*row, "1", "1"] for row in rows]}


class Silent:
    """A server whose sockets open and say nothing, and whose REST side has candles up to now."""

    def __init__(self, venue: str) -> None:
        self._venue, self.sockets, self.again = venue, 0, asyncio.Event()

    async def reply(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() != "websocket":
            newest = time.time_ns() // 1_000_000 // MINUTE_MS * MINUTE_MS
            return web.json_response(answer(self._venue, [newest - n * MINUTE_MS for n in (3, 2, 1, 0)]))
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets += 1
        if self.sockets == 2:
            self.again.set()
        async for _ in socket:
            continue
        return socket

    async def start(self) -> None:
        self._runner = web.ServerRunner(web.Server(self.reply))
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.address = f"{host}:{port}"

    async def stop(self) -> None:
        await self._runner.cleanup()


def venue_at(name: str, address: str) -> CcxtVenue:
    """The venue's connector with all its addresses at the server."""
    lazy.install()
    context = OpenContext(bus=None, credentials=None, timeout_s=5.0, silence_s=0.3)
    exchange = binance.make_exchange(None, 5.0) if name == "binance" else make_exchange(name, context)
    exchange.enableRateLimit = False
    exchange.urls["api"] = _elsewhere(exchange.urls["api"], address)
    exchange.hostname = address
    exchange.set_markets([_market(name)])
    exchange.markets_loading = None
    kind = BinanceVenue if name == "binance" else CcxtVenue
    venue = kind(name, exchange, Capabilities(candle_limit=300), silence_s=0.3)
    venue._markets = {"known": None}
    return venue


def _elsewhere(urls: Any, address: str) -> Any:
    if isinstance(urls, dict):
        return {key: _elsewhere(value, address) for key, value in urls.items()}
    return f"{'ws' if str(urls).startswith('ws') else 'http'}://{address}"


def _market(name: str) -> dict[str, Any]:
    market_id = MARKET_IDS[name]
    return {
        "id": market_id, "lowercaseId": market_id.lower(), "symbol": "BTC/USDT", "base": "BTC",
        "quote": "USDT", "baseId": "BTC", "quoteId": "USDT", "settle": None, "type": "spot", "spot": True,
        "margin": False, "swap": False, "future": False, "option": False, "contract": False, "index": False,
        "linear": None, "inverse": None, "active": True, "wsId": "BTC/USDT", "altname": market_id, "info": {},
        "precision": {"amount": "0.00001", "price": "0.01"},
        "limits": {side: {"min": None, "max": None} for side in ("amount", "price", "cost", "leverage")},
    }  # fmt: skip


@pytest.mark.parametrize("name", list(MARKET_IDS))
async def test_candles_come_by_rest_while_the_socket_is_silent(name, tmp_path):
    """T28: what ended while the socket said nothing is published, finished, once and in order; the socket is
    opened anew meanwhile. Coinbase tells no candles on its socket at all.
    """
    server = Silent(name)
    await server.start()
    venue, sent, came = venue_at(name, server.address), [], asyncio.Event()

    def publish(candle):
        sent.append(candle)
        if len(sent) == 2:
            came.set()

    now_ms = time.time_ns() // 1_000_000 // MINUTE_MS * MINUTE_MS
    clock = [now_ms - 2 * MINUTE_MS]  # two minutes ago the history was loaded
    store = CandleStore(tmp_path / "series", "1m")
    feed = Feed(venue, "BTC/USDT", "1m", store, publish, clock_ms=lambda: clock[0], ask_after_s=0.2)
    try:
        await feed.load_history(1)
        clock[0] = now_ms
        running = asyncio.ensure_future(feed.run())
        async with asyncio.timeout(45):
            await came.wait()
            if name != "coinbase":
                await server.again.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    finally:
        await venue.close()
        await server.stop()
    assert [candle.open_ms for candle in sent] == [now_ms - 2 * MINUTE_MS, now_ms - MINUTE_MS]
    assert all(candle.closed and candle.close == "100.7" for candle in sent)
