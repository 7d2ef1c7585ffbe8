"""What the money path costs, beside its floor.

python tests/bench/trade/run.py throughput|restart|memory|latency

throughput  orders into the paper exchange, each journalled and committed before it is sent; the wall, the
            CPU of trade alone, and what the disk's sync alone allows
restart     a home with 100,000 past orders: from spawn to ready, and how long lists take
memory      a simulated month of one-minute candles with an order every half hour: growth of memory
latency     from the publication of a candle to the order at the exchange, on a running platform
"""

import asyncio
import gc
import importlib.util
import json
import os
import statistics
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
from cryptobot.bus.contracts.market import Candle
from cryptobot.bus.contracts.trade import Fills, ListFills, ListOrders, Orders
from cryptobot.bus.replay import replay
from cryptobot.configs.paths import Home
from cryptobot.services.trade.order import OrderRecord
from cryptobot.services.trade.states import State
from cryptobot.services.trade.store import Change, TradeStore

TESTS = Path(__file__).parents[2]
ORDERS = 480
PAST = 100_000
MONTH_MINUTES = 43_200
EVERY_MINUTES = 30


def load(name: str, path: Path) -> ModuleType:
    """The rigs of the tests, which drive the real services."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def sync_floor(folder: Path, seconds: float = 2.0) -> float:
    """Writes of 4 KB that reach the disk one after another, a second."""
    done, begun = 0, time.perf_counter()
    with (folder / "floor").open("wb", buffering=0) as file:
        while time.perf_counter() - begun < seconds:
            file.write(b"x" * 4096)
            os.fsync(file.fileno())
            done += 1
    return done / (time.perf_counter() - begun)


async def throughput(folder: Path) -> dict[str, Any]:
    rig = load("bench_process_rig", TESTS / "process" / "trade" / "conftest.py")
    platform = rig.Platform(folder / "home")
    try:
        await platform.start_all()
        trade = psutil.Process(platform.processes["trade"].pid)
        price = await _price(platform)
        limit = (price * Decimal("0.7")).quantize(Decimal("0.01"))
        before, begun = sum(trade.cpu_times()[:2]), time.perf_counter()
        gate = asyncio.Semaphore(64)

        async def one(number: int) -> None:
            async with gate:
                await platform.intend(f"bench:{number}", type="limit", price=limit)

        await asyncio.gather(*(one(number) for number in range(ORDERS)))
        await platform.exchange_has(ORDERS)
        wall, cpu = time.perf_counter() - begun, sum(trade.cpu_times()[:2]) - before
        return {
            "orders": ORDERS,
            "orders_per_s": round(ORDERS / wall),
            "orders_per_cpu_s_of_trade": round(ORDERS / cpu),
            "syncs_per_s_of_this_disk": round(sync_floor(folder)),
        }
    finally:
        await platform.close()
        platform.end()


async def _price(platform: Any) -> Decimal:
    import aiohttp

    info = await platform.paper_info()
    url = f"{info.rest_url}/api/v3/ticker/price?symbol=BTCUSDT"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return Decimal((await answer.json())["price"])


async def restart(folder: Path) -> dict[str, Any]:
    rig = load("bench_process_rig", TESTS / "process" / "trade" / "conftest.py")
    platform = rig.Platform(folder / "home")
    try:
        await platform.start_all()
        platform.stop("trade")
        await _fill_past(platform.home)
        begun = time.perf_counter()
        platform.start("trade")
        await platform.ready("trade")
        ready_s = time.perf_counter() - begun
        found: dict[str, Any] = {"past_orders": PAST, "spawn_to_ready_s": round(ready_s, 2)}
        for name, wish, reply in (
            ("newest_500_orders_ms", ListOrders(), Orders),
            ("open_orders_ms", ListOrders(open_only=True), Orders),
            ("newest_500_fills_ms", ListFills(), Fills),
        ):
            begun = time.perf_counter()
            await platform.ask("trade", wish, reply)
            found[name] = round((time.perf_counter() - begun) * 1000, 1)
        return found
    finally:
        await platform.close()
        platform.end()


async def _fill_past(home: Home) -> None:
    store, now = TradeStore(home), time.time_ns() // 1_000_000
    for start in range(0, PAST, 5_000):
        orders = [
            _past_order(number, now - PAST * 1000 + number * 1000) for number in range(start, start + 5_000)
        ]
        store.write(Change(new_orders=orders))
        await store.durable()
    store.close()


def _past_order(number: int, ts_ms: int) -> OrderRecord:
    name = f"past{number}"
    return OrderRecord(
        id=name, client_order_id=name, exchange_order_id=f"x{number}", intent_id=name, exchange="paper",
        symbol="BTC/USDT", side="buy", type="market", amount=Decimal("0.01"), state=State.CANCELED,
        created_ms=ts_ms, updated_ms=ts_ms,
    )  # fmt: skip


async def memory(folder: Path) -> dict[str, Any]:
    """Candles at full speed into a trade service that trades over the exchange's sockets."""
    module = load("bench_behaviour_rig", TESTS / "behaviour" / "trade" / "conftest.py")
    settings = module.SETTINGS
    rig = module.Rig(folder, settings)
    await rig.start()
    process, seen = psutil.Process(), []
    try:
        rig.silence_prices()
        price = str(rig.price)
        side = "buy"
        for minute in range(MONTH_MINUTES):
            rig.service._valuation.on_candle(_Received(_candle(minute, price)))
            if minute % EVERY_MINUTES == 0:
                reply = await rig.intend(side, amount=Decimal("0.01"), reduce_only=side == "sell")
                if reply.accepted:
                    await rig.state(reply.order_id, "FILLED")
                side = "sell" if side == "buy" else "buy"
                rig.events.clear()
            if minute % (MONTH_MINUTES // 10) == 0:
                gc.collect()
                seen.append(round(process.memory_info().rss / 1e6, 1))
        report = await rig.verify()
        return {
            "minutes": MONTH_MINUTES,
            "orders": report.orders,
            "rss_mb_each_tenth": seen,
            "growth_mb_after_the_first_tenth": round(seen[-1] - seen[1], 1),
            "books_equal": report.equal,
        }
    finally:
        await rig.close()


class _Received:
    def __init__(self, message: Candle) -> None:
        self.message = message


def _candle(minute: int, price: str) -> Candle:
    return Candle(
        exchange="paper", symbol="BTC/USDT", timeframe="1m", open_ms=minute * 60_000, open=price, high=price,
        low=price, close=price, volume="1", closed=True,
    )  # fmt: skip


async def latency(folder: Path) -> dict[str, Any]:
    """The default strategy on recorded prices, candles every half second, for a minute."""
    rig = load("bench_process_rig", TESTS / "process" / "trade" / "conftest.py")
    import msgspec
    from cryptobot.configs import snapshot

    platform = rig.Platform(folder / "home")
    paper = msgspec.structs.replace(rig.SETTINGS.paper, candle_interval_s=1.0)
    snapshot.write(platform.home, msgspec.structs.replace(rig.SETTINGS, paper=paper))
    try:
        await platform.start_all()
        platform.start("strategy")
        await asyncio.sleep(90)
        placed = {order["clientOrderId"]: order["time"] for order in await platform.exchange_orders()}
        orders = await platform.orders()
        home = platform.home
    finally:
        await platform.close()
        platform.end()
    candles = {
        message["payload"]["open_ms"]: message["ts_ns"]
        for message in replay(home, "market.candle.")
        if message["payload"].get("closed")
    }
    spans = [
        placed[order.client_order_id] - candles[order.candle_open_ms] / 1e6
        for order in orders.values()
        if order.candle_open_ms in candles and order.client_order_id in placed
    ]
    return {
        "orders": len(spans),
        "candle_to_exchange_p50_ms": round(statistics.median(spans), 1) if spans else None,
        "sync_ms": round(1000 / sync_floor(folder), 2),
    }


def main() -> None:
    kinds = {"throughput": throughput, "restart": restart, "memory": memory, "latency": latency}
    for name in sys.argv[1:] or list(kinds):
        with tempfile.TemporaryDirectory(prefix="cb") as folder:
            print(json.dumps({name: asyncio.run(kinds[name](Path(folder)))}), flush=True)


if __name__ == "__main__":
    main()
