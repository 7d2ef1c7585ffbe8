"""A platform to look at: a real broker and the real dashboard as processes, small services that serve the contracts.

Run by the tests of this folder, and by hand: `python tests/browser/fake_platform.py HOME [PORT]`.
It prints one JSON line when the dashboard is ready, and then takes commands, one word a line, on stdin:
bus-stop, bus-start, auth-stop, auth-start, alert, must-change, fast, quit.
"""

import asyncio
import json
import math
import os
import random
import secrets
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

from cryptobot.bus import topics
from cryptobot.bus.aio import AsyncBus
from cryptobot.bus.api import Request
from cryptobot.bus.contracts.auth import (
    ChangePassword,
    CheckSession,
    Login,
    LoginResult,
    Logout,
    Session,
    SessionsRevoked,
)
from cryptobot.bus.contracts.base import Done
from cryptobot.bus.contracts.market import Candle, Candles, Feed, Feeds, ListCandles, ListFeeds
from cryptobot.bus.contracts.service import (
    Alert,
    Audit,
    ControlService,
    GetStatus,
    Heartbeat,
    LogLine,
    ServiceState,
    ServiceStats,
    ServiceStatus,
    SupervisorStatus,
)
from cryptobot.bus.contracts.strategy import (
    IndicatorValues,
    ListStrategies,
    SetStrategyRunning,
    Signal,
    Strategies,
    StrategyStatus,
)
from cryptobot.bus.contracts.trade import (
    Balance,
    CancelOrder,
    Equity,
    EquityHistory,
    Fill,
    Fills,
    GetPortfolio,
    ListEquity,
    ListFills,
    ListOrders,
    Order,
    Orders,
    Portfolio,
    Position,
    SetTradingState,
    TradingState,
)
from cryptobot.configs import snapshot
from cryptobot.configs.errors import RequestFailedError
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import DashboardSettings, Settings

PASSWORD = "correct horse battery"
NOTE = "Recorded prices (Coinbase BTC/USD, hourly, 2017-2019), played faster than the clock: one candle a second."
ALL = [
    "market.read", "service.read", "service.control", "strategy.read", "strategy.control", "trade.read", "trade.order",
    "trade.halt", "account.password", "audit.read",
]  # fmt: skip
VIEWER = ["market.read", "service.read", "strategy.read", "trade.read", "account.password"]
TITLES = {
    "bus": ("Message bus", []), "auth": ("Users and sessions", ["bus"]), "paper": ("Paper exchange", ["bus"]),
    "data": ("Market data", ["bus", "paper"]), "trade": ("Orders and ledger", ["bus", "paper"]),
    "strategy": ("Strategies", ["bus", "data", "trade"]), "dashboard": ("Dashboard", ["bus", "auth"]),
}  # fmt: skip
TARGETS = {"bus": "cryptobot.bus.broker", "dashboard": "cryptobot.dashboard.service"}
CANDLE = {"exchange": "paper", "symbol": "BTC/USDT", "timeframe": "1s"}


def now_ms() -> int:
    """Wall-clock milliseconds."""
    return time.time_ns() // 1_000_000


