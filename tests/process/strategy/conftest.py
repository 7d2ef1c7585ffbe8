"""The line from venue to order as real processes: bus, paper, data, trade, strategy."""

import asyncio
import inspect
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptobot.bus import topics
from cryptobot.bus.aio import AsyncBus
from cryptobot.bus.contracts.base import Message
from cryptobot.bus.contracts.market import Candle
from cryptobot.configs import snapshot
from cryptobot.configs.errors import BusError
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import Settings, StrategyInstance, StrategySettings

DEADLINE_S = 60.0
QUICK = {"fast": 2, "slow": 3}


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run async tests on a loop of their own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = pyfuncitem._fixtureinfo.argnames
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in wanted}))
    return True


class Line:
    """Service processes of one home, and a client that sees their candles."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder)
        self.home.create()
        cross = StrategyInstance(strategy="ema-cross", parameters={**QUICK})
        snapshot.write(self.home, Settings(strategy=StrategySettings(instances={"cross": cross})))
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.candles: list[Candle] = []
        self.arrived = asyncio.Event()

    def start(self, *names: str) -> None:
        """Spawn services as the supervisor does."""
        for name in names:
            command = [sys.executable, "-m", "cryptobot", "--home", os.fspath(self.home.root)]
            with (self.home.logs / f"{name}.log").open("ab") as log:
                self.processes[name] = subprocess.Popen(
                    [*command, "service", "run", name], stdout=log, stderr=log, start_new_session=True
                )

    def kill(self, name: str) -> None:
        """kill -9."""
        self.processes[name].kill()
        self.processes[name].wait(10)

    async def open(self) -> AsyncBus:
        """A client that keeps all candles it hears of."""
        self.bus = await AsyncBus.open(self.home, "viewer")
        self.bus.subscribe(topics.CANDLES, Candle, lambda received: self._keep(received.message))
        await self.bus.settled(30.0)
        return self.bus

    def _keep(self, candle: Candle) -> None:
        self.candles.append(candle)
        self.arrived.set()

    def finished(self) -> list[int]:
        """Open times of the finished candles in the order of arrival, in seconds."""
        return [candle.open_ms // 1000 for candle in self.candles if candle.closed]

    async def answers(self, service: str, question: Message, reply: type[Message]) -> None:
        """Wait until a service answers."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                try:
                    await self.bus.request(service, question, reply, timeout_s=2.0)
                    return
                except BusError:
                    await asyncio.sleep(0.1)

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait for a fact that comes with a candle, with a deadline."""
        async with asyncio.timeout(DEADLINE_S):
            while not true():
                self.arrived.clear()
                await self.arrived.wait()

    def log_of(self, name: str) -> str:
        return (self.home.logs / f"{name}.log").read_text()

    def end(self) -> None:
        for process in reversed(self.processes.values()):
            if process.poll() is None:
                process.terminate()
        for process in self.processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    """Nothing started yet; everything ended afterwards."""
    made = Line(tmp_path / "home")
    yield made
    made.end()
