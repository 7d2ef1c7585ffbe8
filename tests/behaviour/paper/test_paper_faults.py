"""An exchange on a bad day: each fault does what its name says, and only that."""

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

Market = Callable[..., Any]
ORDER = "POST /api/v3/order"


async def orders(customer: Any) -> list[Any]:
    _, rows = await customer.call("GET", "allOrders", symbol="BTCUSDT")
    found: list[Any] = rows
    return found


@pytest.mark.parametrize(("kind", "there"), [("timeout-before", 0), ("timeout-after", 1)])
async def test_a_request_without_an_answer(market: Market, kind: str, there: int) -> None:
    """The client waits in vain; the order was placed, or it was not."""
    async with market() as customer:
        await customer.admin("POST", "faults", {"kind": kind, "target": ORDER, "seconds": 20})

        with pytest.raises(asyncio.TimeoutError):
            await customer.buy(timeout_s=0.5)

        assert len(await orders(customer)) == there


@pytest.mark.parametrize(("kind", "there"), [("timeout-before", 0), ("timeout-after", 1)])
async def test_a_connection_that_is_dropped(market: Market, kind: str, there: int) -> None:
    """Held for a moment, then closed without an answer."""
    async with market() as customer:
        await customer.admin("POST", "faults", {"kind": kind, "target": ORDER, "seconds": 0.1})

        with pytest.raises(aiohttp.ClientError):
            await customer.buy()

        assert len(await orders(customer)) == there


@pytest.mark.parametrize(
    ("kind", "status", "code", "there"),
    [
        ("error-before", 503, -1001, 0),
        ("error-after", 503, -1001, 1),
        ("rate-limit", 429, -1003, 0),
        ("ban", 418, -1003, 0),
        ("reject", 400, -2010, 0),
    ],
)
async def test_errors_on_demand(market: Market, kind: str, status: int, code: int, there: int) -> None:
    """As often as asked for, then all is well again."""
    async with market() as customer:
        await customer.admin("POST", "faults", {"kind": kind, "target": ORDER, "count": 1})

        first_status, first = await customer.buy()
        second_status, _ = await customer.buy()

        assert (first_status, first["code"], second_status) == (status, code, 200)
        assert len(await orders(customer)) == there + 1


async def test_an_order_that_is_there_is_not_found(market: Market) -> None:
    """Once; the next query finds it."""
    async with market() as customer:
        _, placed = await customer.buy()
        await customer.admin("POST", "faults", {"kind": "not-found", "target": "GET /api/v3/order"})
        query = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}

        assert (await customer.call("GET", "order", **query))[1]["code"] == -2013
        assert (await customer.call("GET", "order", **query))[1]["status"] == "FILLED"


async def test_a_slow_answer(market: Market) -> None:
    """Late, but complete."""
    async with market() as customer:
        await customer.admin("POST", "faults", {"kind": "slow", "target": ORDER, "seconds": 0.5})
        loop = asyncio.get_running_loop()
        begun = loop.time()

        status, _ = await customer.buy()

        assert status == 200
        assert loop.time() - begun >= 0.5


async def collect(socket: aiohttp.ClientWebSocketResponse, count: int) -> list[str]:
    """Names of the next events: execution type, or the event's own name."""
    events = [await asyncio.wait_for(socket.receive_json(), 10) for _ in range(count)]
    return [event.get("x", event["e"]) for event in events]


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("duplicate-events", ["NEW", "NEW", "TRADE", "TRADE", "outboundAccountPosition"]),
        ("reorder-events", ["outboundAccountPosition", "TRADE", "NEW"]),
        ("delay-events", ["NEW", "TRADE", "outboundAccountPosition"]),
    ],
)
async def test_events_that_go_astray(market: Market, kind: str, names: list[str]) -> None:
    """Twice, backwards, late."""
    async with market() as customer, customer.events() as socket:
        await customer.admin("POST", "faults", {"kind": kind, "seconds": 0.2})

        await customer.buy()

        assert await collect(socket, len(names)) == names


