"""The one place where the dashboard speaks to the bus.

Handlers keep `LiveState` current and hand each change to the hub. What a service alone knows is asked by
request: at start, after the service came back, after the bus came back. The sign of life of a service is
what triggers the question, so nothing is asked in a loop.
"""

import asyncio
import concurrent.futures
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import structlog

from ..bus import topics
from ..bus.api import AsyncBusApi, Received
from ..bus.contracts.auth import AuditLog, ListAudit, SessionsRevoked
from ..bus.contracts.backtest import PROGRESS, BacktestProgress
from ..bus.contracts.base import Message
from ..bus.contracts.market import Candle, Candles, Feeds, ListCandles, ListFeeds
from ..bus.contracts.monitor import AlertLog, ListAlerts
from ..bus.contracts.notify import DELIVERIES, DeliveryChanged
from ..bus.contracts.service import (
    Alert,
    Audit,
    GetStatus,
    Heartbeat,
    LogLine,
    ServiceState,
    ServiceStats,
    SupervisorStatus,
)
from ..bus.contracts.strategy import IndicatorValues, ListStrategies, Signal, Strategies
from ..bus.contracts.trade import (
    Balance,
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
    TradingState,
)
from ..bus.contracts.update import PROGRESS as UPDATES
from ..bus.contracts.update import UpdateProgress
from ..configs.accounts import MAIN, service_of
from ..configs.errors import BusError, BusTimeoutError, RequestFailedError
from .depth import MarketDepth
from .state import (
    MAX_ALERTS,
    MAX_CANDLES,
    MAX_FILLS,
    MAX_LINES,
    MAX_ORDERS,
    LiveState,
    balance_key,
    now_ms,
    position_key,
)
from .tail import BusTail

R = TypeVar("R", bound=Message)
M = TypeVar("M", bound=Message)
Listener = Callable[[str, str, str, Any], None]

# Every service, this one too, sends a heartbeat a second through the broker: none at all means no bus.
SILENCE_S = 3.5
REQUEST_TIMEOUT_S = 4.0
SUPERVISOR = "supervisor"


