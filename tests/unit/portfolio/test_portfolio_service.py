"""The portfolio service on the bus in memory, beside a trade and a data that are scripted."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
import structlog
from cryptobot.bus import topics
from cryptobot.bus.api import Request
from cryptobot.bus.contracts import trade
from cryptobot.bus.contracts.base import Message
from cryptobot.bus.contracts.market import Book, Candle, Candles, Feed, Feeds, ListCandles, ListFeeds
from cryptobot.bus.contracts.portfolio import (
    GetPortfolioReport,
    ListPortfolioHistory,
    ListTaxLots,
    PlanRebalance,
    PortfolioHistory,
    PortfolioReport,
    Rebalance,
    RebalancePlan,
    RebalanceResult,
    TaxLots,
)
from cryptobot.bus.contracts.service import Alert, Audit
from cryptobot.bus.contracts.strategy import OrderIntent, OrderIntentReply
from cryptobot.bus.memory import MemoryHub
from cryptobot.configs.errors import RequestFailedError
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import Settings
from cryptobot.configs.sections.portfolio import PortfolioSettings
from cryptobot.services.portfolio import desk
from cryptobot.services.portfolio.service import PortfolioService

DEADLINE_S = 40.0
SYMBOL = "BTC/USDT"
R = TypeVar("R", bound=Message)


class Town:
    """A trade that fills at 100, without fees, and everything around it."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder)
        self.home.create()
        self.hub = MemoryHub()
        self.held = {"USDT": Decimal(1000), "BTC": Decimal(0)}
        self.transferred: dict[str, Decimal] = {}
        self.orders: list[trade.Order] = []
        self.fills: list[trade.Fill] = []
        self.intents: list[OrderIntent] = []
        self.answers = True
        self.alerts: list[Alert] = []
        self.audits: list[Audit] = []
        self.changed = asyncio.Event()

    async def open(self, **settings: Any) -> None:
        wanted = {"targets": {SYMBOL: Decimal("0.5")}, "risk_aversion": Decimal(0), **settings}
        self.settings = Settings(portfolio=PortfolioSettings(interval_s=0.2, **wanted))
        self.data = await self.hub.open_async("data")
        self.trade = await self.hub.open_async("trade")
        self.viewer = await self.hub.open_async("viewer")
        self.data.serve(ListFeeds, lambda request: Feeds(feeds=[_feed()]))
        self.data.serve(ListCandles, lambda request: Candles(candles=[]))
        self.trade.serve(trade.GetPortfolio, self._portfolio)
        self.trade.serve(trade.ListOrders, lambda request: trade.Orders(orders=self.orders[::-1]))
        self.trade.serve(trade.ListFills, lambda request: trade.Fills(fills=self.fills[::-1]))
        self.trade.serve(OrderIntent, self._intent)
        self.viewer.subscribe(topics.ALERTS, Alert, lambda one: self._keep(self.alerts, one))
        self.viewer.subscribe(topics.AUDIT, Audit, lambda one: self._keep(self.audits, one))
        await self.viewer.settled()
        self._news()
        await self.start()

    async def start(self) -> None:
        self.bus = await self.hub.open_async("portfolio")
        self.service = PortfolioService(self.home, self.settings, self.bus, structlog.get_logger())
        await self.service.setup()

    async def kill(self) -> None:
        """As near to kill -9 as one process allows."""
        for task in self.service._tasks:
            task.cancel()
        await asyncio.gather(*self.service._tasks, return_exceptions=True)
        await self.bus.close()

    async def close(self) -> None:
        await self.kill()
        for bus in (self.viewer, self.trade, self.data):
            await bus.close()

    async def ask(self, message: Message, reply: type[R]) -> R:
        return await self.viewer.request("portfolio", message, reply, timeout_s=DEADLINE_S)

    async def plan(self) -> RebalancePlan:
        return await self.ask(PlanRebalance(), RebalancePlan)

    async def until(self, condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    def bought(self, amount: str, source: str) -> None:
        """Somebody bought at 100."""
        self._fill("buy", Decimal(amount), source, f"f{len(self.fills)}")

    def _news(self) -> None:
        candle = Candle(
            exchange="paper",
            symbol=SYMBOL,
            timeframe="1s",
            open_ms=1000,
            open="100",
            high="100",
            low="100",
            close="100",
            volume="1",
            closed=True,
        )
        self.data.publish(topics.candle("paper", SYMBOL, "1s"), candle)
        book = Book(exchange="paper", symbol=SYMBOL, ts_ms=1, bids=[("99.9", "1")], asks=[("100.1", "1")])
        self.data.publish(topics.book("paper", SYMBOL), book)

    def _keep(self, kept: list[Any], received: Any) -> None:
        kept.append(received.message)
        self.changed.set()

    def _portfolio(self, _request: Request[trade.GetPortfolio]) -> trade.Portfolio:
        equity = trade.Equity(
            exchange="paper",
            currency="USDT",
            equity=self.held["USDT"] + 100 * self.held["BTC"],
            start_equity=Decimal(1000),
            realised_pnl=Decimal(0),
            unrealised_pnl=Decimal(0),
            ts_ms=0,
        )
        balances = [
            trade.Balance(exchange="paper", asset=asset, free=amount, used=Decimal(0), total=amount)
            for asset, amount in self.held.items()
        ]
        state = trade.TradingState(state="ACTIVE", reason="", actor="", since_ms=0)
        return trade.Portfolio(
            positions=[],
            balances=balances,
            equity=equity,
            trading_state=state,
            transferred=self.transferred,
        )

    def _intent(self, request: Request[OrderIntent]) -> OrderIntentReply:
        intent = request.message
        self.intents.append(intent)
        self.changed.set()
        assert intent.amount is not None
        order_id = f"o{len(self.orders)}"
        if self.answers:
            self._fill(intent.side, intent.amount, intent.source, order_id)
        order = _order(order_id, intent, "FILLED" if self.answers else "ACCEPTED")
        self.orders.append(order)
        self.trade.publish(topics.order("paper", order.state), order)
        return OrderIntentReply(accepted=True, order_id=order_id)

    def _fill(self, side: str, amount: Decimal, source: str, order_id: str) -> None:
        sign = 1 if side == "buy" else -1
        self.held["BTC"] += sign * amount
        self.held["USDT"] -= sign * amount * 100
        fill = trade.Fill(
            id=f"{len(self.fills)}",
            order_id=order_id,
            client_order_id=order_id,
            exchange="paper",
            symbol=SYMBOL,
            side=side,
            price=Decimal(100),
            amount=amount,
            cost=amount * 100,
            fee=Decimal(0),
            fee_currency="USDT",
            maker=False,
            ts_ms=time.time_ns() // 1_000_000,
            source=source,
        )
        self.fills.append(fill)
        self.trade.publish(topics.fill("paper"), fill)


def _feed() -> Feed:
    return Feed(
        exchange="paper",
        symbol=SYMBOL,
        timeframe="1s",
        last_open_ms=0,
        candles=0,
        stale=False,
        amount_step="0.001",
        min_amount="0.001",
        min_cost="5",
    )


def _order(order_id: str, intent: OrderIntent, state: str) -> trade.Order:
    amount = intent.amount or Decimal(0)
    filled = amount if state == "FILLED" else Decimal(0)
    return trade.Order(
        id=order_id,
        client_order_id=order_id,
        exchange_order_id="1",
        intent_id=intent.intent_id,
        source=intent.source,
        exchange="paper",
        symbol=intent.symbol,
        side=intent.side,
        type=intent.type,
        state=state,
        amount=amount,
        filled=filled,
        remaining=amount - filled,
        price=None,
        stop_price=None,
        average=Decimal(100) if filled else None,
        cost=filled * 100,
        time_in_force="GTC",
        reduce_only=False,
        reason="",
        candle_open_ms=0,
        created_ms=1,
        updated_ms=1,
    )


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., None]:
    """Run a scene in a town of its own."""

    def run(scene: Callable[[Town], Awaitable[None]], **settings: Any) -> None:
        async def whole() -> None:
            town = Town(tmp_path / "home")
            await town.open(**settings)
            try:
                await scene(town)
            finally:
                await town.close()

        asyncio.run(whole())

    return run


