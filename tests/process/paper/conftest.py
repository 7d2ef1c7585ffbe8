"""The paper exchange as a process that can be killed, with and without the platform around it."""

import asyncio
import contextlib
import hashlib
import hmac
import inspect
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from cryptobot.configs import snapshot
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import PaperSettings, Settings
from cryptobot.services.paper.storage import Storage

_ALONE = """
import asyncio, sys
from pathlib import Path
from cryptobot.configs.schema import PaperSettings
from cryptobot.services.paper.exchange import PaperExchange

async def main():
    settings = PaperSettings(candle_interval_s=float(sys.argv[2]), order_limit=0, request_weight_limit=0)
    exchange = PaperExchange(settings, Path(sys.argv[1]))
    await exchange.start()
    print(exchange.port, flush=True)
    await exchange.failed

asyncio.run(main())
"""
_SERVICE = (
    "import sys; from {0} import main; from cryptobot.configs.paths import Home;"
    "sys.exit(main(Home.find(sys.argv[1])))"
)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run async tests on a loop of their own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = pyfuncitem._fixtureinfo.argnames
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in wanted}))
    return True


class Alone:
    """A paper exchange in a process of its own, and a signed caller for it."""

    def __init__(self, folder: Path, interval_s: float) -> None:
        self.folder, self.interval_s = folder, interval_s
        self.process: subprocess.Popen[str] | None = None
        self.port = 0
        self.key = self.secret = ""

    def start(self) -> None:
        """Returns when it listens."""
        arguments = [sys.executable, "-c", _ALONE, os.fspath(self.folder), str(self.interval_s)]
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        storage = Storage(self.folder)
        _, self.key, self.secret = storage.accounts()[0]
        storage.close()

    def kill(self) -> None:
        """As the kernel does it."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.kill()

    async def call(
        self, session: aiohttp.ClientSession, verb: str, path: str, **params: Any
    ) -> tuple[int, Any]:
        """(status, body) of a signed request."""
        params["timestamp"] = int(time.time() * 1000)
        text = urlencode(params)
        params["signature"] = hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        address = f"http://127.0.0.1:{self.port}/api/v3/{path}?{urlencode(params)}"
        async with session.request(verb, address, headers={"X-MBX-APIKEY": self.key}) as answer:
            return answer.status, await answer.json()


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Alone]:
    """A running paper exchange without the platform; twenty candles a second."""
    made = Alone(tmp_path, 0.05)
    made.start()
    yield made
    made.close()


class Platform:
    """A home with the broker and the paper service."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.children: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        module = {"bus": "cryptobot.bus.broker", "paper": "cryptobot.services.paper.service"}[name]
        arguments = [sys.executable, "-c", _SERVICE.format(module), os.fspath(self.home.root)]
        self.children[name] = subprocess.Popen(arguments)

    def settle(self, paper: PaperSettings) -> None:
        """Put settings in force."""
        snapshot.write(self.home, Settings(paper=paper))

    def close(self) -> None:
        for child in self.children.values():
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            child.wait(10)


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """A home with settings; nothing runs yet."""
    home = Home(tmp_path / "home")
    home.create()
    made = Platform(home)
    made.settle(PaperSettings(candle_interval_s=0.2))
    yield made
    made.close()