class FakeAuth:
    """Two users, one password; sessions in memory."""

    def __init__(self, bus: AsyncBus) -> None:
        self.bus, self.sessions, self.must_change, self.password = bus, {}, False, PASSWORD
        bus.serve(Login, self.login)
        bus.serve(CheckSession, self.check)
        bus.serve(Logout, self.logout)
        bus.serve(ChangePassword, self.change)

    def login(self, request: Request[Login]) -> LoginResult:
        """As auth: one answer for a wrong name and a wrong password."""
        asked = request.message
        roles = {"admin": ALL, "viewer": VIEWER}
        ok = asked.user in roles and asked.password == self.password
        audit = Audit(kind="login", actor=asked.user, action="logged in", subject="", detail=asked.address, ok=ok)
        self.bus.publish(topics.audit("login"), audit)
        if not ok:
            return LoginResult(token="", session=None, code="login_failed", reason="Name or password is wrong.")
        token = secrets.token_urlsafe(32)
        self.sessions[token] = Session(
            user=asked.user, role=asked.user, permissions=roles[asked.user], csrf_token=secrets.token_urlsafe(24),
            expires_ms=now_ms() + 3_600_000, must_change_password=self.must_change,
        )  # fmt: skip
        return LoginResult(token=token, session=self.sessions[token])

    def check(self, request: Request[CheckSession]) -> Session:
        """The session, or a refusal."""
        session = self.sessions.get(request.message.token)
        if session is None:
            raise RequestFailedError("session_invalid", "The session has ended; log in again.")
        return session

    def logout(self, request: Request[Logout]) -> Done:
        """Forget it."""
        self.sessions.pop(request.message.token, None)
        return Done()

    def change(self, request: Request[ChangePassword]) -> Done:
        """All other sessions end."""
        asked = request.message
        if asked.current != self.password:
            raise RequestFailedError("wrong_password", "The password now is not right.")
        self.password, user = asked.new, self.sessions[asked.token].user
        self.sessions = {asked.token: self.sessions[asked.token]}
        self.bus.publish(topics.audit("session"), SessionsRevoked(user=user))
        return Done()

    def revoke(self) -> None:
        """An administrator ends all sessions."""
        self.sessions.clear()
        self.bus.publish(topics.audit("session"), SessionsRevoked(user="admin"))


class FakeSupervisor:
    """Says of every service that it runs, and obeys."""

    def __init__(self, bus: AsyncBus) -> None:
        self.bus, self.started = bus, time.monotonic()
        self.services = {
            name: {"state": "RUNNING", "pid": 4100 + index * 7, "since": now_ms() - 90_000, "restarts": 0, "reason": ""}
            for index, name in enumerate(TITLES)
        }
        bus.serve(GetStatus, self.status)
        bus.serve(ControlService, self.control)

    def status(self, request: Request[GetStatus]) -> SupervisorStatus:
        """Everything at once."""
        services = [
            ServiceStatus(
                name=name, title=TITLES[name][0], state=item["state"], ready=item["state"] == "RUNNING",
                pid=item["pid"], uptime_s=(now_ms() - item["since"]) / 1000, restarts=item["restarts"], cpu_percent=0.4,
                rss_bytes=60 << 20, health="healthy" if item["pid"] else "unknown", reason=item["reason"],
                requires=TITLES[name][1],
            )
            for name, item in self.services.items()
        ]  # fmt: skip
        return SupervisorStatus(
            pid=os.getpid(), state="RUNNING", uptime_s=time.monotonic() - self.started, version="0.1.0", services=services
        )

    async def control(self, request: Request[ControlService]) -> Done:
        """Take the request; the change comes a moment later."""
        asked = request.message
        if asked.service not in self.services:
            raise RequestFailedError("unknown_service", f"There is no service {asked.service!r}.")
        self.bus.start(self._carry_out(asked))
        return Done(message=f"{asked.service}: {asked.action} is under way.")

    async def _carry_out(self, asked: ControlService) -> None:
        steps = {"start": ["STARTING", "RUNNING"], "stop": ["STOPPING", "STOPPED"],
                 "restart": ["STOPPING", "STARTING", "RUNNING"]}[asked.action]  # fmt: skip
        item = self.services[asked.service]
        for state in steps:
            item.update(state=state, since=now_ms(), reason=f"{asked.action} by {asked.actor}" if state != "RUNNING" else "")
            item["pid"] = 0 if state == "STOPPED" else random.randint(5000, 9000) if state == "STARTING" else item["pid"]
            self.say(asked.service)
            await asyncio.sleep(0.3)

    def say(self, name: str) -> None:
        """Publish a state."""
        item = self.services[name]
        state = ServiceState(
            name=name, title=TITLES[name][0], state=item["state"], ready=item["state"] == "RUNNING", pid=item["pid"],
            since_ns=item["since"] * 1_000_000, restarts=item["restarts"], reason=item["reason"],
            health="healthy" if item["pid"] else "unknown",
        )  # fmt: skip
        self.bus.publish(topics.service_state(name), state)

    def sample(self, turn: int) -> None:
        """Publish what each uses."""
        for index, (name, item) in enumerate(self.services.items()):
            if item["pid"]:
                wave = 1 + math.sin(turn / 9 + index) + random.random()
                stats = ServiceStats(
                    name=name, pid=item["pid"], cpu_percent=round(wave * (1 + index % 3), 1), threads=4, open_files=30,
                    rss_bytes=int((48 + index * 9 + wave) * (1 << 20)), uptime_s=(now_ms() - item["since"]) / 1000,
                )  # fmt: skip
                self.bus.publish(topics.service_stats(name), stats)


