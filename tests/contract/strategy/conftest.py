"""A strategy service on the bus in memory, between a data and a trade that are scripted."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog
from cryptobot.bus import topics
from cryptobot.bus.api import Request
from cryptobot.bus.contracts import trade
from cryptobot.bus.contracts.base import Done
from cryptobot.bus.contracts.market import (
    Candle,
    Candles,
    Feed,
    Feeds,
    ListCandles,
    ListFeeds,
    WatchCandles,
)
from cryptobot.bus.contracts.service import Alert, Audit
from cryptobot.bus.contracts.strategy import DryFill, OrderIntent, OrderIntentReply, Signal, StrategyStatus
from cryptobot.bus.memory import MemoryHub
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import DataSettings, Settings, StrategyInstance, StrategySettings
from cryptobot.services.strategy.service import StrategyService

STEP = 60_000
EXCHANGE, SYMBOL, TIMEFRAME = "paper", "BTC/USDT", "1m"
OTHER = "ETH/USDT"
DEADLINE_S = 45.0
FEED = Feed(
    exchange=EXCHANGE,
    symbol=SYMBOL,
    timeframe=TIMEFRAME,
    last_open_ms=0,
    candles=0,
    stale=False,
    amount_step="0.00001",
    min_amount="0.00001",
    min_cost="5",
)


class Town:
    """Everything around the strategy service: data's candles, trade's orders, and what was published."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder)
        self.home.create()
        self.hub = MemoryHub()
        self.candles: list[Candle] = []
        self.intents: list[OrderIntent] = []
        self.fills: list[trade.Fill] = []
        self.signals: list[Signal] = []
        self.alerts: list[Alert] = []
        self.positions: dict[str, Decimal] = {}
        self.dry: list[DryFill] = []
        self.audits: list[Audit] = []
        self.watched: list[tuple[str, str]] = []
        self.cash = Decimal(10_000)
        self.refuse = ""
        self.rests = False
        self.amended: list[trade.AmendOrder] = []
        self.answers = asyncio.Event()
        self.answers.set()
        self.start_ms = time.time_ns() // 1_000_000 // STEP * STEP
        self.changed = asyncio.Event()

    async def open(self) -> None:
        self.data = await self.hub.open_async("data")
        self.trade = await self.hub.open_async("trade")
        self.viewer = await self.hub.open_async("viewer")
        self.data.serve(ListCandles, self._list_candles)
        self.data.serve(WatchCandles, self._watch)
        feeds = [FEED, msgspec.structs.replace(FEED, symbol=OTHER)]
        self.data.serve(ListFeeds, lambda request: Feeds(feeds=feeds))
        self.trade.serve(trade.GetPortfolio, self._portfolio)
        self.trade.serve(trade.ListOrders, lambda request: trade.Orders(orders=[]))
        self.trade.serve(trade.ListFills, self._list_fills)
        self.trade.serve(OrderIntent, self._intent)
        self.trade.serve(trade.AmendOrder, self._amend)
        self.viewer.subscribe(topics.SIGNALS, Signal, lambda received: self._keep(self.signals, received))
        self.viewer.subscribe(topics.ALERTS, Alert, lambda received: self._keep(self.alerts, received))
        self.viewer.subscribe(topics.DRY_FILLS, DryFill, lambda received: self._keep(self.dry, received))
        self.viewer.subscribe(topics.AUDIT, Audit, lambda received: self._keep(self.audits, received))
        await self.viewer.settled()

    @property
    def position(self) -> Decimal:
        """What the account holds of the usual market."""
        return self.positions.get(SYMBOL, Decimal(0))

    @position.setter
    def position(self, amount: Decimal) -> None:
        self.positions[SYMBOL] = amount

    def bought(self, run: str, amount: str, price: str = "100") -> None:
        """A run bought some time ago, when nobody listened."""
        self.position += Decimal(amount)
        intent = OrderIntent(
            intent_id=f"old-{len(self.fills)}",
            source=run,
            exchange=EXCHANGE,
            symbol=SYMBOL,
            side="buy",
            type="market",
            amount=Decimal(amount),
            reference_price=Decimal(price),
        )
        self.fills.append(_fill(intent))

    def _watch(self, request: Request[WatchCandles]) -> Done:
        self.watched.append((request.message.symbol, request.message.timeframe))
        return Done(message="")

    def _keep(self, kept: list[Any], received: Any) -> None:
        kept.append(received.message)
        self.changed.set()

    def make(self, index: int, close: float, symbol: str = SYMBOL, exchange: str = EXCHANGE) -> Candle:
        """The candle that opens `index` minutes after now; history has negative ones."""
        price = str(close)
        return Candle(
            exchange=exchange,
            symbol=symbol,
            timeframe=TIMEFRAME,
            open_ms=self.start_ms + index * STEP,
            open=price,
            high=price,
            low=price,
            close=price,
            volume="1",
            closed=True,
        )

    def past(self, *closes: float, symbol: str = SYMBOL, exchange: str = EXCHANGE) -> None:
        """What data has: candles that end with the one that closed just now."""
        first, series = -len(closes), (symbol, exchange)
        self.candles = [candle for candle in self.candles if (candle.symbol, candle.exchange) != series]
        self.candles += [
            self.make(first + place, close, symbol, exchange) for place, close in enumerate(closes)
        ]

    def say(self, index: int, close: float, symbol: str = SYMBOL, exchange: str = EXCHANGE) -> None:
        """Data publishes a finished candle."""
        candle = self.make(index, close, symbol, exchange)
        self.candles.append(candle)
        self.data.publish(topics.candle(exchange, symbol, TIMEFRAME), candle)

    def _list_candles(self, request: Request[ListCandles]) -> Candles:
        wish = request.message
        found = [
            candle
            for candle in self.candles
            if (candle.exchange, candle.symbol) == (wish.exchange, wish.symbol)
            and candle.open_ms >= (wish.since_ms or 0)
        ]
        return Candles(candles=found[-wish.limit :])

    def _portfolio(self, _request: Request[trade.GetPortfolio]) -> trade.Portfolio:
        state = trade.TradingState(state="ACTIVE", reason="", actor="", since_ms=0)
        return trade.Portfolio(
            positions=[self._position(symbol) for symbol in self.positions],
            balances=[self._balance()],
            equity=None,
            trading_state=state,
        )

    def _position(self, symbol: str) -> trade.Position:
        amount = self.positions.get(symbol, Decimal(0))
        return trade.Position(
            exchange=EXCHANGE,
            symbol=symbol,
            amount=amount,
            average=Decimal(100) if amount else None,
            realised_pnl=Decimal(0),
            unrealised_pnl=Decimal(0),
            fees=Decimal(0),
            updated_ms=time.time_ns() // 1_000_000,
        )

    def _balance(self) -> trade.Balance:
        return trade.Balance(
            exchange=EXCHANGE, asset="USDT", free=self.cash, used=Decimal(0), total=self.cash
        )

    def _list_fills(self, request: Request[trade.ListFills]) -> trade.Fills:
        since = request.message.since_ms or 0
        return trade.Fills(fills=[fill for fill in reversed(self.fills) if fill.ts_ms >= since])

    async def _intent(self, request: Request[OrderIntent]) -> OrderIntentReply:
        intent = request.message
        await self.answers.wait()
        known = any(kept.intent_id == intent.intent_id for kept in self.intents)
        self.intents.append(intent)
        self.changed.set()
        if self.refuse:
            return OrderIntentReply(accepted=False, order_id="", code="limit", reason=self.refuse)
        if not known and self.rests and intent.price is not None:
            self.trade.publish(topics.order(EXCHANGE, "ACCEPTED"), _resting(intent))
        elif not known:
            self._fill(intent)
        return OrderIntentReply(accepted=True, order_id=intent.intent_id)

    def _amend(self, request: Request[trade.AmendOrder]) -> trade.Order:
        self.amended.append(request.message)
        self.changed.set()
        return _resting(self.intents[-1])

    def _fill(self, intent: OrderIntent) -> None:
        assert intent.amount is not None
        assert intent.reference_price is not None
        sign = 1 if intent.side == "buy" else -1
        held = self.positions.get(intent.symbol, Decimal(0))
        self.positions[intent.symbol] = held + sign * intent.amount
        self.cash -= sign * intent.amount * intent.reference_price
        self.fills.append(_fill(intent))
        self.trade.publish(topics.order(EXCHANGE, "FILLED"), _order(intent))
        self.trade.publish(topics.fill(EXCHANGE), self.fills[-1])
        self.trade.publish(topics.position(EXCHANGE, intent.symbol), self._position(intent.symbol))
        self.trade.publish(topics.balance(EXCHANGE), self._balance())

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait for a fact, with a deadline."""
        async with asyncio.timeout(DEADLINE_S):
            while not true():
                self.changed.clear()
                waiting = asyncio.ensure_future(self.changed.wait())
                await asyncio.wait({waiting}, timeout=0.02)
                waiting.cancel()

    async def service(self, **instances: StrategyInstance) -> "Running":
        """A strategy service in its next life."""
        settings = Settings(
            data=DataSettings(exchange=EXCHANGE, history=500),
            strategy=StrategySettings(instances=instances, call_timeout_s=1.0),
        )
        bus = await self.hub.open_async("strategy")
        made = StrategyService(self.home, settings, bus, structlog.get_logger())
        await made.setup()
        return Running(made)


class Running:
    """A service under test."""

    def __init__(self, service: StrategyService) -> None:
        self.service = service

    def status(self, name: str) -> StrategyStatus:
        return self.service._runners[name].status()

    async def die(self) -> None:
        """End without settling anything, as kill -9 does: no hook runs, nothing more is written."""
        for task in (*self.service._running.values(), *self.service._tasks):
            task.cancel()
        await self.service.bus.close()

    async def stop(self) -> None:
        for task in tuple(self.service._tasks):
            task.cancel()
        await self.service.stop()
        await self.service.bus.close()


def _order(intent: OrderIntent) -> trade.Order:
    assert intent.amount is not None
    now = time.time_ns() // 1_000_000
    return trade.Order(
        id=intent.intent_id,
        client_order_id="c",
        exchange_order_id="e",
        intent_id=intent.intent_id,
        source=intent.source,
        exchange=intent.exchange,
        symbol=intent.symbol,
        side=intent.side,
        type=intent.type,
        state="FILLED",
        amount=intent.amount,
        filled=intent.amount,
        remaining=Decimal(0),
        price=None,
        stop_price=None,
        average=intent.reference_price,
        cost=Decimal(0),
        time_in_force="GTC",
        reduce_only=intent.reduce_only,
        reason="",
        candle_open_ms=intent.candle_open_ms,
        created_ms=now,
        updated_ms=now,
    )


def _resting(intent: OrderIntent) -> trade.Order:
    assert intent.amount is not None
    return msgspec.structs.replace(
        _order(intent), state="ACCEPTED", filled=Decimal(0), remaining=intent.amount, price=intent.price
    )


def _fill(intent: OrderIntent) -> trade.Fill:
    assert intent.amount is not None
    assert intent.reference_price is not None
    return trade.Fill(
        id=intent.intent_id,
        order_id=intent.intent_id,
        client_order_id="c",
        exchange=intent.exchange,
        symbol=intent.symbol,
        side=intent.side,
        price=intent.reference_price,
        amount=intent.amount,
        cost=Decimal(0),
        fee=Decimal(0),
        fee_currency="USDT",
        maker=False,
        ts_ms=0,
        source=intent.source,
    )


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Callable[[Town], Awaitable[None]]], None]:
    """Run one scene in a town of its own."""

    def run(scene: Callable[[Town], Awaitable[None]]) -> None:
        async def work() -> None:
            town = Town(tmp_path)
            await town.open()
            await scene(town)

        asyncio.run(work())

    return run


@pytest.fixture
def instance() -> type[StrategyInstance]:
    return StrategyInstance
