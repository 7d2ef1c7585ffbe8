"""What is refused, with Binance's codes and HTTP statuses."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptobot.configs.schema import PaperSettings
from cryptobot.services.paper.exchange import PaperExchange

LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
ORDER = LIMIT | {"quantity": "0.01", "price": "3000.00"}
MakeRaw = Callable[[], Any]


@pytest.mark.parametrize(
    ("verb", "path", "params", "code"),
    [
        ("POST", "order", ORDER | {"symbol": "NOPE"}, -1121),
        ("POST", "order", {k: v for k, v in ORDER.items() if k != "quantity"}, -1102),
        ("POST", "order", {k: v for k, v in ORDER.items() if k != "symbol"}, -1102),
        ("POST", "order", {k: v for k, v in ORDER.items() if k != "timeInForce"}, -1115),
        ("POST", "order", ORDER | {"type": "SOMETHING"}, -1116),
        ("POST", "order", ORDER | {"side": "HOLD"}, -1117),
        ("POST", "order", ORDER | {"quantity": "0.000000001"}, -1111),
        ("POST", "order", ORDER | {"quantity": "one"}, -1100),
        ("POST", "order", ORDER | {"quantity": "-1"}, -1100),
        ("POST", "order", ORDER | {"price": "3000.001"}, -1013),
        ("POST", "order", ORDER | {"quantity": "100"}, -2010),
        ("POST", "order", ORDER | {"type": "MARKET"}, -1106),
        ("POST", "order", ORDER | {"newClientOrderId": "with space"}, -1100),
        ("GET", "order", {"symbol": "BTCUSDT", "orderId": 77}, -2013),
        ("GET", "order", {"symbol": "BTCUSDT"}, -1102),
        ("DELETE", "order", {"symbol": "BTCUSDT", "orderId": 77}, -2011),
        ("DELETE", "openOrders", {"symbol": "BTCUSDT"}, -2011),
        ("GET", "klines", {"symbol": "BTCUSDT", "interval": "7m"}, -1120),
        ("GET", "depth", {"symbol": "BTCUSDT", "limit": "many"}, -1100),
        ("POST", "order", ORDER | {"recvWindow": 60001}, -1131),
    ],
)
async def test_refusals(
    exchange: PaperExchange, raw: MakeRaw, verb: str, path: str, params: dict[str, Any], code: int
) -> None:
    """HTTP 400 and the code."""
    found_code = -1102 if code == -1115 and "timeInForce" not in params else code

    status, body, _ = await raw().call(verb, f"/api/v3/{path}", signed=True, **params)

    assert (status, body["code"]) == (400, found_code)
    assert body["msg"]


async def test_keys_and_signatures(exchange: PaperExchange, raw: MakeRaw) -> None:
    """No key, an unknown key, a wrong signature, no signature."""
    client = raw()

    assert (await client.call("GET", "/api/v3/account"))[:1] == (401,)
    status, body, _ = await client.call("GET", "/api/v3/account", signed=True, key="not-a-key!")
    assert (status, body["code"]) == (401, -2014)
    status, body, _ = await client.call("GET", "/api/v3/account", signed=True, key="a" * 64)
    assert (status, body["code"]) == (401, -2015)
    status, body, _ = await client.call("GET", "/api/v3/account", signed=True, secret="b" * 64)
    assert (status, body["code"]) == (400, -1022)
    now = int(time.time() * 1000)
    status, body, _ = await client.call("GET", "/api/v3/account", key=client.key, timestamp=now)
    assert (status, body["code"]) == (400, -1102)


@pytest.mark.parametrize(("shift_s", "ok"), [(-2, True), (-6, False), (0.5, True), (20, False)])
async def test_timestamps(exchange: PaperExchange, raw: MakeRaw, shift_s: float, ok: bool) -> None:
    """Five seconds late or one second early at most, else -1021."""
    at = int((time.time() + shift_s) * 1000)

    status, body, _ = await raw().call("GET", "/api/v3/account", signed=True, timestamp=at)

    assert (status == 200) is ok
    assert ok or body["code"] == -1021


async def test_a_name_is_used_once(exchange: PaperExchange, raw: MakeRaw) -> None:
    """-2010 "Duplicate order sent." while the first is open."""
    client, named = raw(), ORDER | {"newClientOrderId": "only-one", "price": "1500.00"}
    await client.call("POST", "/api/v3/order", signed=True, **named)

    status, body, _ = await client.call("POST", "/api/v3/order", signed=True, **named)

    assert (status, body) == (400, {"code": -2010, "msg": "Duplicate order sent."})


async def test_a_test_order_is_checked_and_not_placed(exchange: PaperExchange, raw: MakeRaw) -> None:
    """Empty answer; refused like a real one; nothing on the book."""
    client, path, too_much = raw(), "/api/v3/order/test", ORDER | {"quantity": "9"}

    assert (await client.call("POST", path, signed=True, **ORDER))[1] == {}
    assert (await client.call("POST", path, signed=True, **too_much))[0] == 400
    assert (await client.call("GET", "/api/v3/openOrders", signed=True))[1] == []


async def test_a_failed_cancel_stops_the_replacement(exchange: PaperExchange, raw: MakeRaw) -> None:
    """STOP_ON_FAILURE: nothing placed, both results told."""
    client = raw()
    params = ORDER | {"cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": 9}

    status, body, _ = await client.call("POST", "/api/v3/order/cancelReplace", signed=True, **params)

    assert (status, body["code"]) == (400, -2022)
    assert body["data"]["newOrderResult"] == "NOT_ATTEMPTED"
    assert body["data"]["cancelResponse"]["code"] == -2011


async def test_an_unknown_path_is_not_found(exchange: PaperExchange, raw: MakeRaw) -> None:
    """404 with a sentence."""
    status, body, _ = await raw().call("GET", "/api/v3/nothing")

    assert status == 404
    assert "not served" in body["msg"]


async def test_used_weight_is_told(exchange: PaperExchange, raw: MakeRaw) -> None:
    """In a header, rising."""
    client = raw()
    used = [int((await client.call("GET", "/api/v3/time"))[2]["X-MBX-USED-WEIGHT-1M"]) for _ in range(2)]

    assert used[1] == used[0] + 1 or used == [1, 1]


async def test_too_much_is_refused_and_then_banned(tmp_path: Path) -> None:
    """429 with Retry-After above the weight; 418 for those who do not stop."""
    exchange = PaperExchange(PaperSettings(request_weight_limit=30), tmp_path)
    await exchange.start()
    try:
        async with aiohttp.ClientSession() as session:
            statuses = []
            for _ in range(140):
                async with session.get(f"{exchange.rest_url}/api/v3/time") as answer:
                    statuses.append(answer.status)
                    retry = answer.headers.get("Retry-After")
    finally:
        await exchange.stop()

    assert [statuses[0], statuses[40], statuses[139]] == [200, 429, 418]
    assert retry is not None
    assert int(retry) > 0


async def test_too_many_orders_are_refused(exchange: PaperExchange, raw: MakeRaw) -> None:
    """-1015 with status 429 after a hundred in ten seconds."""
    client, order = raw(), ORDER | {"price": "1500.00"}
    exchange.limits.orders_in_ten_seconds = 2

    answers = [await client.call("POST", "/api/v3/order", signed=True, **order) for _ in range(9)]

    assert (429, -1015) in [(status, body.get("code")) for status, body, _ in answers]


async def test_a_broken_request_does_no_harm(exchange: PaperExchange) -> None:
    """Binary bodies, absurd parameters, and half a request: refused, and the next one is served."""
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{exchange.rest_url}/api/v3/order", data=b"\xff\x00=%zz&&=&") as answer:
            assert answer.status in (400, 401)
        klines = f"{exchange.rest_url}/api/v3/klines?symbol=BTCUSDT&interval=1s"
        async with session.get(f"{klines}&startTime=9999999999999999999999") as answer:
            assert answer.status in (200, 400)
        _, writer = await asyncio.open_connection("127.0.0.1", exchange.port)
        writer.write(b"GET /api/v3/time HTTP/1.1\r\nHost")
        writer.close()
        async with session.get(f"{exchange.rest_url}/api/v3/ping") as answer:
            assert (answer.status, await answer.json()) == (200, {})
