"""A whole trade service on a real paper exchange, in one loop: sockets are real, the bus is the memory
one.
"""

import asyncio
import contextlib
import inspect
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
import structlog
from cryptobot.bus import topics
from cryptobot.bus.aio import AsyncBus
from cryptobot.bus.contracts.base import Done, Message
from cryptobot.bus.contracts.market import Candle
from cryptobot.bus.contracts.paper import GetPaperInfo, PaperInfo
from cryptobot.bus.contracts.service import Alert
from cryptobot.bus.contracts.strategy import OrderIntent, OrderIntentReply
from cryptobot.bus.contracts.trade import (
    CancelOrder,
    Fill,
    Fills,
    GetPortfolio,
    LedgerReport,
    ListFills,
    ListOrders,
    Order,
    Orders,
    Portfolio,
    Position,
    VerifyLedger,
)
from cryptobot.bus.memory import MemoryHub
from cryptobot.configs.notify import Notifier
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import DataSettings, PaperSettings, Settings, TradeSettings
from cryptobot.services.paper.exchange import PaperExchange
from cryptobot.services.paper.faults import Fault
from cryptobot.services.trade.service import TradeService

DEADLINE_S = 40.0
EXCHANGE, SYMBOL = "paper", "BTC/USDT"
SETTINGS = Settings(
    paper=PaperSettings(candle_interval_s=0.5, request_weight_limit=0),
    trade=TradeSettings(request_timeout_s=1.0, reconcile_interval_s=2.0, price_collar_percent=Decimal(60)),
    data=DataSettings(stale_after_s=5.0),
)