async def test_events_that_are_lost(market: Market) -> None:
    """The order is filled all the same; the next order's events come."""
    async with market() as customer, customer.events() as socket:
        await customer.admin("POST", "faults", {"kind": "drop-events"})
        await customer.buy()

        _, second = await customer.buy()
        event = await asyncio.wait_for(socket.receive_json(), 10)

        assert event["i"] == second["orderId"]
        assert [order["status"] for order in await orders(customer)] == ["FILLED", "FILLED"]


async def test_sockets_that_close(market: Market) -> None:
    """All at once; new ones open."""
    async with market() as customer:
        async with customer.events() as socket:
            await customer.admin("POST", "faults", {"kind": "close-sockets"})
            message = await asyncio.wait_for(socket.receive(), 10)
            assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
        async with customer.events() as socket:
            await customer.buy()
            assert await collect(socket, 1) == ["NEW"]


async def test_sockets_that_fall_silent(market: Market) -> None:
    """Open, and nothing comes; REST goes on."""
    async with market() as customer, customer.events() as socket:
        await customer.admin("POST", "faults", {"kind": "silence-sockets"})
        await customer.buy()

        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(socket.receive(), 0.5)
        assert not socket.closed


async def test_a_clock_that_is_off(market: Market) -> None:
    """Callers with the right time are refused; those who measure the offset are served."""
    async with market() as customer:
        await customer.admin("POST", "faults", {"kind": "clock-skew", "seconds": 30})
        right = customer.exchange.clock() - 30_000

        assert (await customer.buy(timestamp=right))[1]["code"] == -1021
        assert (await customer.buy())[0] == 200


async def test_orders_that_the_exchange_cancels(market: Market) -> None:
    """By itself, with events, and the money is free."""
    async with market() as customer, customer.events() as socket:
        await customer.buy(type="LIMIT", timeInForce="GTC", price="1500.00")
        assert await collect(socket, 2) == ["NEW", "outboundAccountPosition"]

        await customer.admin("POST", "faults", {"kind": "cancel-orders"})

        assert await collect(socket, 2) == ["CANCELED", "outboundAccountPosition"]
        assert [order["status"] for order in await orders(customer)] == ["CANCELED"]


async def test_an_unknown_fault_is_refused_with_the_list(market: Market) -> None:
    """And without a key nobody switches anything."""
    async with market() as customer:
        status, body = await customer.admin("POST", "faults", {"kind": "earthquake"})
        customer.key = "nobody"
        guarded, _ = await customer.admin("GET", "info")

    assert (status, guarded) == (400, 401)
    assert "clock-skew" in body["msg"]


async def test_bodies_that_cannot_be_used_are_refused(market: Market) -> None:
    """Balances that are a list, and a body nested by the thousand: 400, as for any other wrong body."""
    deep: list[object] = []
    for _ in range(800):
        deep = [deep]
    async with market() as customer:
        wrong = [
            await customer.admin("POST", "accounts", {"name": "x", "balances": [1]}),
            await customer.admin("POST", "faults", deep),
            await customer.admin("POST", "faults", {"kind": "slow", "count": "many"}),
        ]

    assert [(status, body["code"]) for status, body in wrong] == [(400, -1100)] * 3


async def test_a_key_that_may_withdraw(market: Market) -> None:
    """Told by the account and by the key's restrictions, until the fault is cleared."""
    async with market() as customer:
        before = (await customer.call("GET", "account"))[1]["canWithdraw"]
        await customer.admin("POST", "faults", {"kind": "may-withdraw"})
        during = (await customer.call("GET", "account"))[1]["canWithdraw"]
        await customer.admin("DELETE", "faults")
        after = (await customer.call("GET", "account"))[1]["canWithdraw"]

    assert (before, during, after) == (False, True, False)