def test_a_plan_is_carried_out_once(play: Callable[..., None]) -> None:
    """Asked again it gives the same answer; the intents have fixed ids; both are in the audit log."""

    async def scene(town: Town) -> None:
        plan = await town.plan()
        assert town.intents == []
        wish = Rebalance(plan_id=plan.id, actor="cli:ann")

        first = await town.ask(wish, RebalanceResult)
        again = await town.ask(wish, RebalanceResult)

        assert (first.state, first) == ("DONE", again)
        assert [intent.intent_id for intent in town.intents] == [f"rebalance:{plan.id}:{SYMBOL}:buy"]
        assert town.held["BTC"] == 5
        assert all(order.skipped for order in (await town.plan()).orders)
        await town.until(lambda: {"rebalance", "rebalanced"} <= {entry.action for entry in town.audits})

    play(scene)


@pytest.mark.parametrize(
    ("plan_id", "actor", "code"),
    [("", "cli:ann", "unknown_plan"), ("x", "cli:ann", "unknown_plan"), ("x", " ", "actor_missing")],
)
def test_no_plan_no_order(plan_id: str, actor: str, code: str, play: Callable[..., None]) -> None:
    """Nothing is sent for a plan that is not known, or for nobody."""

    async def scene(town: Town) -> None:
        with pytest.raises(RequestFailedError) as error:
            await town.ask(Rebalance(plan_id=plan_id, actor=actor), RebalanceResult)
        assert (error.value.code, town.intents) == (code, [])

    play(scene)