class FakeTrade:
    """An account that buys and sells as the fake strategy says."""

    def __init__(self, bus: AsyncBus) -> None:
        self.bus = bus
        self.cash, self.coins, self.average, self.fees = Decimal(10_000), Decimal(0), None, Decimal(0)
        self.realised, self.price, self.number = Decimal(0), Decimal(6500), 0
        self.orders: list[Order] = []
        self.fills: list[Fill] = []
        self.curve: list[Equity] = []
        self.state = TradingState(state="ACTIVE", reason="", actor="", since_ms=now_ms())
        bus.serve(GetPortfolio, lambda request: self.portfolio())
        bus.serve(ListOrders, lambda request: Orders(orders=self.orders[::-1][: request.message.limit]))
        bus.serve(ListFills, lambda request: Fills(fills=self.fills[::-1][: request.message.limit]))
        bus.serve(ListEquity, lambda request: EquityHistory(points=self.curve))
        bus.serve(SetTradingState, self.set_state)
        bus.serve(CancelOrder, self.cancel)

    def portfolio(self) -> Portfolio:
        """All at once."""
        return Portfolio(positions=[self.position()], balances=self.balances(), equity=self.equity(), trading_state=self.state)

    def position(self) -> Position:
        """The one position."""
        open_gain = (self.price - self.average) * self.coins if self.average else Decimal(0)
        return Position(
            exchange="paper", symbol="BTC/USDT", amount=self.coins, average=self.average, realised_pnl=self.realised,
            unrealised_pnl=open_gain.quantize(Decimal("0.01")), fees=self.fees, updated_ms=now_ms(),
        )  # fmt: skip

    def balances(self) -> list[Balance]:
        """Cash and coins."""
        held = {"USDT": self.cash, "BTC": self.coins}
        return [Balance(exchange="paper", asset=a, free=v, used=Decimal(0), total=v) for a, v in held.items()]

    def equity(self, ts_ms: int = 0) -> Equity:
        """The value now."""
        position = self.position()
        return Equity(
            exchange="paper", currency="USDT", equity=(self.cash + self.coins * self.price).quantize(Decimal("0.01")),
            start_equity=Decimal(10_000), realised_pnl=self.realised, unrealised_pnl=position.unrealised_pnl,
            ts_ms=ts_ms or now_ms(),
        )  # fmt: skip

    def set_state(self, request: Request[SetTradingState]) -> TradingState:
        """Obey."""
        asked = request.message
        self.state = TradingState(state=asked.state, reason=asked.reason, actor=asked.actor, since_ms=now_ms())
        self.bus.publish(topics.TRADING_STATE, self.state)
        return self.state

    def cancel(self, request: Request[CancelOrder]) -> Done:
        """Cancel a resting order."""
        for index, order in enumerate(self.orders):
            if order.id == request.message.order_id:
                self.orders[index] = changed = _with(order, state="CANCELED", updated_ms=now_ms())
                self.bus.publish(topics.order("paper", "canceled"), changed)
                return Done(message="The order is cancelled.")
        raise RequestFailedError("unknown_order", "There is no such order.")

    def rest(self, price: Decimal) -> None:
        """Put a limit order that waits."""
        self.orders.append(self._order("buy", "limit", Decimal("0.05"), price, "OPEN", now_ms(), Decimal(0), "manual"))
        self.bus.publish(topics.order("paper", "open"), self.orders[-1])

    def _order(
        self, side: str, kind: str, amount: Decimal, price: Decimal | None, state: str, ts: int, filled: Decimal, source: str
    ) -> Order:
        self.number += 1
        return Order(
            id=f"o{self.number:05}", client_order_id=f"cb-{self.number:08x}", exchange_order_id=str(9000 + self.number),
            intent_id=f"ema-cross:BTC/USDT:{ts}:0", source=source, exchange="paper", symbol="BTC/USDT", side=side,
            type=kind, state=state, amount=amount, filled=filled, remaining=amount - filled, price=price,
            stop_price=None, average=self.price if filled else None, cost=filled * self.price, time_in_force="GTC",
            reduce_only=side == "sell", reason="", candle_open_ms=ts, created_ms=ts, updated_ms=ts,
        )  # fmt: skip

    def deal(self, side: str, ts: int, *, tell: bool) -> None:
        """Carry out one market order."""
        if self.state.state == "HALTED":
            return
        amount = (Decimal(9_000) / self.price).quantize(Decimal("0.00001")) if side == "buy" else self.coins
        if not amount:
            return
        cost = amount * self.price
        fee = (cost * Decimal("0.001")).quantize(Decimal("0.0001"))
        if side == "buy":
            self.cash, self.coins, self.average = self.cash - cost - fee, self.coins + amount, self.price
        else:
            self.realised += ((self.price - (self.average or self.price)) * amount - fee).quantize(Decimal("0.01"))
            self.cash, self.coins, self.average = self.cash + cost - fee, self.coins - amount, None
        self.fees += fee
        self.orders.append(self._order(side, "market", amount, None, "FILLED", ts, amount, "ema-cross"))
        self.fills.append(Fill(
            id=f"t{self.number}", order_id=self.orders[-1].id, client_order_id=self.orders[-1].client_order_id,
            exchange="paper", symbol="BTC/USDT", side=side, price=self.price, amount=amount, cost=cost.quantize(Decimal("0.01")),
            fee=fee, fee_currency="USDT", maker=False, ts_ms=ts, source="ema-cross",
        ))  # fmt: skip
        if tell:
            self.tell()

    def tell(self) -> None:
        """Publish what a deal changed."""
        self.bus.publish(topics.order("paper", "filled"), self.orders[-1])
        self.bus.publish(topics.fill("paper"), self.fills[-1])
        self.bus.publish(topics.position("paper", "BTC/USDT"), self.position())
        for balance in self.balances():
            self.bus.publish(topics.balance("paper"), balance)


