"""Messages that Binance really sent, replayed by a local WebSocket server, as our stream tells them."""

import asyncio
import gzip
import json
import os
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path

import pytest
from aiohttp import WSMsgType, web
from cryptobot.services.connectors import binance
from cryptobot.services.connectors.binance import CAPABILITIES, BinanceVenue
from cryptobot.services.connectors.venue import Resumed, VenueMarketTrade

ROOT = Path(__file__).parents[3]
DATA = Path(os.environ.get("CRYPTOBOT_TEST_DATA", ROOT.parent / "shared" / "data"))
FILES = sorted((DATA / "l2" / "binance_ws").glob("*spot*.gz"))
MARKETS = DATA / "fixtures" / "ccxt_static" / "markets" / "binance.json"
COUNT = 500
pytestmark = pytest.mark.skipif(not FILES or not MARKETS.is_file(), reason=f"no recorded streams in {DATA}")


def recorded_trades(path: Path) -> list[dict]:
    """The first trades of one market in a recording."""
    found: list[dict] = []
    with gzip.open(path, "rt") as lines:
        for line in lines:
            data = json.loads(line.split(" ", 1)[1]).get("data", {})
            if data.get("e") == "trade" and (not found or data["s"] == found[0]["s"]):
                found.append(data)
            if len(found) == COUNT:
                break
    return found


@asynccontextmanager
async def replayed(messages):
    """A server that confirms a subscription and then sends the recording."""

    async def serve(request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.TEXT and "SUBSCRIBE" in message.data:
                asked = json.loads(message.data)
                await socket.send_json({"result": None, "id": asked["id"]})
                for recorded in messages:
                    await socket.send_json(recorded)
        return socket

    runner = web.ServerRunner(web.Server(serve))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    exchange = binance.make_exchange(None, 5.0)
    exchange.set_markets([m for m in json.loads(MARKETS.read_text()).values() if m["spot"]])
    exchange.urls["api"]["ws"]["spot"] = f"ws://{host}:{port}/stream/ws"
    venue = BinanceVenue("binance", exchange, CAPABILITIES)
    venue._markets = {"known": None}
    try:
        yield venue
    finally:
        await venue.close()
        await runner.cleanup()


@pytest.mark.parametrize("path", list(islice(FILES, 2)), ids=lambda path: path.stem)
async def test_recorded_trades_come_through_digit_for_digit(path):
    """Every trade that Binance sent is told once, in order, with its own digits and the taker's side."""
    messages = recorded_trades(path)
    assert messages, "the recording holds no trades"
    async with replayed(messages) as venue:
        symbol = venue._symbol(messages[0]["s"])
        stream, told = venue.watch_trades(symbol), []
        async with asyncio.timeout(30):
            async for item in stream:
                if not isinstance(item, Resumed):
                    told.append(item)
                if len(told) == len(messages):
                    break
        await stream.aclose()
    assert told == [
        VenueMarketTrade(
            symbol=symbol,
            id=str(sent["t"]),
            ts_ms=sent["T"],
            side="sell" if sent["m"] else "buy",
            price=sent["p"],
            amount=sent["q"],
        )
        for sent in messages
    ]
