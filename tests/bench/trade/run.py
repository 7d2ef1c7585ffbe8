"""What the money path costs, beside its floor.

python tests/bench/trade/run.py throughput|restart|memory|latency

throughput  orders into the paper exchange, each journalled and committed before it is sent; the wall, the
            CPU of trade alone, and what the disk's sync alone allows
restart     a home with 100,000 past orders: from spawn to ready, and how long lists take
memory      a simulated month of one-minute candles through strategy, trade and paper exchange, with an order
            every half hour: memory of each process, tenth by tenth (ten minutes)
latency     from the publication of a candle to its order's bytes out of the exchange's socket, beside a chain
            of three raw sockets, without and with a journal that reaches the disk
"""

import asyncio
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import psutil
from cryptobot.bus import topics
from cryptobot.bus.aio import AsyncBus
from cryptobot.bus.contracts.base import Done
from cryptobot.bus.contracts.market import Candle, Candles, Feed, Feeds, ListCandles, ListFeeds, WatchCandles
from cryptobot.bus.contracts.trade import Fills, ListFills, ListOrders, Order, Orders
from cryptobot.bus.replay import replay
from cryptobot.configs import snapshot
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import StrategyInstance, StrategySettings
from cryptobot.services.trade.order import OrderRecord
from cryptobot.services.trade.states import State
from cryptobot.services.trade.store import Change, TradeStore

