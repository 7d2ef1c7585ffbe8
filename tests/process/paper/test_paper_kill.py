"""What was answered survives `kill -9` at any moment."""

import asyncio
import random
import sqlite3
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptobot.configs.errors import StartError
from cryptobot.services.paper.storage import Storage

ROUNDS = 6


async def trade(alone: Any, acknowledged: dict[str, Any], round_number: int) -> None:
    """Place and cancel orders as fast as they are answered, until the exchange dies."""
    async with aiohttp.ClientSession() as session:

        async def worker(number: int) -> None:
            for count in range(10_000):
                name = f"r{round_number}-w{number}-{count}"
                order = {"symbol": "BTCUSDT", "newClientOrderId": name, "quantity": "0.002"}
                if count % 3:
                    order |= {"side": "BUY" if count % 2 else "SELL", "type": "MARKET"}
                else:
                    order |= {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "2999.00"}
                status, body = await alone.call(session, "POST", "order", newOrderRespType="FULL", **order)
                if status == 200:
                    acknowledged[name] = body
                if order["type"] == "LIMIT" and count % 2:
                    status, body = await alone.call(
                        session, "DELETE", "order", symbol="BTCUSDT", origClientOrderId=name
                    )
                    if status == 200:
                        acknowledged[name] = body

        await asyncio.gather(*(worker(n) for n in range(4)), return_exceptions=True)


async def test_nothing_acknowledged_is_lost(alone: Any, tmp_path: Path) -> None:
    """Killed again and again while trading: each answered order is there, the money agrees exactly."""
    chance, acknowledged, port, key = random.Random(3), {}, alone.port, alone.key
    for round_number in range(ROUNDS):
        trading = asyncio.create_task(trade(alone, acknowledged, round_number))
        await asyncio.sleep(chance.uniform(0.2, 0.9))
        await asyncio.to_thread(alone.kill)
        await trading
        await asyncio.to_thread(alone.start)
        assert (alone.port, alone.key) == (port, key)
        await check(alone, acknowledged)
    alone.kill()

    assert len(acknowledged) > 20
    check_books(tmp_path)


async def check(alone: Any, acknowledged: dict[str, Any]) -> None:
    """Every acknowledged order is known, with at least what was acknowledged of it."""
    async with aiohttp.ClientSession() as session:
        found: dict[str, Any] = {}
        last = 0
        while True:
            page = {"symbol": "BTCUSDT", "orderId": last + 1, "limit": 1000}
            _, rows = await alone.call(session, "GET", "allOrders", **page)
            found |= {row["clientOrderId"]: row for row in rows}
            if not rows:
                break
            last = rows[-1]["orderId"]
    for name, body in acknowledged.items():
        order = found[name]
        assert order["orderId"] == body["orderId"]
        assert Decimal(order["executedQty"]) >= Decimal(body["executedQty"])
        if body["status"] in ("FILLED", "CANCELED", "EXPIRED"):
            assert order["status"] == body["status"]


def check_books(folder: Path) -> None:
    """Balances follow from the trades to the last digit, and what is locked is what open orders hold."""
    storage = Storage(folder)
    try:
        rows = storage.balances()
        trades = storage.trades("main", "BTCUSDT", order_id=0, from_id=1, since_ms=0, until_ms=0, limit=10**9)
        open_orders = storage.open_orders()
    finally:
        storage.close()
    held = {asset: free + locked for account, asset, free, locked in rows if account == "main"}
    expected = {"USDT": 10_000 * 10**8, "BTC": 0}
    for trade in trades:
        sign = 1 if trade.side == "BUY" else -1
        expected["BTC"] += sign * trade.quantity
        expected["USDT"] -= sign * trade.quote
        expected[trade.fee_asset] -= trade.fee
    assert held == expected
    locked = {asset: locked for account, asset, _, locked in rows if account == "main"}
    assert locked["USDT"] == sum(order.locked for order in open_orders if order.side == "BUY")
    numbers = [(trade.trade_id, trade.order_id) for trade in trades]
    assert len(numbers) == len(set(numbers))


def test_the_recording_goes_on_where_it_stopped(alone: Any, tmp_path: Path) -> None:
    """The time away is a hole in time; no recorded candle is skipped, and none is invented for it."""
    storage = Storage(tmp_path)
    try:
        begun = storage.segments()[-1][2]
        eventually(lambda: storage.segments()[-1][2] >= begun + 5)
        alone.kill()
        slot, number, count = storage.segments()[-1]
        alone.start()
        eventually(lambda: len(storage.segments()) == 2)
        resumed = storage.segments()[-1]
    finally:
        storage.close()

    assert resumed[1] == number + count
    assert resumed[0] > slot + count


def eventually(condition: Callable[[], bool]) -> None:
    """Wait with a deadline."""
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.02)


@pytest.mark.parametrize("damage", ["garbage", "newer"])
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, damage: str) -> None:
    """One sentence with the path, and what to do."""
    path = tmp_path / "paper.sqlite"
    if damage == "garbage":
        path.write_bytes(b"this is no database" * 100)
    else:
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA user_version = 99")
        connection.close()

    with pytest.raises(StartError, match=str(path)):
        Storage(tmp_path)