class Rig:
    """The exchange, the bus, a source of prices, and the service under test."""

    def __init__(self, folder: Path, settings: Settings = SETTINGS) -> None:
        self.settings, self._folder = settings, folder
        self.home = Home(folder / "home")
        self.home.create()
        self.hub = MemoryHub()
        self.events: list[Message] = []
        self._arrived = asyncio.Event()
        self._numbers = 0
        self._service: tuple[TradeService, asyncio.Task[None], AsyncBus] | None = None

    async def start(self) -> None:
        self._buses: list[AsyncBus] = []
        self._prices: asyncio.Task[None] | None = None
        self.exchange = self._new_exchange()
        await self.exchange.start()
        paper = await self.hub.open_async("paper")
        paper.serve(GetPaperInfo, lambda request: self._info())
        self._data = await self.hub.open_async("data")
        self.client = await self.hub.open_async("strategy")
        for prefix, schema in (
            (topics.ORDERS, Order),
            (topics.FILLS, Fill),
            (topics.ALERTS, Alert),
            (topics.POSITIONS, Position),
        ):
            self.client.subscribe(prefix, schema, self._take)
        self._buses = [paper, self._data, self.client]
        self._prices = asyncio.create_task(self._publish_prices())
        await self.start_trade()

    async def start_trade(self) -> None:
        """Begin (again) on the same home; returns when it is ready."""
        bus = await self.hub.open_async("trade")
        service = TradeService(self.home, self.settings, bus, structlog.get_logger())
        ready = asyncio.Event()
        notifier = _Ready(ready)
        task = asyncio.create_task(service.serve_until_stopped(notifier))
        waiter = asyncio.create_task(ready.wait())
        await asyncio.wait({task, waiter}, timeout=DEADLINE_S, return_when=asyncio.FIRST_COMPLETED)
        waiter.cancel()
        if task.done():
            task.result()
        assert ready.is_set(), "trade did not become ready"
        self._service = (service, task, bus)
        await self.until(lambda: self._heard_price(service))

    async def stop_trade(self) -> None:
        """An orderly end."""
        assert self._service is not None
        service, task, bus = self._service
        self._service = None
        service.end()
        await task
        await bus.close()

    async def kill_trade(self) -> None:
        """As near to kill -9 as one process allows: every task cut where it waits, no drain, no goodbye."""
        assert self._service is not None
        service, task, bus = self._service
        self._service = None
        service._dispatcher = None
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await bus.close()

    @property
    def service(self) -> TradeService:
        assert self._service is not None
        return self._service[0]

    async def stop_exchange(self) -> None:
        await self.exchange.stop()

    async def start_exchange(self) -> None:
        """The same exchange again: accounts, orders and addresses stay."""
        self.exchange = self._new_exchange()
        await self.exchange.start()

    async def close(self) -> None:
        if self._prices is not None:
            self._prices.cancel()
        if self._service is not None:
            await self.stop_trade()
        for bus in self._buses:
            await bus.close()
        await self.exchange.stop()

    def fault(self, kind: str, target: str = "", count: int = 1, seconds: float = 0.0) -> None:
        self.exchange.inject(Fault(kind, target, count, seconds))

    @property
    def price(self) -> Decimal:
        """The last price that was published."""
        return self._price

    async def intend(self, side: str = "buy", type_: str = "market", **fields: Any) -> OrderIntentReply:
        """Ask trade for an order as a strategy does."""
        self._numbers += 1
        given: dict[str, Any] = {"intent_id": f"test:{self._numbers}", "amount": Decimal("0.01")}
        if "cash" in fields:
            given.pop("amount")
        given.update(fields)
        intent = OrderIntent(source="test", exchange=EXCHANGE, symbol=SYMBOL, side=side, type=type_, **given)
        return await self.client.request("trade", intent, OrderIntentReply)

    async def buy(self, amount: str = "0.01") -> Order:
        """A market buy, filled."""
        reply = await self.intend(amount=Decimal(amount))
        assert reply.accepted, reply
        return await self.state(reply.order_id, "FILLED")

    async def cancel(self, order_id: str) -> None:
        await self.client.request("trade", CancelOrder(order_id=order_id, actor="test"), Done)

    async def orders(self, open_only: bool = False) -> list[Order]:
        return (await self.client.request("trade", ListOrders(open_only=open_only), Orders)).orders

    async def order(self, order_id: str) -> Order:
        return next(order for order in await self.orders() if order.id == order_id)

    async def fills(self) -> list[Fill]:
        return (await self.client.request("trade", ListFills(), Fills)).fills

    async def portfolio(self) -> Portfolio:
        return await self.client.request("trade", GetPortfolio(), Portfolio)

    async def position(self) -> Position:
        found = [p for p in (await self.portfolio()).positions if p.symbol == SYMBOL]
        return found[0]

    async def verify(self) -> LedgerReport:
        return await self.client.request("trade", VerifyLedger(), LedgerReport, timeout_s=15.0)

    async def state(self, order_id: str, *states: str) -> Order:
        """Wait until an order event of this order has one of these states."""

        def found() -> Order | None:
            matches = [m for m in self.events if isinstance(m, Order) and m.id == order_id]
            return next((m for m in reversed(matches) if m.state in states), None)

        await self.until(lambda: found() is not None)
        order = found()
        assert order is not None
        return order

    def alerts(self, part: str) -> list[Alert]:
        return [m for m in self.events if isinstance(m, Alert) and part in f"{m.key} {m.title}"]

    async def until(self, condition: Callable[[], Any], within_s: float = DEADLINE_S) -> None:
        """Wait for a fact that events bring about."""
        async with asyncio.timeout(within_s):
            while not condition():
                self._arrived.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._arrived.wait(), 0.1)

    async def exchange_call(self, verb: str, path: str, **params: Any) -> Any:
        """A signed call of the test's own to the exchange, as another program of the user would make it."""
        import hashlib
        import hmac
        import time
        from urllib.parse import urlencode

        query = urlencode({**params, "timestamp": int(time.time() * 1000) + self.exchange.faults.skew_ms})
        secret = self.exchange.api_secret.encode()
        signature = hmac.new(secret, query.encode(), hashlib.sha256).hexdigest()
        url = f"{self.exchange.rest_url}{path}?{query}&signature={signature}"
        headers = {"X-MBX-APIKEY": self.exchange.api_key}
        async with aiohttp.ClientSession() as session, session.request(verb, url, headers=headers) as answer:
            body = await answer.read()
            assert answer.status == 200, body
            return msgspec.json.decode(body)

    async def exchange_orders(self) -> list[dict[str, Any]]:
        """Every order that the exchange ever had in this symbol."""
        return list(await self.exchange_call("GET", "/api/v3/allOrders", symbol="BTCUSDT"))

    async def until_exchange_filled(self, *client_ids: str) -> str:
        """Wait until the exchange itself says that one of these is filled; which."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                for order in await self.exchange_orders():
                    if order["clientOrderId"] in client_ids and order["status"] == "FILLED":
                        return str(order["clientOrderId"])
                await asyncio.sleep(0.05)

    def silence_prices(self) -> None:
        """No more candles reach the bus."""
        assert self._prices is not None
        self._prices.cancel()

    def _new_exchange(self) -> PaperExchange:
        return PaperExchange(self.settings.paper, self._folder / "exchange")

    def _info(self) -> PaperInfo:
        x = self.exchange
        return PaperInfo(
            rest_url=x.rest_url,
            ws_url=x.ws_url,
            ws_api_url=x.ws_api_url,
            api_key=x.api_key,
            api_secret=x.api_secret,
            symbols=x.symbols,
            note=x.note,
        )

    def _take(self, received: Any) -> None:
        self.events.append(received.message)
        self._arrived.set()

    def _heard_price(self, service: TradeService) -> bool:
        known = service._account.prices.get(SYMBOL)
        return known is not None and known.heard_s > 0

    async def _publish_prices(self) -> None:
        publisher = self._data.topic(topics.candle(EXCHANGE, SYMBOL, "1s"), Candle)
        open_ms = 0
        async with aiohttp.ClientSession() as session:
            while True:
                url = f"{self.exchange.rest_url}/api/v3/ticker/price?symbol=BTCUSDT"
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(url) as answer:
                        price = str(msgspec.json.decode(await answer.read())["price"])
                        self._price = Decimal(price)
                        open_ms += 1000
                        publisher.send(
                            Candle(
                                exchange=EXCHANGE,
                                symbol=SYMBOL,
                                timeframe="1s",
                                open_ms=open_ms,
                                open=price,
                                high=price,
                                low=price,
                                close=price,
                                volume="1",
                                closed=True,
                            )
                        )
                await asyncio.sleep(0.1)


class _Ready(Notifier):
    """Tells the test instead of a supervisor."""

    def __init__(self, event: asyncio.Event) -> None:
        super().__init__({})
        self._event = event

    def ready(self, status: str = "ready", **facts: str) -> None:
        self._event.set()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run an `async def` test in a loop of its own, with the rig it asks for."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: pyfuncitem.funcargs[name] for name in wanted}

    async def scenario() -> None:
        rig = arguments.get("rig")
        if not isinstance(rig, Rig):
            await pyfuncitem.obj(**arguments)
            return
        try:
            await rig.start()
            await pyfuncitem.obj(**arguments)
        finally:
            await rig.close()

    asyncio.run(scenario())
    return True


@pytest.fixture
def rig(tmp_path: Path, request: pytest.FixtureRequest) -> Rig:
    """A platform of exchange and trade, started around the test; `pytest.mark.parametrize` may give
    settings.
    """
    settings: Settings = getattr(request, "param", SETTINGS)
    return Rig(tmp_path, settings)