TESTS = Path(__file__).parents[2]
ORDERS = 2_000
UNDER_WAY = 128
SAMPLES = 40
WARM = 8
PACE_S = 0.012
CANDLE_EVERY_S = 1.0
TIMED = ("strategy", "trade")
ENDED = ("FILLED", "CANCELED", "EXPIRED", "REJECTED")
PAST = 100_000
MONTH_MINUTES = 43_200


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
    """Orders whose whole life is journalled, sent and ended: without a fill, and filled and booked."""
    rig = load("bench_process_rig", TESTS / "process" / "trade" / "conftest.py")
    settings = msgspec.structs.replace(
        rig.SETTINGS,
        trade=msgspec.structs.replace(
            rig.SETTINGS.trade,
            max_orders_per_10s=10_000,
            max_orders_per_minute=60_000,
            max_open_orders=1_000,
            max_position_value=Decimal(10_000_000),
        ),
    )
    platform = rig.Platform(folder / "home")
    snapshot.write(platform.home, settings)
    try:
        await platform.start_all()
        limit = (await _price(platform) * Decimal("0.7")).quantize(Decimal("0.01"))
        unfilled = {"type": "limit", "price": limit, "time_in_force": "IOC"}
        await _orders(platform, "warm", 300, unfilled)
        return {
            "orders": ORDERS,
            "ended_unfilled": await _orders(platform, "ended", ORDERS, unfilled),
            "filled": await _orders(platform, "filled", ORDERS // 2, {"amount": Decimal("0.002")}),
            "syncs_per_s_of_this_disk": round(sync_floor(folder)),
            "cores": os.cpu_count(),
        }
    finally:
        await platform.close()
        platform.end()


async def _orders(platform: Any, prefix: str, count: int, fields: dict[str, Any]) -> dict[str, Any]:
    """So many orders, UNDER_WAY at a time, until trade has told how each of them ended."""
    ended: set[str] = set()
    all_ended, gate = asyncio.Event(), asyncio.Semaphore(UNDER_WAY)

    def take(received: Any) -> None:
        order = received.message
        name = order.intent_id
        if order.state in ENDED and name.startswith(f"{prefix}:") and name not in ended:
            ended.add(name)
            gate.release()
            if len(ended) == count:
                all_ended.set()

    platform.bus.subscribe(topics.ORDERS, Order, take)
    await platform.bus.settled(10.0)
    names = ("trade", "paper", "bus")
    running = {name: psutil.Process(platform.processes[name].pid) for name in names}
    running["client"] = psutil.Process()
    before, begun = {name: sum(p.cpu_times()[:2]) for name, p in running.items()}, time.perf_counter()

    async def one(number: int) -> None:
        await gate.acquire()
        reply = await platform.intend(f"{prefix}:{number}", **fields)
        if not reply.accepted:
            raise RuntimeError(f"An order of the benchmark was denied: {reply.reason}")

    await asyncio.gather(*(one(number) for number in range(count)))
    async with asyncio.timeout(60):
        await all_ended.wait()
    wall = time.perf_counter() - begun
    cpu = {name: sum(p.cpu_times()[:2]) - before[name] for name, p in running.items()}
    return {
        "orders_per_s": round(count / wall),
        "orders_per_cpu_s_of_trade": round(count / cpu["trade"]),
        "cpu_ms_an_order": {name: round(spent * 1000 / count, 2) for name, spent in cpu.items()},
    }


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


MONTHLY = '''"""Trades every half hour, for the benchmark."""

from cryptobot import Strategy


class Monthly(Strategy):
    """Buys for a little, and sells it half an hour later."""

    title = "Monthly"

    def on_candle(self, candle):
        self.state["seen"] = self.state.get("seen", 0) + 1
        if self.state["seen"] % 30:
            return
        if self.position:
            self.close()
        else:
            self.buy(cash=20)
'''


async def memory(folder: Path) -> dict[str, Any]:
    """Bus, paper, trade and strategy as they are; the benchmark stands for the data service and tells a month
    of one-minute candles as fast as they are taken.
    """
    rig = load("bench_process_rig", TESTS / "process" / "trade" / "conftest.py")
    platform = rig.Platform(folder / "home")
    monthly = StrategyInstance(strategy="monthly", timeframe="1m")
    settings = msgspec.structs.replace(rig.SETTINGS, strategy=StrategySettings(instances={"m": monthly}))
    snapshot.write(platform.home, settings)
    (platform.home.root / "strategies").mkdir(exist_ok=True)
    (platform.home.root / "strategies" / "monthly.py").write_text(MONTHLY)
    try:
        platform.start("bus", "paper")
        platform.bus = await AsyncBus.open(platform.home, "data")
        await platform.bus.settled(30.0)
        await platform.ready("paper")
        told = Month(await _price(platform))
        told.serve(platform.bus)
        platform.start("trade")
        await platform.ready("trade")
        platform.start("strategy")
        await platform.ready("strategy")
        return await _a_month(platform, told)
    finally:
        await platform.close()
        platform.end()


FEED = Feed(
    exchange="paper", symbol="BTC/USDT", timeframe="1m", last_open_ms=0, candles=0, stale=False,
    amount_step="0.00001", min_amount="0.00001", min_cost="5",
)  # fmt: skip


class Month:
    """The data service of a month that passes in minutes."""

    def __init__(self, price: Decimal) -> None:
        self.price = price
        minute = 60_000
        self.begin_ms = time.time_ns() // 1_000_000 // minute * minute - 1000 * minute

    def serve(self, bus: AsyncBus) -> None:
        self._publisher = bus.topic(topics.candle("paper", "BTC/USDT", "1m"), Candle)
        self.asked = asyncio.Event()
        bus.serve(ListCandles, self._past)
        bus.serve(ListFeeds, lambda request: Feeds(feeds=[FEED]))
        bus.serve(WatchCandles, lambda request: Done(message="It is watched already."))

    def candle(self, minute: int) -> Candle:
        close = str(self.price + minute % 7)
        return Candle(
            exchange="paper", symbol="BTC/USDT", timeframe="1m", open_ms=self.begin_ms + minute * 60_000,
            open=close, high=close, low=close, close=close, volume="1", closed=True,
        )  # fmt: skip

    def tell(self, minute: int) -> None:
        self._publisher.send(self.candle(minute))

    def _past(self, request: Any) -> Candles:
        self.asked.set()
        return Candles(candles=[self.candle(minute) for minute in range(-200, 0)])


async def _a_month(platform: Any, told: Month) -> dict[str, Any]:
    await asyncio.wait_for(told.asked.wait(), 60)
    names = ("bus", "paper", "trade", "strategy")
    running = {name: psutil.Process(platform.processes[name].pid) for name in names}
    seen: dict[str, list[float]] = {name: [] for name in names}
    begun = time.monotonic()
    for minute in range(MONTH_MINUTES):
        told.tell(minute)
        await asyncio.sleep(max(0.0, begun + minute * PACE_S - time.monotonic()))
        if minute % (MONTH_MINUTES // 10) == MONTH_MINUTES // 10 - 1:
            told.price = await _price(platform)
            for name, process in running.items():
                seen[name].append(round(process.memory_full_info().uss / 1e6, 1))
            print(minute + 1, {name: values[-1] for name, values in seen.items()}, file=sys.stderr)
    orders = await platform.settled()
    report = await platform.verify()
    return {
        "minutes": MONTH_MINUTES,
        "orders": len(orders),
        "fills": report.fills,
        "books_equal": report.equal,
        "uss_mb_each_tenth": seen,
        "growth_mb_from_the_third_tenth": {n: round(v[-1] - v[2], 1) for n, v in seen.items()},
    }


EAGER = '''"""Trades on every candle, for the benchmark."""

from cryptobot import Strategy


class Eager(Strategy):
    """Buys for a little, then sells it."""

    title = "Eager"

    def on_candle(self, candle):
        if self.position:
            self.close()
        else:
            self.buy(cash=20)
'''
TIMED_EXCHANGE = """
import re, sys, time
from aiohttp.web_protocol import RequestHandler
received, notes = RequestHandler.data_received, open(sys.argv[2], "w")
name = re.compile(rb"newClientOrderId=([A-Za-z0-9_-]+)")

def timed(self, data):
    now = time.time_ns()
    received(self, data)
    found = name.search(data)
    if found:
        notes.write(f"{found[1].decode()} {now}\\n")
        notes.flush()

RequestHandler.data_received = timed
from cryptobot.configs.paths import Home
from cryptobot.services.paper.service import main
sys.exit(main(Home.find(sys.argv[1])))
"""
"""The paper exchange, which notes when an order's bytes came out of its socket."""


async def latency(folder: Path) -> dict[str, Any]:
    """Bus, paper, data, strategy and trade as they are; an order on every candle, one a second."""
    rig = load("bench_process_rig", TESTS / "process" / "trade" / "conftest.py")
    chain = load("bench_raw_chain", Path(__file__).with_name("chain.py"))
    platform = rig.Platform(folder / "home")
    paper = msgspec.structs.replace(rig.SETTINGS.paper, candle_interval_s=CANDLE_EVERY_S)
    eager = StrategySettings(instances={"eager": StrategyInstance(strategy="eager")})
    snapshot.write(platform.home, msgspec.structs.replace(rig.SETTINGS, paper=paper, strategy=eager))
    (platform.home.root / "strategies").mkdir(exist_ok=True)
    (platform.home.root / "strategies" / "eager.py").write_text(EAGER)
    raw = [chain.measure(folder / "raw1", SAMPLES // 2, CANDLE_EVERY_S, journal=False)]
    try:
        orders = await _trade_on_candles(platform, SAMPLES + WARM)
    finally:
        await platform.close()
        platform.end()
    raw.append(chain.measure(folder / "raw2", SAMPLES // 2, CANDLE_EVERY_S, journal=False))
    synced = chain.measure(folder / "raw3", SAMPLES // 2, CANDLE_EVERY_S, journal=True)
    spans = _spans(platform.home, orders)[-SAMPLES:]
    p50 = statistics.median(spans)
    return {
        "orders": len(spans),
        "candle_to_wire_p50_ms": round(p50, 3),
        "candle_to_wire_p90_ms": round(statistics.quantiles(spans, n=10)[-1], 3),
        "raw_chain_p50_ms": [round(one, 3) for one in raw],
        "raw_chain_with_a_synced_journal_p50_ms": round(synced, 3),
        "ratio_to_raw": round(p50 / statistics.mean(raw), 2),
        "ratio_to_raw_with_journal": round(p50 / synced, 2),
        "stages_p50_ms": _stages(platform.home, orders),
    }


async def _trade_on_candles(platform: Any, samples: int) -> dict[str, Order]:
    """Run until the strategy traded so often; its orders by client order id."""
    notes = _notes(platform.home)
    command = [sys.executable, "-c", TIMED_EXCHANGE, os.fspath(platform.home.root), os.fspath(notes)]
    start, stages = platform.start, os.fspath(Path(__file__).with_name("stages.py"))
    root = os.fspath(platform.home.root)
    commands = {
        name: [sys.executable, stages, root, name, os.fspath(_notes(platform.home, name))] for name in TIMED
    }
    commands["paper"] = command

    def start_timed(*names: str) -> None:
        for name in names:
            if name not in commands:
                start(name)
                continue
            with (platform.home.logs / f"{name}.log").open("ab") as log:
                platform.processes[name] = subprocess.Popen(commands[name], stdout=log, stderr=log)

    platform.start = start_timed
    await platform.start_all()
    platform.start("strategy")
    enough = asyncio.Event()
    placed: set[str] = set()

    def take(received: Any) -> None:
        placed.add(received.message.client_order_id)
        if len(placed) >= samples:
            enough.set()

    platform.bus.subscribe(topics.ORDERS, Order, take)
    async with asyncio.timeout(samples * 3 + 60):
        await enough.wait()
    listed = await platform.ask("trade", ListOrders(limit=10_000), Orders)
    return {order.client_order_id: order for order in listed.orders}


def _notes(home: Home, name: str = "wire") -> Path:
    return home.root / f"noted-{name}"


def _stages(home: Home, orders: dict[str, Order]) -> dict[str, float]:
    """Where the time goes: medians in ms from one station of an order to the next."""
    stations, candles = load("bench_stages", Path(__file__).with_name("stages.py")).STATIONS, _candles(home)
    heard: list[tuple[int, str]] = []
    for name in TIMED:
        for line in _notes(home, name).read_text().splitlines():
            at, _, station = line.partition(" ")
            heard.append((int(at), station))
    heard.sort()
    found: dict[str, list[float]] = {name: [] for name in (*stations, "at the exchange")}
    for name, wire in [line.split() for line in _notes(home).read_text().splitlines()][-SAMPLES:]:
        begun = candles.get(orders[name].candle_open_ms) if name in orders else None
        if begun is None:
            continue
        passed = {station: at for at, station in reversed(heard) if begun <= at <= int(wire)}
        before = begun
        for station, at in [*((one, passed.get(one)) for one in stations), ("at the exchange", int(wire))]:
            if at is not None:
                found[station].append((at - before) / 1e6)
                before = at
    return {station: round(statistics.median(spans), 3) for station, spans in found.items() if spans}


def _candles(home: Home) -> dict[int, int]:
    """When each finished candle was published, by its open time."""
    return {
        message["payload"]["open_ms"]: message["ts_ns"]
        for message in replay(home, "market.candle.")
        if message["payload"].get("closed")
    }


def _spans(home: Home, orders: dict[str, Order]) -> list[float]:
    """Milliseconds from each candle's publication to the order's bytes on the socket."""
    candles = _candles(home)
    wire = (line.split() for line in _notes(home).read_text().splitlines())
    return [
        (int(sent_ns) - candles[orders[name].candle_open_ms]) / 1e6
        for name, sent_ns in wire
        if name in orders and orders[name].candle_open_ms in candles
    ]


def main() -> None:
    kinds = {"throughput": throughput, "restart": restart, "memory": memory, "latency": latency}
    for name in sys.argv[1:] or list(kinds):
        with tempfile.TemporaryDirectory(prefix="cb") as folder:
            print(json.dumps({name: asyncio.run(kinds[name](Path(folder)))}), flush=True)


if __name__ == "__main__":
    main()
