"""The sockets as they are on the wire."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from cryptobot.services.paper.exchange import PaperExchange


async def messages(socket: aiohttp.ClientWebSocketResponse, count: int) -> list[Any]:
    return [await asyncio.wait_for(socket.receive_json(), 10) for _ in range(count)]


@pytest.mark.parametrize("path", ["/ws", "/ws/ws", "/ws/0", "/ws/stream", "/stream"])
async def test_addresses_are_taken_tolerantly(exchange: PaperExchange, path: str) -> None:
    """Clients append what they like; subscribing works on all of them."""
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{exchange.rest_url}{path}") as socket:
        await socket.send_json({"method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": 7})
        answer, event = await messages(socket, 2)

    assert answer == {"result": None, "id": 7}
    event = event.get("data", event)
    assert event["e"] == "trade"


async def test_streams_named_in_the_address(exchange: PaperExchange) -> None:
    """/ws/NAME sends plain events, /stream?streams= wraps them with the name."""
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(f"{exchange.rest_url}/ws/btcusdt@kline_1s") as socket:
            (plain,) = await messages(socket, 1)
        names = "btcusdt@kline_1s/btcusdt@depth5@100ms"
        async with session.ws_connect(f"{exchange.rest_url}/stream?streams={names}") as socket:
            wrapped = await messages(socket, 4)

    assert plain["k"]["i"] == "1s"
    assert {m["stream"] for m in wrapped} == {"btcusdt@kline_1s", "btcusdt@depth5@100ms"}


async def test_subscriptions_are_listed_and_ended(exchange: PaperExchange) -> None:
    """After UNSUBSCRIBE nothing of the stream comes any more."""
    async with aiohttp.ClientSession() as session, session.ws_connect(exchange.ws_url) as socket:
        names = ["btcusdt@trade", "btcusdt@depth@100ms"]
        await socket.send_json({"method": "SUBSCRIBE", "params": names, "id": 1})
        await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 2})
        listed = await _answer(socket, 2)
        await socket.send_json({"method": "UNSUBSCRIBE", "params": names, "id": 3})
        await _answer(socket, 3)
        await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 4})
        assert (await _answer(socket, 4))["result"] == []

    assert listed["result"] == sorted(names)


async def _answer(socket: aiohttp.ClientWebSocketResponse, number: int) -> Any:
    """The answer of a number; events before it are skipped."""
    while True:
        (message,) = await messages(socket, 1)
        if message.get("id") == number:
            return message


@pytest.mark.parametrize("speed", ["@100ms", ""])
async def test_diffs_rebuild_the_book_exactly(exchange: PaperExchange, speed: str) -> None:
    """A snapshot and the following diffs give the snapshots that are taken later, level by level."""
    diffs = f"{exchange.ws_url}/btcusdt@depth{speed}"
    async with aiohttp.ClientSession(exchange.rest_url) as session, session.ws_connect(diffs) as socket:
        events = await messages(socket, 1)
        async with session.get("/api/v3/depth?symbol=BTCUSDT&limit=1000") as answer:
            book = await answer.json()
        compared = 0
        seen = book["lastUpdateId"]
        sides = {"b": dict(book["bids"]), "a": dict(book["asks"])}
        snapshots: dict[int, Any] = {}
        while compared < (5 if speed else 1):
            events += await messages(socket, 1)
            async with session.get("/api/v3/depth?symbol=BTCUSDT&limit=1000") as answer:
                later = await answer.json()
                snapshots[later["lastUpdateId"]] = later
            while events:
                event = events.pop(0)
                if event["u"] <= seen:
                    continue
                assert event["U"] <= seen + 1 <= event["u"]
                seen = event["u"]
                _apply(sides, event)
                if seen in snapshots:
                    assert sides["b"] == dict(snapshots[seen]["bids"])
                    assert sides["a"] == dict(snapshots[seen]["asks"])
                    compared += 1


def _apply(sides: dict[str, dict[str, str]], event: Any) -> None:
    for side in ("b", "a"):
        for price, quantity in event[side]:
            if float(quantity):
                sides[side][price] = quantity
            else:
                sides[side].pop(price, None)


async def test_events_of_an_order_tell_every_digit(
    exchange: PaperExchange, opened: Callable[..., Any]
) -> None:
    """Executions on the stream are the executions that REST tells, and balances are the account's."""
    import ccxt.async_support

    key = exchange.listen_keys.start("main")
    async with (
        opened(ccxt.async_support, exchange) as client,
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{exchange.ws_url}/{key}") as socket,
    ):
        await client.create_order("BTC/USDT", "market", "buy", 0.5)
        events = []
        while not events or events[-1]["e"] != "outboundAccountPosition":
            events += await messages(socket, 1)
        trades = await client.fetch_my_trades("BTC/USDT")
        account = (await client.fetch_balance())["info"]

    fills = [e for e in events if e.get("x") == "TRADE"]
    assert [(str(e["t"]), e["L"], e["l"], e["n"]) for e in fills] == [
        (t["id"], t["info"]["price"], t["info"]["qty"], t["info"]["commission"]) for t in trades
    ]
    told = {b["a"]: b["f"] for b in events[-1]["B"]}
    assert told == {b["asset"]: b["free"] for b in account["balances"]}


async def test_a_socket_that_talks_nonsense_is_answered_and_lives(exchange: PaperExchange) -> None:
    """Invalid JSON, unknown methods and wrong types get an error each."""
    async with aiohttp.ClientSession() as session, session.ws_connect(exchange.ws_url) as socket:
        wrong = '{"method": "SUBSCRIBE", "params": 3, "id": 1}'
        for text in ("{", "[]", '{"method": 5}', wrong, '{"method": "X"}'):
            await socket.send_str(text)
            assert (await messages(socket, 1))[0]["error"]["code"] == 2
        async with session.ws_connect(exchange.ws_api_url) as commands:
            for text in ("{", "[]", json.dumps({"id": 1, "method": "nothing"})):
                await commands.send_str(text)
                assert (await messages(commands, 1))[0]["status"] == 400
