"""Answers and events have the fields, and the types of fields, of Binance's own recorded ones."""

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptobot.services.paper.exchange import PaperExchange

ROOT = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("CRYPTOBOT_TEST_DATA", ROOT.parent / "shared" / "data"))
RECORDED = DATA / "fixtures" / "nautilus" / "binance" / "spot"
LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}


def recorded(name: str) -> Any:
    path = RECORDED / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    return json.loads(path.read_text())


def differences(ours: Any, theirs: Any, where: str = "") -> list[str]:
    """Fields of the recorded answer that ours lacks or has with another type; null goes with anything."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        found = [f"{where}.{name} is missing" for name in theirs if name not in ours]
        for name in theirs.keys() & ours.keys():
            found += differences(ours[name], theirs[name], f"{where}.{name}")
        return found
    if isinstance(theirs, list) and isinstance(ours, list):
        return differences(ours[0], theirs[0], f"{where}[0]") if ours and theirs else []
    if theirs is None or ours is None or type(ours) is type(theirs):
        return []
    return [f"{where} is {type(ours).__name__}, not {type(theirs).__name__}"]


@pytest.mark.parametrize(
    ("name", "path", "params"),
    [
        ("ping_response", "ping", {}),
        ("server_time_response", "time", {}),
        ("exchange_info_response", "exchangeInfo", {}),
        ("klines_response", "klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 5}),
        ("depth_response", "depth", {"symbol": "BTCUSDT", "limit": 5}),
        ("trades_response", "trades", {"symbol": "BTCUSDT"}),
        ("avg_price_response", "avgPrice", {"symbol": "BTCUSDT"}),
        ("book_ticker_response", "ticker/bookTicker", {"symbol": "BTCUSDT"}),
        ("ticker_price_response", "ticker/price", {"symbol": "BTCUSDT"}),
        ("ticker_24hr_response", "ticker/24hr", {"symbol": "BTCUSDT"}),
    ],
)
async def test_public_answers(
    exchange: PaperExchange, raw: Callable[[], Any], name: str, path: str, params: dict[str, Any]
) -> None:
    """Markets, candles, books, trades, tickers."""
    theirs = _content(recorded(f"http_json/{name}.json"))
    client = raw()
    await client.call("POST", "/api/v3/order", signed=True, **LIMIT | {"price": "9000.00"})

    _, ours, _ = await client.call("GET", f"/api/v3/{path}", **params)

    assert differences(ours, theirs) == []


def _content(answer: Any) -> Any:
    """Some recordings stand in an envelope with the request."""
    return answer.get("response", answer) if isinstance(answer, dict) else answer


async def test_answers_about_orders(exchange: PaperExchange, raw: Callable[[], Any]) -> None:
    """Placed, read, listed, cancelled, traded; and the account."""
    client, orders = raw(), {}

    async def ask(name: str, verb: str, path: str, **params: Any) -> None:
        _, ours, _ = await client.call(verb, f"/api/v3/{path}", signed=True, **params)
        orders[name] = differences(ours, _content(recorded(f"http_json/{name}.json")))

    await ask("new_order_full_response", "POST", "order", **LIMIT | {"price": "9000.00"})
    await client.call("POST", "/api/v3/order", signed=True, **LIMIT | {"price": "1500.00"})
    await ask("order_response", "GET", "order", symbol="BTCUSDT", orderId=2)
    await ask("open_orders_response", "GET", "openOrders", symbol="BTCUSDT")
    await ask("all_orders_response", "GET", "allOrders", symbol="BTCUSDT")
    await ask("account_trades_response", "GET", "myTrades", symbol="BTCUSDT")
    await ask("account_response", "GET", "account")
    await ask("cancel_order_response", "DELETE", "order", symbol="BTCUSDT", orderId=2)
    await client.call("POST", "/api/v3/order", signed=True, **LIMIT | {"price": "1500.00"})
    await ask("cancel_open_orders_response", "DELETE", "openOrders", symbol="BTCUSDT")

    assert {name: found for name, found in orders.items() if found} == {}


async def test_events(exchange: PaperExchange, raw: Callable[[], Any]) -> None:
    """Of new, traded, cancelled orders, of balances, and of deposits."""
    client, found = raw(), {}
    key = exchange.listen_keys.start("main")
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{exchange.ws_url}/{key}") as socket:
        await client.call("POST", "/api/v3/order", signed=True, **LIMIT | {"price": "9000.00"})
        await client.call("POST", "/api/v3/order", signed=True, **LIMIT | {"price": "1500.00"})
        await client.call("DELETE", "/api/v3/order", signed=True, symbol="BTCUSDT", orderId=2)
        exchange.desk.deposit("main", "USDT", 10**8)
        while "balanceUpdate" not in found:
            event = await asyncio.wait_for(socket.receive_json(), 10)
            found[event.get("x", event["e"])] = event

    for name, kind in {
        "execution_report_new": "NEW", "execution_report_trade": "TRADE",
        "execution_report_canceled": "CANCELED", "account_position": "outboundAccountPosition",
        "balance_update": "balanceUpdate",
    }.items():  # fmt: skip
        assert differences(found[kind], recorded(f"user_data_json/{name}.json")) == [], name
