"""A paper exchange on real sockets, and clients that we did not write, given nothing but its addresses."""

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
    """Run async tests on a loop of their own, with `exchange` open if they ask for it."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    asyncio.run(_run(pyfuncitem.obj, wanted))
    return True


async def _run(test: Callable[..., Awaitable[None]], wanted: dict[str, Any]) -> None:
    exchange = wanted.get("exchange")
    if exchange is None:
        await test(**wanted)
        return
    await exchange.start()
    try:
        await asyncio.wait_for(test(**wanted), 60)
    finally:
        await exchange.stop()


@pytest.fixture
def exchange(tmp_path: Path) -> PaperExchange:
    """A paper exchange, open while an async test runs: five recorded candles a second."""
    return PaperExchange(PaperSettings(candle_interval_s=0.2), tmp_path)


def point(client: Any, exchange: PaperExchange) -> Any:
    """Point a ccxt client at the exchange: addresses only."""
    urls = client.urls["api"]
    urls["public"] = urls["private"] = f"{exchange.rest_url}/api/v3"
    urls["sapi"] = f"{exchange.rest_url}/sapi/v1"
    urls["fapiPublic"] = f"{exchange.rest_url}/fapi/v1"
    urls["dapiPublic"] = f"{exchange.rest_url}/dapi/v1"
    if "ws" in urls:
        urls["ws"]["spot"] = exchange.ws_url
        urls["ws"]["ws-api"]["spot"] = exchange.ws_api_url
    return client


@pytest.fixture
def connect() -> Callable[..., Any]:
    """connect(module, exchange): an unmodified ccxt, ccxt.async_support or ccxt.pro client."""

    def make(module: Any, exchange: PaperExchange, **more: Any) -> Any:
        keys = {"apiKey": exchange.api_key, "secret": exchange.api_secret}
        return point(module.binance(keys | more), exchange)

    return make


@pytest.fixture
def opened(connect: Callable[..., Any]) -> Callable[..., Any]:
    """`async with opened(module, exchange) as client`: closes the client afterwards."""

    @asynccontextmanager
    async def manage(module: Any, exchange: PaperExchange, **more: Any) -> AsyncIterator[Any]:
        client = connect(module, exchange, **more)
        try:
            await client.load_markets()
            yield client
        finally:
            await client.close()

    return manage


class Raw:
    """A client without opinions: signs and sends, and shows status, headers and body."""

    def __init__(self, exchange: PaperExchange) -> None:
        self.exchange = exchange
        self.key, self.secret = exchange.api_key, exchange.api_secret

    async def call(
        self, verb: str, path: str, *, signed: bool = False, key: str = "", secret: str = "", **params: Any
    ) -> tuple[int, Any, Any]:
        """(status, body, headers) of one request."""
        if signed:
            params = {"timestamp": int(time.time() * 1000), **params}
            text = urlencode(params)
            digest = hmac.new((secret or self.secret).encode(), text.encode(), hashlib.sha256)
            params["signature"] = digest.hexdigest()
        headers = {"X-MBX-APIKEY": key or self.key} if signed or key else {}
        address = f"{self.exchange.rest_url}{path}?{urlencode(params)}"
        opened = aiohttp.ClientSession(headers=headers)
        async with opened as session, session.request(verb, address) as answer:
            return answer.status, await answer.json(), answer.headers


@pytest.fixture
def raw(exchange: PaperExchange) -> Callable[[], Raw]:
    """Makes a raw client; call it inside the test, when the keys are there."""
    return lambda: Raw(exchange)


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