def test_an_old_plan_is_not_carried_out(play: Callable[..., None]) -> None:
    """Prices have moved on."""

    async def scene(town: Town) -> None:
        plan = await town.plan()
        town.service.desks["main"].plans[plan.id] = msgspec.structs.replace(plan, valid_until_ms=1)
        with pytest.raises(RequestFailedError, match="too old"):
            await town.ask(Rebalance(plan_id=plan.id, actor="cli:ann"), RebalanceResult)

    play(scene)


def test_death_in_the_middle_sends_nothing_twice(play: Callable[..., None]) -> None:
    """Killed while its order is at the venue: back, it tells how far it came and sends nothing."""

    async def scene(town: Town) -> None:
        plan, town.answers = await town.plan(), False
        asked = asyncio.ensure_future(town.ask(Rebalance(plan_id=plan.id, actor="cli:ann"), RebalanceResult))
        await town.until(lambda: town.orders)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)

        await town.kill()
        await town.start()

        await town.until(lambda: town.alerts)
        assert "It was interrupted" in town.alerts[0].detail
        assert len(town.intents) == 1
        with pytest.raises(RequestFailedError) as error:
            await town.ask(Rebalance(plan_id="other", actor="cli:ann"), RebalanceResult)
        assert error.value.code == "unknown_plan"
        known = await town.ask(Rebalance(plan_id=plan.id, actor="cli:ann"), RebalanceResult)
        assert known.state == "NOTHING"

    play(scene, order_timeout_s=600.0)


def test_a_deposit_is_no_profit_and_history_survives(play: Callable[..., None]) -> None:
    """500 come in; the return stays zero, also after a death."""

    async def scene(town: Town) -> None:
        town.held["USDT"] += 500
        town.transferred = {"USDT": Decimal(500)}
        report = await town.ask(GetPortfolioReport(), PortfolioReport)
        await town.kill()
        await town.start()
        after = await town.ask(GetPortfolioReport(), PortfolioReport)

        for found in (report, after):
            assert found.returns is not None
            assert (found.returns.deposited, found.returns.profit) == (500, 0)
            assert found.returns.time_weighted == 0
        history = await town.ask(ListPortfolioHistory(), PortfolioHistory)
        assert [point.flow for point in history.points if point.flow] == [500]

    play(scene)


def test_what_strategies_hold_is_shown_and_left_alone(play: Callable[..., None]) -> None:
    """Three coins of a strategy: part of the account's weights, no part of the balance."""

    async def scene(town: Town) -> None:
        town.bought("3", "ema")
        plan = await town.plan()
        report = await town.ask(GetPortfolioReport(), PortfolioReport)

        (order,) = plan.orders
        assert (order.side, order.amount) == ("buy", Decimal("3.5"))  # half of 700
        coins, cash = report.weights
        assert (coins.weight, coins.left_alone, coins.own_weight, coins.drift) == (
            Decimal("0.3"),
            3,
            0,
            Decimal("-0.5"),
        )
        assert (cash.weight, cash.own_weight) == (Decimal("0.7"), 1)
        assert [(one.source, one.amount) for one in report.sources] == [("ema", 3)]

    play(scene)


def test_coins_that_no_fill_explains_are_not_planned_with(
    play: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The balance is ahead of the fills, and stays so."""
    monkeypatch.setattr(desk, "_EXPLAIN_TRIES", 3)

    async def scene(town: Town) -> None:
        town.held["BTC"] += 1
        with pytest.raises(RequestFailedError, match="do not explain what is held of BTC"):
            await town.plan()

    play(scene)


def test_coins_that_were_there_before_are_lots_of_unknown_cost(play: Callable[..., None]) -> None:
    """Found at the first look, and sold by fifo."""

    async def scene(town: Town) -> None:
        await town.kill()
        town.held["BTC"] = Decimal(2)
        (town.home.state / "databases" / "portfolio.sqlite").unlink()
        await town.start()
        town.bought("1", "ema")

        lots = await town.ask(ListTaxLots(), TaxLots)

        assert [(lot.origin, lot.amount, lot.cost) for lot in lots.open] == [
            ("opening", 2, None),
            ("buy", 1, 100),
        ]
        with pytest.raises(RequestFailedError, match="'x' is no cost basis; there are fifo"):
            await town.ask(ListTaxLots(method="x"), TaxLots)

    play(scene)
