"""Bus, paper exchange, data and trade as real processes of one home, that can be killed at any moment."""

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
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

import aiohttp
import msgspec
import psutil
import pytest
from cryptobot.bus.aio import AsyncBus
from cryptobot.bus.contracts.base import Done, Message
from cryptobot.bus.contracts.paper import GetPaperInfo, PaperInfo
from cryptobot.bus.contracts.portfolio import GetPortfolioReport, PortfolioReport
from cryptobot.bus.contracts.service import Ping
from cryptobot.bus.contracts.strategy import OrderIntent, OrderIntentReply
from cryptobot.bus.contracts.trade import (
    Fills,
    LedgerReport,
    ListFills,
    ListOrders,
    Order,
    Orders,
    VerifyLedger,
)
from cryptobot.configs import snapshot
from cryptobot.configs.errors import BusError, RequestFailedError
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import (
    PaperSettings,
    Settings,
    StrategyInstance,
    StrategySettings,
    TradeSettings,
)
from cryptobot.configs.sections.accounts import AccountSettings

DEADLINE_S = 60.0
# A service that has just begun serves nothing yet; a venue that was killed is away for a moment.
NOT_YET = ("unknown_request", "venue_away")
R = TypeVar("R", bound=Message)
SETTINGS = Settings(
    paper=PaperSettings(request_weight_limit=0, order_limit=0),
    trade=TradeSettings(
        request_timeout_s=1.0,
        reconcile_interval_s=2.0,
        max_open_orders=500,
        max_orders_per_minute=6000,
        max_orders_per_10s=1000,
        price_collar_percent=Decimal(60),
    ),
)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run async tests on a loop of their own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = pyfuncitem._fixtureinfo.argnames
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in wanted}))
    return True


class Platform:
    """Processes of one home, and a client of the bus."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder)
        self.home.create()
        snapshot.write(self.home, SETTINGS)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    async def start_all(self) -> None:
        """Everything up and answering, and a price known to trade."""
        self.start("bus", "paper")
        self.bus = await AsyncBus.open(self.home, "strategy")
        await self.bus.settled(30.0)
        await self.ready("paper")
        self.start("data", "trade")
        await self.ready("data", "trade")
        await self.entries_pass()

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

    def stop(self, name: str) -> None:
        """An orderly end."""
        self.processes[name].terminate()
        self.processes[name].wait(30)

    async def ready(self, *names: str) -> None:
        for name in names:
            await self.ask(name, Ping(), Done)

    async def ask(self, service: str, message: Message, reply: type[R]) -> R:
        """Ask until an answer comes: the same request may be sent by several lives of this question."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                try:
                    return await self.bus.request(service, message, reply, timeout_s=3.0)
                except BusError as error:
                    if isinstance(error, RequestFailedError) and error.code not in NOT_YET:
                        raise
                    assert self.processes[service].poll() is None, self.log_of(service)[-3000:]
                    await asyncio.sleep(0.05)

    async def entries_pass(self) -> None:
        """Wait until trade has a price and is in step: an order far too small is denied for its size
        alone.
        """
        async with asyncio.timeout(DEADLINE_S):
            for number in range(10_000):
                reply = await self.intend(f"probe:{time.monotonic()}:{number}", amount=Decimal("0.000001"))
                if reply.code == "amount_too_small":
                    return
                await asyncio.sleep(0.1)

    async def intend(self, intent_id: str, **fields: Any) -> OrderIntentReply:
        given: dict[str, Any] = {"side": "buy", "type": "market", "amount": Decimal("0.002"), **fields}
        intent = OrderIntent(
            intent_id=intent_id, source="storm", exchange="paper", symbol="BTC/USDT", **given
        )
        return await self.ask("trade", intent, OrderIntentReply)

    async def orders(self) -> dict[str, Order]:
        """Orders that were not denied, by the intent's id."""
        listed = await self.ask("trade", ListOrders(limit=10_000), Orders)
        return {order.intent_id: order for order in listed.orders if order.state != "DENIED"}

    async def fills(self) -> Fills:
        return await self.ask("trade", ListFills(limit=10_000), Fills)

    async def settled(self) -> dict[str, Order]:
        """Wait until no order's outcome is unknown or about to change."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                orders = await self.orders()
                moving = {"PENDING", "SUBMITTED", "PENDING_CANCEL"}
                if not any(order.state in moving for order in orders.values()):
                    return orders
                await asyncio.sleep(0.2)

    async def verify(self) -> LedgerReport:
        return await self.ask("trade", VerifyLedger(), LedgerReport)

    async def paper_info(self) -> PaperInfo:
        return await self.ask("paper", GetPaperInfo(), PaperInfo)

    async def exchange_orders(self) -> list[dict[str, Any]]:
        """Every order of the account, as the exchange lists them."""
        info = await self.paper_info()
        found: list[dict[str, Any]] = []
        while True:
            # From 1 on: 0 would be the newest page.
            start = found[-1]["orderId"] + 1 if found else 1
            query = urlencode(
                {"symbol": "BTCUSDT", "orderId": start, "limit": 1000, "timestamp": int(time.time() * 1000)}
            )
            signature = hmac.new(info.api_secret.encode(), query.encode(), hashlib.sha256).hexdigest()
            url = f"{info.rest_url}/api/v3/allOrders?{query}&signature={signature}"
            headers = {"X-MBX-APIKEY": info.api_key}
            async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
                page = msgspec.json.decode(await answer.read())
            found += page
            if len(page) < 1000:
                return found

    async def exchange_has(self, count: int) -> None:
        """Wait until the exchange has taken so many orders."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                if len(await self.exchange_orders()) >= count:
                    return
                await asyncio.sleep(0.05)

    async def fault(self, kind: str, target: str = "", count: int = 1, seconds: float = 0.0) -> None:
        """Switch a fault of the exchange on; one that cannot be reached has another fault already."""
        info = await self.paper_info()
        body = msgspec.json.encode({"kind": kind, "target": target, "count": count, "seconds": seconds})
        with contextlib.suppress(aiohttp.ClientError):
            async with aiohttp.ClientSession() as session:
                headers = {"X-MBX-APIKEY": info.api_key}
                async with session.post(
                    f"{info.rest_url}/paper/faults", data=body, headers=headers
                ) as answer:
                    assert answer.status == 200, await answer.text()

    async def no_faults(self) -> None:
        info = await self.paper_info()
        async with aiohttp.ClientSession() as session:
            headers = {"X-MBX-APIKEY": info.api_key}
            async with session.delete(f"{info.rest_url}/paper/faults", headers=headers) as answer:
                assert answer.status == 200

    def log_of(self, name: str) -> str:
        return (self.home.logs / f"{name}.log").read_text()

    async def close(self) -> None:
        if hasattr(self, "bus"):
            await self.bus.close()

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


