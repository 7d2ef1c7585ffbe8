"""Whatever is asked, the exchange answers with a refusal of its own and never fails."""

import random
import time
from collections.abc import Callable
from typing import Any

import aiohttp
from cryptobot.services.paper.calls import REST, SOCKET
from cryptobot.services.paper.exchange import PaperExchange

VALUES = (
    "", "0", "1", "-1", "1.5", "1e5", "99999999999999999999999", "0.00000001", "0.000000001", "BTCUSDT",
    "btcusdt", "NOPE", "BUY", "SELL", "LIMIT", "MARKET", "STOP_LOSS_LIMIT", "GTC", "FOK", "1s", "1M", "7x",
    "[]", "[1]", "{", '["BTCUSDT"]', "true", "null", "%00", "\u2603", "x" * 300, "3000.00", "0.01",
)  # fmt: skip
NAMES = (
    "symbol", "symbols", "side", "type", "quantity", "quoteOrderQty", "price", "stopPrice", "timeInForce",
    "limit", "orderId", "origClientOrderId", "newClientOrderId", "interval", "startTime", "endTime", "fromId",
    "listenKey", "cancelReplaceMode", "cancelOrderId", "orderListId", "listClientOrderId", "aboveType",
    "belowType", "icebergQty", "abovePrice", "belowStopPrice", "recvWindow", "newOrderRespType",
    "selfTradePreventionMode", "cancelRestrictions",
)  # fmt: skip


def some(chance: random.Random) -> dict[str, str]:
    """A few parameters of some call with values of some other."""
    names = chance.sample(NAMES, chance.randint(0, 9))
    return {"symbol": "BTCUSDT"} | {name: chance.choice(VALUES) for name in names}


async def test_rest_never_fails(exchange: PaperExchange, raw: Callable[[], Any]) -> None:
    """Every path with random parameters, signed: below 500, and JSON."""
    exchange.limits.weight_a_minute = exchange.limits.orders_in_ten_seconds = 0
    chance, client = random.Random(11), raw()
    for verb, path in sorted(REST) * 8:
        status, body, _ = await client.call(verb, path, signed=True, **some(chance))
        assert status < 500, (verb, path, body)


async def test_the_websocket_api_never_fails(exchange: PaperExchange, raw: Callable[[], Any]) -> None:
    """Every method with random parameters of any JSON type."""
    exchange.limits.weight_a_minute = exchange.limits.orders_in_ten_seconds = 0
    chance = random.Random(12)
    odd: tuple[Any, ...] = (*VALUES, 1, -5, 1.25, True, None, [], {}, ["BTCUSDT"], {"a": 1})
    async with aiohttp.ClientSession() as session, session.ws_connect(exchange.ws_api_url) as socket:
        for number, method in enumerate(sorted(SOCKET) * 8):
            params: dict[str, Any] = {name: chance.choice(odd) for name in chance.sample(NAMES, 6)}
            params |= {"apiKey": exchange.api_key, "timestamp": int(time.time() * 1000)}
            params["signature"] = "0" * 64
            await socket.send_json({"id": number, "method": method, "params": params})
            answer = await socket.receive_json(timeout=10)
            assert answer["id"] == number
            assert answer["status"] < 500, (method, params, answer)
