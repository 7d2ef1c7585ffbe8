"""Buses of every kind, so that one suite runs against all."""

import asyncio
import inspect
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest
from cryptobot.bus.aio import AsyncBus
from cryptobot.bus.blocking import BlockingBus
from cryptobot.bus.group import Group
from cryptobot.bus.memory import MemoryHub
from cryptobot.configs import snapshot
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import BusSettings, Settings


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run async tests on a loop of their own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = pyfuncitem._fixtureinfo.argnames
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in wanted}))
    return True


MEMBERS = frozenset({"data", "strategy", "dashboard", "cli-1", "cli-1234"})


class Buses(Protocol):
    """Opens clients of one bus."""

    open_async: Callable[[str], Awaitable[AsyncBus]]
    open_blocking: Callable[[str], BlockingBus]


class _Brokered:
    def __init__(self, home: Home, group: Group | None) -> None:
        self.home, self.group = home, group

    async def open_async(self, name: str) -> AsyncBus:
        return await AsyncBus.open(self.home, name, self.group)

    def open_blocking(self, name: str) -> BlockingBus:
        return BlockingBus.open(self.home, name, self.group)


def start_broker(home: Home) -> subprocess.Popen[bytes]:
    """The broker of a home, in a process of its own."""
    code = (
        "import sys; from cryptobot.bus.broker import main; from cryptobot.configs.paths import Home;"
        "sys.exit(main(Home.find(sys.argv[1])))"
    )
    return subprocess.Popen([sys.executable, "-c", code, os.fspath(home.root)])


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home with settings in force."""
    made = Home(tmp_path / "home")
    made.create()
    snapshot.write(made, Settings())
    return made


@pytest.fixture(params=["memory", "ipc", "tcp", "ipc-group", "tcp-group"])
def buses(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Buses]:
    """A bus of each kind; in a group all clients share this process."""
    if request.param == "memory":
        yield MemoryHub()
        return
    home = request.getfixturevalue("home")
    transport, _, grouped = request.param.partition("-")
    snapshot.write(home, Settings(bus=BusSettings(transport=transport)))
    broker = start_broker(home)
    try:
        with BlockingBus.open(home, "starter") as bus:
            bus.settled()
        yield _Brokered(home, Group(home, MEMBERS) if grouped else None)
    finally:
        broker.terminate()
        assert broker.wait(10) == 0