class Alive:
    """A service that its supervisor brings back."""

    def poll(self) -> None:
        return None


class Supervised(Platform):
    """The same, run by a supervisor of its own: what is killed comes back by itself."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        quick, chosen = SETTINGS.trade, self.home.root / "config.yaml"
        chosen.write_text(
            "supervisor: {restart_limit: 1000, backoff_initial_s: 0.1, backoff_max_s: 1}\n"
            "paper: {request_weight_limit: 0, order_limit: 0}\ndashboard: {port: 0}\n"
            f"trade: {{request_timeout_s: {quick.request_timeout_s}, "
            f"max_open_orders: {quick.max_open_orders}, reconcile_interval_s: {quick.reconcile_interval_s}, "
            f"max_orders_per_minute: {quick.max_orders_per_minute}, "
            f"max_orders_per_10s: {quick.max_orders_per_10s}, "
            f"price_collar_percent: {quick.price_collar_percent}}}\n"
        )
        self.processes = dict.fromkeys(("bus", "paper", "data", "trade", "strategy"), Alive())  # type: ignore[arg-type]

    async def start_all(self) -> None:
        await asyncio.to_thread(self._command, "up", "-d")
        self.bus = await AsyncBus.open(self.home, "probe")
        await self.bus.settled(30.0)
        await self.ready("paper", "data", "trade")
        await self.entries_pass()

    def start(self, *names: str) -> None:
        """Only the supervisor has to be started; it finds the others."""
        if "supervisor" in names:
            self._command("up", "-d")

    def kill(self, name: str) -> None:
        """kill -9 of whatever runs under this name now; nothing when it is just coming back."""
        for process in self.running(name):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def stop(self, name: str) -> None:
        self._command("stop", name)

    def running(self, name: str) -> list[psutil.Process]:
        """Processes of this home under the name of a service, or its supervisor; "" is all of them."""
        found = []
        for process in psutil.process_iter(["cmdline"]):
            words = process.info["cmdline"] or []
            if os.fspath(self.home.root) not in words:
                continue
            role = words[-1] if words[-3:-1] == ["service", "run"] else "supervisor"
            if name in ("", role):
                found.append(process)
        return found

    def end(self) -> None:
        with contextlib.suppress(AssertionError):
            self._command("down")
        for process in self.running(""):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def _command(self, *words: str) -> None:
        command = [sys.executable, "-m", "cryptobot", "--home", os.fspath(self.home.root), *words]
        done = subprocess.run(command, capture_output=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Supervised]:
    """A whole platform, not started yet; ended afterwards."""
    made = Supervised(tmp_path / "home")
    yield made
    made.end()


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """Nothing started yet; everything ended afterwards."""
    made = Platform(tmp_path / "home")
    yield made
    made.end()


SERVICE = {"main": "trade", "second": "trade-second"}
RUNS = {
    "quick": StrategyInstance(strategy="ema-cross", parameters={"fast": 2, "slow": 5}),
    "other": StrategyInstance(
        strategy="ema-cross", account="second", parameters={"fast": 3, "slow": 6}, symbol="BTC/USDT"
    ),
}
TWO = msgspec.structs.replace(
    SETTINGS,
    accounts={"second": AccountSettings(balances={"USDT": Decimal(5000)}, max_order_value=Decimal(5200))},
    strategy=StrategySettings(instances=RUNS),
    paper=msgspec.structs.replace(SETTINGS.paper, candle_interval_s=0.25),
)


class Two(Platform):
    """Main and second on the paper exchange."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        snapshot.write(self.home, TWO)

    async def start_all(self) -> None:
        self.start("bus", "paper")
        self.bus = await AsyncBus.open(self.home, "probe")
        await self.bus.settled(30.0)
        await self.ready("paper")
        self.start("data", "trade", "trade-second")
        await self.ready("data", "trade", "trade-second")
        for account in SERVICE:
            await self.passes(account)

    async def passes(self, account: str) -> None:
        """Wait until an account has a price and is in step."""
        async with asyncio.timeout(DEADLINE_S):
            for number in range(10_000):
                intent = f"probe:{account}:{time.monotonic()}:{number}"
                reply = await self.want(account, intent, amount=Decimal("0.000001"))
                if reply.code == "amount_too_small":
                    return
                await asyncio.sleep(0.1)

    async def want(self, account: str, intent_id: str, **fields: Any) -> OrderIntentReply:
        given: dict[str, Any] = {"side": "buy", "type": "market", "amount": Decimal("0.002"), **fields}
        intent = OrderIntent(
            intent_id=intent_id,
            source="hand",
            exchange="paper",
            symbol="BTC/USDT",
            account=given.pop("named", account),
            **given,
        )
        return await self.ask(SERVICE[account], intent, OrderIntentReply)

    async def ended(self, account: str) -> dict[str, Order]:
        """Wait until no order of an account is under way."""
        moving = {"PENDING", "SUBMITTED", "ACCEPTED", "PARTIALLY_FILLED", "PENDING_CANCEL"}
        async with asyncio.timeout(DEADLINE_S):
            while True:
                listed = await self.ask(SERVICE[account], ListOrders(limit=10_000), Orders)
                found = {one.intent_id: one for one in listed.orders if one.state != "DENIED"}
                if not any(one.state in moving for one in found.values()):
                    return found
                await asyncio.sleep(0.1)

    async def paper_account(self, account: str) -> PaperInfo:
        return await self.ask("paper", GetPaperInfo(account=account), PaperInfo)

    async def paper_info(self) -> PaperInfo:
        return await self.paper_account(self.looking_at)

    async def equal(self, account: str) -> None:
        """The account's ledger is the exchange's, and both know the same orders."""
        own = await self.ended(account)
        report = await self.ask(SERVICE[account], VerifyLedger(), LedgerReport)
        assert report.equal, report.differences
        assert report.unknown_orders == 0
        self.looking_at = account
        there = {one["clientOrderId"] for one in await self.exchange_orders()}
        assert there == {one.client_order_id for one in own.values() if one.exchange_order_id}

    async def until_traded(self, runs: dict[str, str]) -> None:
        """Wait until every run has a filled order."""
        async with asyncio.timeout(DEADLINE_S * 2):
            for account, run in runs.items():
                while True:
                    listed = await self.ask(SERVICE[account], ListOrders(limit=500), Orders)
                    if any(one.source == run and one.state == "FILLED" for one in listed.orders):
                        break
                    await asyncio.sleep(0.2)

    async def report(self) -> PortfolioReport:
        """Wait until every account is known."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                found = await self.ask("portfolio", GetPortfolioReport(), PortfolioReport)
                if found.accounts and all(one.equity is not None for one in found.accounts):
                    return found
                await asyncio.sleep(0.1)

    looking_at = "main"


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    """Nothing started yet; everything ended afterwards."""
    made = Two(tmp_path / "home")
    yield made
    made.end()