class FakeMarket:
    """A walk with a drift that turns now and then; an EMA cross decides."""

    def __init__(self, data: AsyncBus, strategy: AsyncBus, trade: FakeTrade) -> None:
        self.data, self.strategy, self.trade = data, strategy, trade
        self.random, self.price, self.turn = random.Random(7), 6500.0, 0
        self.fast = self.slow = self.price
        self.history: list[Candle] = []
        self.values: list[IndicatorValues] = []
        self.running, self.signals = True, 0
        data.serve(ListFeeds, lambda request: Feeds(feeds=[self.feed()], note=NOTE))
        data.serve(ListCandles, lambda request: Candles(candles=self.history[-request.message.limit :]))
        strategy.serve(ListStrategies, lambda request: self.strategies())
        strategy.serve(SetStrategyRunning, self.set_running)
        start = now_ms() // 1000 * 1000 - 900_000
        for index in range(900):
            self.step(start + index * 1000, tell=False)

    def feed(self) -> Feed:
        """The one stream."""
        return Feed(**CANDLE, last_open_ms=self.history[-1].open_ms, candles=len(self.history), stale=False)

    def strategies(self) -> Strategies:
        """The one strategy."""
        status = StrategyStatus(
            name="ema-cross", title="Two moving averages", exchange="paper", symbol="BTC/USDT", timeframe="1s",
            state="RUNNING" if self.running else "STOPPED", reason="" if self.running else "stopped in the dashboard",
            parameters={"fast": "9", "slow": "26", "fraction": "0.9"}, candles=self.turn, signals=self.signals,
        )  # fmt: skip
        return Strategies(strategies=[status], available=["ema-cross", "rsi", "breakout"])

    def set_running(self, request: Request[SetStrategyRunning]) -> Done:
        """Obey."""
        self.running = request.message.running
        return Done(message=f"ema-cross is {'started' if self.running else 'stopped'}.")

    def candle(self, open_ms: int, parts: list[float], closed: bool) -> Candle:
        """A candle of the prices seen so far."""
        text = [f"{value:.2f}" for value in (parts[0], max(parts), min(parts), parts[-1])]
        return Candle(
            **CANDLE, open_ms=open_ms, open=text[0], high=text[1], low=text[2], close=text[3], volume="12.5", closed=closed
        )

    def path(self) -> list[float]:
        """Open, two turns and close of the next candle."""
        drift = 4.0 * math.sin(self.turn / 38) + 1.2 * math.sin(self.turn / 11)
        close = self.price + drift + self.random.gauss(0, 6)
        swing = abs(self.random.gauss(0, 5))
        return [self.price, max(self.price, close) + swing, min(self.price, close) - swing, close]

    def step(self, open_ms: int, *, tell: bool) -> None:
        """Finish a candle and decide on it."""
        parts = self.path()
        self.turn, self.price = self.turn + 1, parts[-1]
        before = self.fast > self.slow
        self.fast += (self.price - self.fast) * 0.2
        self.slow += (self.price - self.slow) * 0.074
        candle = self.candle(open_ms, parts, closed=True)
        self.history.append(candle)
        self.trade.price = Decimal(candle.close)
        values = {"fast": round(self.fast, 2), "slow": round(self.slow, 2)}
        lines = IndicatorValues(strategy="ema-cross", symbol="BTC/USDT", timeframe="1s", open_ms=open_ms, values=values)
        if tell:
            self.data.publish(topics.candle("paper", "BTC/USDT", "1s"), candle)
            self.strategy.publish("indicator.ema-cross", lines)
        if before != (self.fast > self.slow) and self.running:
            self.decide("buy" if self.fast > self.slow else "sell", candle, tell)
        point = self.trade.equity(open_ms + 1000)
        self.trade.curve.append(point)
        if tell:
            self.trade.bus.publish(topics.equity("paper"), point)
            self.trade.bus.publish(topics.position("paper", "BTC/USDT"), self.trade.position())

    def decide(self, side: str, candle: Candle, tell: bool) -> None:
        """Signal and order."""
        self.signals += 1
        signal_ = Signal(
            strategy="ema-cross", symbol="BTC/USDT", side=side, candle_open_ms=candle.open_ms, price=candle.close,
            reason=f"fast average {'above' if side == 'buy' else 'below'} the slow one", intent_id=f"ema:{candle.open_ms}",
        )  # fmt: skip
        if tell:
            self.strategy.publish(topics.signal("ema-cross"), signal_)
        self.trade.deal(side, candle.open_ms + 500, tell=tell)

    async def play(self) -> None:
        """One candle a second, in four steps, for ever."""
        while True:
            open_ms = now_ms() // 1000 * 1000
            state, turn = self.random.getstate(), self.turn
            parts = self.path()
            self.random.setstate(state)
            for count in (1, 2, 3):
                topic = topics.candle("paper", "BTC/USDT", "1s")
                self.data.publish(topic, self.candle(open_ms, parts[:count], closed=False))
                await asyncio.sleep(max(0.0, (open_ms + count * 250 - now_ms()) / 1000))
            await asyncio.sleep(max(0.0, (open_ms + 1000 - now_ms()) / 1000))
            assert turn == self.turn
            self.step(open_ms, tell=True)