class Gateway:
    """Keeps the live state and carries requests. All methods run on the loop unless they say otherwise."""

    def __init__(
        self,
        bus: AsyncBusApi,
        log: structlog.typing.FilteringBoundLogger,
        accounts: Sequence[str] = (MAIN,),
    ) -> None:
        self.accounts = tuple(accounts)
        self.state = LiveState()
        self.connected = False
        self.supervisor_away = False
        self.on_change: Listener = lambda channel, key, kind, data: None
        self.on_resync: Callable[[], None] = lambda: None
        self.on_revoked: Callable[[str], None] = lambda user: None
        self.on_logout: Callable[[str], None] = lambda token: None
        self.on_rotated: Callable[[str, str], None] = lambda old, new: None
        self._bus, self._log = bus, log
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._pids: dict[str, int] = {}
        self._stale: set[str] = set()
        self._asking: set[str] = set()
        self._silence: asyncio.TimerHandle | None = None
        self._supervisor_silence: asyncio.TimerHandle | None = None
        self._questions: dict[str, Callable[[], Awaitable[None]]] = {
            SUPERVISOR: self._ask_supervisor,
            **{service_of(name): partial(self._ask_trade, name) for name in self.accounts},
            "data": self._ask_data,
            "strategy": self._ask_strategy,
            "auth": self._ask_auth,
            "monitor": self._ask_monitor,
        }

    async def start(self) -> None:
        """Subscribe, and ask everyone for what was before."""
        subscribe = self._bus.subscribe
        subscribe(topics.SERVICE_HEARTBEATS, Heartbeat, self._heartbeat)
        subscribe(topics.SERVICE_STATES, ServiceState, self._service_state)
        subscribe(topics.SERVICE_STATS, ServiceStats, self._service_stats)
        subscribe(topics.ALERTS, Alert, self._alert)
        subscribe(topics.TRADING_STATE, TradingState, self._trading_state)
        subscribe(topics.ORDERS, Order, self._order)
        subscribe(topics.FILLS, Fill, self._fill)
        subscribe(topics.POSITIONS, Position, self._position)
        subscribe(topics.BALANCES, Balance, self._balance)
        subscribe(topics.EQUITY, Equity, self._equity)
        subscribe(topics.CANDLES, Candle, self._candle)
        subscribe("indicator.", IndicatorValues, self._indicators)
        subscribe(topics.SIGNALS, Signal, self._signal)
        subscribe(topics.LOGS, LogLine, self._log_line)
        subscribe(topics.AUDIT, Audit, self._audit)
        subscribe(topics.AUDIT, SessionsRevoked, self._sessions_revoked)
        subscribe(PROGRESS, BacktestProgress, self._backtest)
        subscribe(DELIVERIES, DeliveryChanged, self._delivery)
        subscribe(UPDATES, UpdateProgress, self._update)
        self._stale.update(self._questions)
        for name in self._questions:
            self._ask(name)

    async def close(self) -> None:
        """Stop asking."""
        for timer in (self._silence, self._supervisor_silence):
            if timer is not None:
                timer.cancel()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def on_demand(self, tell: Listener) -> dict[str, BusTail | MarketDepth]:
        """By channel: what is subscribed to only while somebody looks at it."""
        return {"bus": BusTail(self._bus, tell), "depth": MarketDepth(self._bus, tell)}

    # requests

    async def request(
        self, service: str, message: Message, reply: type[R], timeout_s: float = REQUEST_TIMEOUT_S
    ) -> R:
        """Ask a service. Errors as AsyncBusApi.request."""
        return await self._bus.request(service, message, reply, timeout_s=timeout_s)

    def request_from_thread(
        self, service: str, message: Message, reply: type[R], timeout_s: float = REQUEST_TIMEOUT_S
    ) -> R:
        """As `request`, for the threads that run Flask."""
        work = self._bus.request(service, message, reply, timeout_s=timeout_s)
        future = asyncio.run_coroutine_threadsafe(_awaited(work), self._loop)
        try:
            return future.result(timeout_s + 2.0)
        except concurrent.futures.TimeoutError:
            future.cancel()
            raise BusTimeoutError(f"The service {service} did not answer within {timeout_s:g} s.") from None

    def read_from_thread(self, read: Callable[[LiveState], Any]) -> Any:
        """Read the state from a thread, between two messages."""

        async def call() -> Any:
            return read(self.state)

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(5.0)

    def tell_from_thread(self, call: Callable[..., None], *arguments: Any) -> None:
        """Run something on the loop soon."""
        self._loop.call_soon_threadsafe(call, *arguments)

    def publish_from_thread(self, topic: str, message: Message) -> None:
        """Publish soon, for the threads that run Flask: what a person did here, for the audit log."""
        self._loop.call_soon_threadsafe(self._bus.publish, topic, message)

    def refresh(self, service: str) -> None:
        """Ask a service again, for example after a change that it does not publish."""
        self._stale.add(service)
        self._ask(service)

    def _ask(self, name: str) -> None:
        if name not in self._stale or name in self._asking:
            return
        self._asking.add(name)
        self._stale.discard(name)
        task = self._loop.create_task(self._answered(name), name=f"dashboard:ask:{name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answered(self, name: str) -> None:
        try:
            await self._questions[name]()
        except RequestFailedError as error:
            self._log.warning("snapshot refused", service=name, reason=str(error))
        except BusError as error:
            # Asked again at the service's next sign of life.
            self._stale.add(name)
            self._log.info("snapshot not available", service=name, reason=str(error))
        else:
            if name != "strategy":
                self.on_resync()
        finally:
            self._asking.discard(name)

    async def _ask_supervisor(self) -> None:
        status = await self.request(SUPERVISOR, GetStatus(), SupervisorStatus)
        self.state.put_status(status, now_ms())

    async def _ask_trade(self, account: str) -> None:
        service = service_of(account)
        portfolio = await self.request(service, GetPortfolio(), Portfolio)
        orders = await self.request(service, ListOrders(limit=MAX_ORDERS), Orders)
        fills = await self.request(service, ListFills(limit=MAX_FILLS), Fills)
        curve = await self.request(service, ListEquity(), EquityHistory)
        self.state.put_equity_history(curve.points, account)
        self.state.put_portfolio(portfolio)
        for order in reversed(orders.orders):
            self.state.put_order(order)
        for fill in reversed(fills.fills):
            self.state.put_fill(fill)

    async def _ask_data(self) -> None:
        feeds = await self.request("data", ListFeeds(), Feeds)
        self.state.put_feeds(feeds)
        for feed in feeds.feeds:
            question = ListCandles(
                exchange=feed.exchange, symbol=feed.symbol, timeframe=feed.timeframe, limit=MAX_CANDLES
            )
            answer = await self.request("data", question, Candles)
            series = self.state.series_of(feed.exchange, feed.symbol, feed.timeframe)
            for candle in answer.candles:
                series.put(candle)

    async def _ask_strategy(self) -> None:
        strategies = await self.request("strategy", ListStrategies(), Strategies)
        self.state.strategies = strategies
        self.on_change("strategy", "strategies", "strategies", strategies)

    async def _ask_auth(self) -> None:
        log = await self.request("auth", ListAudit(limit=MAX_LINES), AuditLog)
        self.state.put_audit_log(log.entries)

    async def _ask_monitor(self) -> None:
        """Alerts that are open from before this process was there to hear them."""
        log = await self.request("monitor", ListAlerts(open_only=True, limit=MAX_ALERTS), AlertLog)
        for one in reversed(log.alerts):
            alert = Alert(
                key=one.key, severity=one.severity, source=one.source, title=one.title, detail=one.detail
            )
            self.state.put_alert(alert, one.raised_ms)

    # signs of life

    def _heartbeat(self, received: Received[Heartbeat]) -> None:
        beat = received.message
        self._bus_is_there()
        if beat.name == SUPERVISOR:
            self._supervisor_is_there()
        if self._pids.get(beat.name) != beat.pid:
            self._pids[beat.name] = beat.pid
            if beat.name in self._questions:
                self._stale.add(beat.name)
        self.state.put_heartbeat(beat)
        self._ask(beat.name)

    def _bus_is_there(self) -> None:
        if self._silence is not None:
            self._silence.cancel()
        self._silence = self._loop.call_later(SILENCE_S, self._bus_is_silent)
        if not self.connected:
            self.connected = True
            self._stale.update(self._questions)
            self._tell_link()
            for name in self._questions:
                self._ask(name)

    def _bus_is_silent(self) -> None:
        self.connected = False
        self._log.warning("the bus is silent", seconds=SILENCE_S)
        self._tell_link()

    def _supervisor_is_there(self) -> None:
        if self._supervisor_silence is not None:
            self._supervisor_silence.cancel()
        self._supervisor_silence = self._loop.call_later(SILENCE_S, self._supervisor_is_silent)
        if self.supervisor_away:
            self.supervisor_away = False
            self._stale.add(SUPERVISOR)
            self._tell_link()
        self._ask(SUPERVISOR)

    def _supervisor_is_silent(self) -> None:
        self.supervisor_away = True
        self._tell_link()

    def link(self) -> dict[str, Any]:
        """Is what the page shows current?"""
        return {"connected": self.connected, "supervisor_away": self.supervisor_away, "since_ms": now_ms()}

    def _tell_link(self) -> None:
        self.on_change("core", "link", "link", self.link())

    # handlers

    def _service_state(self, received: Received[ServiceState]) -> None:
        message = received.message
        self._supervisor_is_there()
        view = self.state.put_service(message)
        self.on_change("core", f"service|{message.name}", "service", view)
        if message.ready:
            # Its limits and needs may be others than before; only the supervisor's status says them.
            self.refresh(SUPERVISOR)
            if message.name in self._questions:
                self.refresh(message.name)

    def _service_stats(self, received: Received[ServiceStats]) -> None:
        self._supervisor_is_there()
        view = self.state.put_stats(received.message, now_ms())
        if view is not None:
            self.on_change("core", f"service|{received.message.name}", "service", view)

    def _alert(self, received: Received[Alert]) -> None:
        entry = self.state.put_alert(received.message, received.ts_ns // 1_000_000)
        self.on_change("core", f"alert|{entry['key']}", "alert", entry)

    def _trading_state(self, received: Received[TradingState]) -> None:
        self.state.put_trading(received.message)
        self.on_change("core", "trading", "trading", self.state.trading)

    def _order(self, received: Received[Order]) -> None:
        if self.state.put_order(received.message):
            self._money(received.message, f"order|{received.message.id}", "order")

    def _fill(self, received: Received[Fill]) -> None:
        self.state.put_fill(received.message)
        self._money(received.message, f"fill|{received.message.account}|{received.message.id}", "fill")

    def _position(self, received: Received[Position]) -> None:
        key = position_key(received.message)
        self.state.positions[key] = received.message
        self._money(received.message, f"position|{key}", "position")

    def _balance(self, received: Received[Balance]) -> None:
        key = balance_key(received.message)
        self.state.balances[key] = received.message
        self._money(received.message, f"balance|{key}", "balance")

    def _equity(self, received: Received[Equity]) -> None:
        self.state.put_equity(received.message)
        self.on_change("money", "equity", "equity", self.state.equity)
        if len(self.accounts) > 1:
            self.on_change(f"money@{received.message.account}", "equity", "equity", received.message)

    def _money(self, message: Order | Fill | Position | Balance, key: str, kind: str) -> None:
        """Tell those who follow all accounts, and those who may see this one alone."""
        self.on_change("money", key, kind, message)
        if len(self.accounts) > 1:
            self.on_change(f"money@{message.account}", key, kind, message)

    def _candle(self, received: Received[Candle]) -> None:
        candle = received.message
        series = self.state.series_of(candle.exchange, candle.symbol, candle.timeframe)
        row = series.put(candle)
        self._revalue(candle)
        self.on_change(
            "market", f"candle|{series.key}|{candle.open_ms}", "candle", {"key": series.key, "row": row}
        )

    def _revalue(self, candle: Candle) -> None:
        for position in self.state.revalue(candle):
            self._money(position, f"position|{position_key(position)}", "position")

    def _indicators(self, received: Received[IndicatorValues]) -> None:
        values = received.message
        for series in self.state.series.values():
            if series.symbol == values.symbol and series.timeframe == values.timeframe:
                series.put_indicators(values)
                data = {
                    "key": series.key,
                    "strategy": values.strategy,
                    "ms": values.open_ms,
                    "values": values.values,
                }
                key = f"indicator|{series.key}|{values.strategy}|{values.open_ms}"
                self.on_change("market", key, "indicator", data)

    def _signal(self, received: Received[Signal]) -> None:
        entry = self.state.put_signal(received.message, received.ts_ns // 1_000_000)
        self.on_change("strategy", f"signal|{received.source}|{received.seq}", "signal", entry)
        self.refresh("strategy")

    def _log_line(self, received: Received[LogLine]) -> None:
        self.state.logs.append(received.message)
        self.on_change("logs", f"log|{received.source}|{received.seq}", "log", received.message)

    def _audit(self, received: Received[Audit]) -> None:
        entry = self.state.put_audit(received.message, received.ts_ns // 1_000_000)
        self.on_change("audit", f"audit|{received.source}|{received.seq}", "audit", entry)

    def _backtest(self, received: Received[BacktestProgress]) -> None:
        self.on_change("backtest", f"backtest|{received.message.id}", "backtest", received.message)

    def _update(self, received: Received[UpdateProgress]) -> None:
        self.on_change("core", "update", "update", received.message)

    def _delivery(self, received: Received[DeliveryChanged]) -> None:
        self.on_change("notify", "delivery", "notify", received.message)

    def _sessions_revoked(self, received: Received[SessionsRevoked]) -> None:
        self.on_revoked(received.message.user)


async def _awaited(work: Awaitable[R]) -> R:
    return await work
