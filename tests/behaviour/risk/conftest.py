"""The whole platform under its supervisor, on a paper exchange whose prices stand still."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest
from cryptobot.bus import topics
from cryptobot.bus.blocking import BlockingBus
from cryptobot.bus.contracts.base import Message
from cryptobot.bus.contracts.service import Heartbeat
from cryptobot.bus.contracts.strategy import OrderIntent, OrderIntentReply
from cryptobot.bus.contracts.trade import Order
from cryptobot.configs.errors import BusError
from cryptobot.configs.paths import Home

DEADLINE_S = 90.0
_SIGNS_WITHIN_S = 2.0  # the broker may be away
R = TypeVar("R", bound=Message)
CONFIG = """\
data: {exchange: paper, timeframe: 1s, symbols: [BTC/USDT, ETH/USDT]}
paper: {file: FILES/btc.csv, markets: {ETH/USDT: FILES/eth.csv}}
strategy: {instances: {}}
trade: {max_orders_per_minute: 6000, max_open_orders: 500}
"""


class Platform:
    """`cryptobot up` on a home of the test's own."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.home = Home(folder / "home")
        self.home.root.mkdir()
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CRYPTOBOT")}
        self._environment = {**kept, "CRYPTOBOT__DASHBOARD__PORT": "0"}
        for name, price in (("btc", 100), ("eth", 50)):
            _still(folder / f"{name}.csv", price)
        (self.home.root / "config.yaml").write_text(CONFIG.replace("FILES", str(folder)))
        self._settings = [part for item in settings.items() for part in ("--set", "=".join(item))]
        self._numbers = 0
        self._life = threading.Event()

    def start(self) -> None:
        done = self.run("up", "-d", *self._settings)
        assert done.returncode == 0, done.stderr
        self.bus = BlockingBus.open(self.home, "cli")
        self.bus.subscribe(topics.SERVICE_HEARTBEATS, Heartbeat, lambda _: self._life.set())
        self.bus.subscribe(topics.ORDERS, Order, lambda _: self._life.set())

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command, to its end."""
        return subprocess.run(
            [sys.executable, "-m", "cryptobot", "--home", str(self.home.root), *words],
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            env=self._environment,
            check=False,
        )

    def json(self, *words: str) -> Any:
        """What a command prints for programs."""
        done = self.run(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def ask(self, service: str, message: Message, reply: type[R]) -> R:
        """A request; while the service is on its way (back) it is asked again."""

        def answer() -> R | None:
            with contextlib.suppress(BusError):
                return self.bus.request(service, message, reply, timeout_s=5.0)
            return None

        return self.until(answer)

    def intend(self, side: str, amount: str, symbol: str = "BTC/USDT", source: str = "tester") -> str:
        """An order at the market: "" when trade took it, else the code of its denial."""
        self._numbers += 1
        intent = OrderIntent(
            intent_id=f"test:{self._numbers}",
            source=source,
            exchange="paper",
            symbol=symbol,
            side=side,
            type="market",
            amount=Decimal(amount),
        )
        reply = self.ask("trade", intent, OrderIntentReply)
        self.reason = reply.reason
        return reply.code

    def until(self, answer: Callable[[], Any]) -> Any:
        """Ask, again with each sign of life of a service, until there is an answer that is true."""
        ends = time.monotonic() + DEADLINE_S
        while time.monotonic() < ends:
            self._life.clear()
            found = answer()
            if found:
                return found
            self._life.wait(_SIGNS_WITHIN_S)
        raise AssertionError(f"not within {DEADLINE_S:g} s")

    def pid(self, name: str) -> int:
        services = self.json("status")["services"]
        return next(int(one["pid"]) for one in services if one["name"] == name)

    def signal(self, name: str, number: signal.Signals) -> None:
        os.kill(self.until(lambda: self.pid(name)), number)  # a service on its way back has none

    def end(self) -> None:
        if hasattr(self, "bus"):
            self.bus.close()
        self.run("down")
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if str(self.home.root) in " ".join(process.cmdline()):
                    process.kill()


def _still(path: Path, price: int) -> None:
    rows = [
        f"{1_500_000_000 + 3600 * number},{price},{price},{price},{price},100000" for number in range(5000)
    ]
    path.write_text("\n".join(["timestamp,open,high,low,close,volume", *rows]) + "\n")


@pytest.fixture
def platform(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Platform]:
    """Everything ready; `pytest.mark.parametrize("platform", [{...}], indirect=True)` gives settings."""
    made = Platform(tmp_path, request.param)
    try:
        made.start()
        yield made
    finally:
        made.end()
