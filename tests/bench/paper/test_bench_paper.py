"""How fast the paper exchange is: steps of the price, orders in the engine, orders over HTTP, its start.

`make bench` or `pytest -m bench -s tests/bench/paper`. Prints a table and one line of JSON; judges nothing.
"""

import asyncio
import hashlib
import hmac
import json
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import psutil
import pytest
from cryptobot.services.paper import storage as db
from cryptobot.services.paper.changes import Fees
from cryptobot.services.paper.matching import Engine
from cryptobot.services.paper.orders import NewOrder, Order, RefusedError
from cryptobot.services.paper.recording import bundled
from cryptobot.services.paper.rules import Rules
from cryptobot.services.paper.scripts import CandleScript
from cryptobot.services.paper.storage import Storage

pytestmark = pytest.mark.bench
SYMBOL = "BTCUSDT"
RULES = Rules(SYMBOL, "BTC", "USDT")
_CHILD = """
import asyncio, sys
from pathlib import Path
from cryptobot.configs.schema import PaperSettings
from cryptobot.services.paper.exchange import PaperExchange

async def main():
    settings = PaperSettings(order_limit=0, request_weight_limit=0)
    exchange = PaperExchange(settings, Path(sys.argv[1]))
    await exchange.start()
    print(exchange.port, exchange.api_key, exchange.api_secret, flush=True)
    await exchange.failed

asyncio.run(main())
"""


def engine_rates() -> dict[str, float]:
    """Steps and market orders a second in the engine alone, one core."""
    engine = Engine([RULES], Fees(100_000, 100_000))
    engine.balances.open("a")
    engine.balances.deposit("a", "USDT", 10**15)
    engine.balances.deposit("a", "BTC", 10**12)
    script = CandleScript(bundled(), 1000)
    begun, count = time.perf_counter(), 0
    for number in range(1000):
        for event in script.events(number, RULES):
            tick = event.tick
            assert tick is not None, "candles have ticks alone"
            engine.step(SYMBOL, tick.price, tick.volume, tick.seller, script.volume(number), count, count)
            count += 1
        engine.take_changes()
    steps = count / (time.perf_counter() - begun)
    begun, placed = time.perf_counter(), 0
    for number in range(5_000):
        side = "BUY" if number % 2 else "SELL"
        try:
            engine.place("a", NewOrder(SYMBOL, side, "MARKET", quantity=1_000_000), number)
        except RefusedError:
            continue
        placed += 1
    return {"steps/s": steps, "engine orders/s": placed / (time.perf_counter() - begun)}


class Child:
    """An exchange in a process of its own."""

    def __init__(self, folder: Path) -> None:
        begun = time.perf_counter()
        self.process = subprocess.Popen(
            [sys.executable, "-c", _CHILD, str(folder)], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        port, self.key, self.secret = self.process.stdout.readline().split()
        self.url = f"http://127.0.0.1:{port}/api/v3/order?"
        self.started_s = time.perf_counter() - begun

    def cpu_s(self) -> float:
        return sum(psutil.Process(self.process.pid).cpu_times()[:2])

    async def order(self, session: aiohttp.ClientSession, buy: bool) -> bool:
        """One market order; True when it was taken."""
        text = urlencode({
            "symbol": SYMBOL, "side": "BUY" if buy else "SELL", "type": "MARKET", "newOrderRespType": "FULL",
            "quantity": "0.002" if buy else "0.0018", "timestamp": int(time.time() * 1000),
        })  # fmt: skip
        digest = hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        address = f"{self.url}{text}&signature={digest}"
        async with session.post(address, headers={"X-MBX-APIKEY": self.key}) as answer:
            await answer.read()
            return answer.status == 200


async def http_rate(child: Child, callers: int, seconds: float) -> dict[str, float]:
    """Orders a second that so many callers get through, each waiting for its answer; each is on disk then."""
    waits: list[float] = []

    async def call(session: aiohttp.ClientSession, number: int) -> None:
        while time.perf_counter() < end:
            begun, number = time.perf_counter(), number + 1
            if await child.order(session, number % 2 == 0):
                waits.append(time.perf_counter() - begun)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        cpu, begun = child.cpu_s(), time.perf_counter()
        end = begun + seconds
        await asyncio.gather(*(call(session, number) for number in range(callers)))
        spent = time.perf_counter() - begun
    waits.sort()
    return {
        f"{callers} callers, orders/s": len(waits) / spent,
        f"{callers} callers, p50 ms": waits[len(waits) // 2] * 1000,
        f"{callers} callers, p99 ms": waits[len(waits) * 99 // 100] * 1000,
        f"{callers} callers, CPU ms an order": (child.cpu_s() - cpu) / len(waits) * 1000,
    }


def test_rates(tmp_path: Path) -> None:
    """Prints what this machine does."""
    figures = engine_rates()
    storage = Storage(tmp_path)
    past = (
        Order(n, "main", SYMBOL, f"c{n}", "BUY", "LIMIT", "GTC", 10**8, 0, 10**11, 0, n, n, status="CANCELED")
        for n in range(1, 100_001)
    )
    storage.write([(db.PUT_ORDER, [db.order_row(order) for order in past])])
    storage.close()
    child = Child(tmp_path)
    try:
        figures["start with 100,000 past orders, s"] = child.started_s
        for callers in (1, 8, 32):
            figures |= asyncio.run(http_rate(child, callers, 4.0))
        figures["resident MB"] = psutil.Process(child.process.pid).memory_info().rss / 1e6
    finally:
        child.process.kill()
        child.process.wait(10)
    for name, value in figures.items():
        print(f"{name:40} {value:12,.2f}")
    print(json.dumps(figures))