class Platform:
    """All of it."""

    def __init__(self, home: Home, port: int) -> None:
        self.home, self.port = home, port
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    async def open(self) -> str:
        """Start everything; the dashboard's address."""
        self.home.create()
        settings = Settings(dashboard=DashboardSettings(port=self.port))
        snapshot.write(self.home, settings)
        self.spawn("bus")
        names = ("auth", "supervisor", "trade", "data", "strategy", "paper")
        self.buses = {name: await AsyncBus.open(self.home, name) for name in names}
        self.auth, self.supervisor = FakeAuth(self.buses["auth"]), FakeSupervisor(self.buses["supervisor"])
        self.trade = FakeTrade(self.buses["trade"])
        self.market = FakeMarket(self.buses["data"], self.buses["strategy"], self.trade)
        for bus in self.buses.values():
            await bus.settled()
        self.trade.rest(Decimal(6200))
        self.tasks = [asyncio.create_task(self.market.play()), asyncio.create_task(self.beat())]
        return await self.start_dashboard()

    async def start_dashboard(self) -> str:
        """Start the dashboard and wait for its address."""
        address = self.home.run / "dashboard.json"
        before = address.stat().st_mtime_ns if address.exists() else 0
        self.spawn("dashboard")
        while not (address.exists() and address.stat().st_mtime_ns != before):
            if self.processes["dashboard"].poll() is not None:
                raise SystemExit("the dashboard did not start")
            await asyncio.sleep(0.02)
        return str(json.loads(address.read_bytes())["url"])

    def spawn(self, name: str) -> None:
        """Start one real process."""
        code = f"import sys; from {TARGETS[name]} import main; from cryptobot.configs.paths import Home; "
        words = [sys.executable, "-c", f"{code}sys.exit(main(Home.find(sys.argv[1])))", str(self.home.root)]
        with (self.home.logs / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(words, stderr=log, stdin=subprocess.DEVNULL)

    def end(self, name: str) -> None:
        """Kill one real process."""
        self.processes[name].kill()
        self.processes[name].wait()

    async def beat(self) -> None:
        """Heartbeats and samples."""
        turn = 0
        while True:
            turn += 1
            for name, bus in self.buses.items():
                if name != "auth" or self.auth is not None:
                    beat = Heartbeat(name=name, pid=os.getpid(), progress=turn, loop_lag_ms=0.1)
                    bus.publish(topics.service_heartbeat(name), beat)
            self.supervisor.sample(turn)
            await asyncio.sleep(1.0)

    async def command(self, word: str) -> None:
        """Carry out one command of a test."""
        if word == "bus-stop":
            self.end("bus")
        elif word == "bus-start":
            self.spawn("bus")
        elif word == "dashboard-stop":
            self.processes["dashboard"].send_signal(signal.SIGTERM)
            self.processes["dashboard"].wait(10)
        elif word == "dashboard-start":
            await self.start_dashboard()
        elif word == "revoke":
            self.auth.revoke()
        elif word == "must-change":
            self.auth.must_change = True
        elif word == "alert":
            self.buses["supervisor"].publish(topics.alert("warning"), Alert(
                key="disk", severity="warning", source="supervisor", title="Little disk space",
                detail="2.1 GiB are left on the disk of the home folder."))  # fmt: skip
        elif word == "log":
            line = LogLine(service="data", level="warning", event="feed is slow", ts_ns=time.time_ns(), fields={"lag_s": "3.2"})
            self.buses["data"].publish(f"{topics.LOGS}data", line)
        print(json.dumps({"done": word}), flush=True)

    async def close(self) -> None:
        """End everything."""
        for task in self.tasks:
            task.cancel()
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait(10)
        for bus in self.buses.values():
            await bus.close()


def _with(order: Order, **changes: object) -> Order:
    fields = {name: getattr(order, name) for name in Order.__struct_fields__}
    return Order(**{**fields, **changes})


async def main(folder: str, port: int) -> None:
    """Run until stdin ends or says quit."""
    platform = Platform(Home(Path(folder).absolute()), port)
    url = await platform.open()
    print(json.dumps({"url": url, "user": "admin", "password": PASSWORD, "home": folder}), flush=True)
    loop = asyncio.get_running_loop()
    try:
        while (line := await loop.run_in_executor(None, sys.stdin.readline)) and line.strip() != "quit":
            await platform.command(line.strip())
    finally:
        await platform.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0))
