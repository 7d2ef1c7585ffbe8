"""A paper exchange in this process, and a signed caller; tests are async."""

import asyncio
import hashlib
import hmac
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from cryptobot.configs.schema import PaperSettings
from cryptobot.services.paper.exchange import PaperExchange


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run async tests on a loop of their own, within a minute."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    asyncio.run(_within_a_minute(pyfuncitem.obj(**wanted)))
    return True


async def _within_a_minute(test: Awaitable[None]) -> None:
    await asyncio.wait_for(test, 60)


class Customer:
    """An account at an exchange, and its own events."""

    def __init__(self, exchange: PaperExchange, session: aiohttp.ClientSession) -> None:
        self.exchange, self._session = exchange, session
        self.key, self.secret = exchange.api_key, exchange.api_secret

    async def call(self, verb: str, path: str, timeout_s: float = 10.0, **params: Any) -> tuple[int, Any]:
        """(status, body) of a signed request."""
        params = {"timestamp": self.exchange.clock(), **params}
        text = urlencode(params)
        params["signature"] = hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        address = f"{self.exchange.rest_url}/api/v3/{path}?{urlencode(params)}"
        headers, timeout = {"X-MBX-APIKEY": self.key}, aiohttp.ClientTimeout(timeout_s)
        async with self._session.request(verb, address, headers=headers, timeout=timeout) as answer:
            return answer.status, await answer.json()

    async def buy(self, quantity: str = "0.01", **more: Any) -> tuple[int, Any]:
        """A market order."""
        order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": quantity}
        return await self.call("POST", "order", **order | more)

    async def admin(self, verb: str, path: str, body: Any = None) -> tuple[int, Any]:
        """The exchange's own paths."""
        address, headers = f"{self.exchange.rest_url}/paper/{path}", {"X-MBX-APIKEY": self.key}
        async with self._session.request(verb, address, headers=headers, json=body) as answer:
            return answer.status, await answer.json()

    @asynccontextmanager
    async def events(self) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """A socket with the account's events."""
        key = self.exchange.listen_keys.start("main")
        async with self._session.ws_connect(f"{self.exchange.ws_url}/{key}") as socket:
            yield socket


@pytest.fixture
def market(tmp_path: Path) -> Callable[..., Any]:
    """`async with market(...) as customer`: an exchange of its own; arguments are settings."""

    @asynccontextmanager
    async def opened(folder: str = "one", **settings: Any) -> AsyncIterator[Customer]:
        exchange = PaperExchange(PaperSettings(**{"candle_interval_s": 0.2, **settings}), tmp_path / folder)
        await exchange.start()
        try:
            async with aiohttp.ClientSession() as session:
                yield Customer(exchange, session)
        finally:
            await exchange.stop()

    return opened


@pytest.fixture
def eventually() -> Callable[..., Awaitable[Any]]:
    """Await a condition with a deadline."""

    async def wait(condition: Callable[[], Any], seconds: float = 10.0) -> Any:
        end = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < end, "it did not come true in time"
            await asyncio.sleep(0.01)
        return found

    return wait
