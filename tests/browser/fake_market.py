"""An account and a market that are played: the shape of real ones, none of their rules."""

import asyncio
import math
import random
from decimal import Decimal

from cryptobot.bus import topics
from cryptobot.bus.aio import AsyncBus
from cryptobot.bus.api import Request
from cryptobot.bus.contracts.base import Done
from cryptobot.bus.contracts.market import (
    Book,
    Candle,
    Candles,
    Feed,
    Feeds,
    ListCandles,
    ListFeeds,
    MarketTrade,
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
from cryptobot.configs.errors import RequestFailedError
from fake_services import now_ms

NOTE = (
    "Recorded prices (Coinbase BTC/USD, hourly, 2017-2019), played faster than the clock: "
    "one candle a second."
)
# How many candles there are from before the played ones.
OLDER = 30_000
CANDLE = {"exchange": "paper", "symbol": "BTC/USDT", "timeframe": "1s"}


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
        bus.serve(ListEquity, self.list_equity)
        bus.serve(SetTradingState, self.set_state)
        bus.serve(CancelOrder, self.cancel)

    def list_equity(self, request: Request[ListEquity]) -> EquityHistory:
        """The newest points of the span that was asked for."""
        asked = request.message
        end = asked.before_ms if asked.before_ms is not None else now_ms() + 1
        points = [one for one in self.curve if (asked.since_ms or 0) <= one.ts_ms < end]
        return EquityHistory(points=points[-asked.limit :])

    def portfolio(self) -> Portfolio:
        """All at once."""
        return Portfolio(
            positions=[self.position()],
            balances=self.balances(),
            equity=self.equity(),
            trading_state=self.state,
        )

    def position(self) -> Position:
        """The one position."""
        open_gain = (self.price - self.average) * self.coins if self.average else Decimal(0)
        return Position(
            exchange="paper",
            symbol="BTC/USDT",
            amount=self.coins,
            average=self.average,
            realised_pnl=self.realised,
            unrealised_pnl=open_gain.quantize(Decimal("0.01")),
            fees=self.fees,
            updated_ms=now_ms(),
        )

    def balances(self) -> list[Balance]:
        """Cash and coins."""
        held = {"USDT": self.cash, "BTC": self.coins}
        return [Balance(exchange="paper", asset=a, free=v, used=Decimal(0), total=v) for a, v in held.items()]

    def equity(self, ts_ms: int = 0) -> Equity:
        """The value now."""
        position = self.position()
        return Equity(
            exchange="paper",
            currency="USDT",
            equity=(self.cash + self.coins * self.price).quantize(Decimal("0.01")),
            start_equity=Decimal(10_000),
            realised_pnl=self.realised,
            unrealised_pnl=position.unrealised_pnl,
            ts_ms=ts_ms or now_ms(),
        )

    def set_state(self, request: Request[SetTradingState]) -> TradingState:
        """Obey."""
        asked = request.message
        self.state = TradingState(
            state=asked.state, reason=asked.reason, actor=asked.actor, since_ms=now_ms()
        )
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
        self.orders.append(
            self._order("buy", "limit", Decimal("0.05"), price, "OPEN", now_ms(), Decimal(0), "manual")
        )
        self.bus.publish(topics.order("paper", "open"), self.orders[-1])

    def _order(
        self,
        side: str,
        kind: str,
        amount: Decimal,
        price: Decimal | None,
        state: str,
        ts: int,
        filled: Decimal,
        source: str,
    ) -> Order:
        self.number += 1
        return Order(
            id=f"o{self.number:05}",
            client_order_id=f"cb-{self.number:08x}",
            exchange_order_id=str(9000 + self.number),
            intent_id=f"ema-cross:BTC/USDT:{ts}:0",
            source=source,
            exchange="paper",
            symbol="BTC/USDT",
            side=side,
            type=kind,
            state=state,
            amount=amount,
            filled=filled,
            remaining=amount - filled,
            price=price,
            stop_price=None,
            average=self.price if filled else None,
            cost=filled * self.price,
            time_in_force="GTC",
            reduce_only=side == "sell",
            reason="",
            candle_open_ms=ts,
            created_ms=ts,
            updated_ms=ts,
        )

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
            self.realised += ((self.price - (self.average or self.price)) * amount - fee).quantize(
                Decimal("0.01")
            )
            self.cash, self.coins, self.average = self.cash + cost - fee, self.coins - amount, None
        self.fees += fee
        self.orders.append(self._order(side, "market", amount, None, "FILLED", ts, amount, "ema-cross"))
        self.fills.append(
            Fill(
                id=f"t{self.number}",
                order_id=self.orders[-1].id,
                client_order_id=self.orders[-1].client_order_id,
                exchange="paper",
                symbol="BTC/USDT",
                side=side,
                price=self.price,
                amount=amount,
                cost=cost.quantize(Decimal("0.01")),
                fee=fee,
                fee_currency="USDT",
                maker=False,
                ts_ms=ts,
                source="ema-cross",
            )
        )
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
        self.noise = random.Random(3)
        self.fast = self.slow = self.price
        self.history: list[Candle] = []
        self.values: list[IndicatorValues] = []
        self.running, self.signals = True, 0
        data.serve(ListFeeds, lambda request: Feeds(feeds=[self.feed()], note=NOTE))
        data.serve(ListCandles, self.list_candles)
        strategy.serve(ListStrategies, lambda request: self.strategies())
        strategy.serve(SetStrategyRunning, self.set_running)
        start = now_ms() // 1000 * 1000 - 900_000
        for index in range(900):
            self.step(start + index * 1000, tell=False)

    def feed(self) -> Feed:
        """The one stream."""
        return Feed(**CANDLE, last_open_ms=self.history[-1].open_ms, candles=len(self.history), stale=False)

    def list_candles(self, request: Request[ListCandles]) -> Candles:
        """The newest candles before a moment."""
        asked = request.message
        end = asked.before_ms if asked.before_ms is not None else now_ms() + 1
        found = [one for one in self.history if one.open_ms < end][-asked.limit :]
        first, begin = self.history[0].open_ms, self.history[0].open_ms - OLDER * 1000
        missing, before = asked.limit - len(found), min(first, end)
        older = range(max(begin, before - missing * 1000), before, 1000)
        return Candles(candles=[self.long_ago(open_ms) for open_ms in older] + found)

    def long_ago(self, open_ms: int) -> Candle:
        """A candle of before this market was played: the same whenever it is asked for."""
        price = 6500 + 400 * math.sin(open_ms / 3_000_000)
        return self.candle(open_ms, [price, price + 6, price - 6, price + 2], closed=True)

    def strategies(self) -> Strategies:
        """The one strategy."""
        status = StrategyStatus(
            name="ema-cross",
            title="Two moving averages",
            exchange="paper",
            symbol="BTC/USDT",
            timeframe="1s",
            state="RUNNING" if self.running else "STOPPED",
            reason="" if self.running else "stopped in the dashboard",
            parameters={"fast": "9", "slow": "26", "fraction": "0.9"},
            candles=self.turn,
            signals=self.signals,
        )
        return Strategies(strategies=[status], available=["ema-cross", "rsi", "breakout"])

    def set_running(self, request: Request[SetStrategyRunning]) -> Done:
        """Obey."""
        self.running = request.message.running
        return Done(message=f"ema-cross is {'started' if self.running else 'stopped'}.")

    def candle(self, open_ms: int, parts: list[float], closed: bool) -> Candle:
        """A candle of the prices seen so far."""
        text = [f"{value:.2f}" for value in (parts[0], max(parts), min(parts), parts[-1])]
        return Candle(
            **CANDLE,
            open_ms=open_ms,
            open=text[0],
            high=text[1],
            low=text[2],
            close=text[3],
            volume="12.5",
            closed=closed,
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
        lines = IndicatorValues(
            strategy="ema-cross", symbol="BTC/USDT", timeframe="1s", open_ms=open_ms, values=values
        )
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
            strategy="ema-cross",
            symbol="BTC/USDT",
            side=side,
            candle_open_ms=candle.open_ms,
            price=candle.close,
            reason=f"fast average {'above' if side == 'buy' else 'below'} the slow one",
            intent_id=f"ema:{candle.open_ms}",
        )
        if tell:
            self.strategy.publish(topics.signal("ema-cross"), signal_)
        self.trade.deal(side, candle.open_ms + 500, tell=tell)

    def around(self, price: float, name: str) -> None:
        """A book around a price, and a trade at it."""
        sides = [
            [(f"{price + sign * step * 0.5:.2f}", f"{self.noise.random():.4f}") for step in range(1, 16)]
            for sign in (-1, 1)
        ]
        book = Book(exchange="paper", symbol="BTC/USDT", ts_ms=now_ms(), bids=sides[0], asks=sides[1])
        self.data.publish(topics.book("paper", "BTC/USDT"), book)
        trade = MarketTrade(
            exchange="paper",
            symbol="BTC/USDT",
            id=name,
            ts_ms=now_ms(),
            side="buy",
            price=f"{price:.2f}",
            amount="0.1200",
        )
        self.data.publish(topics.trade("paper", "BTC/USDT"), trade)

    async def play(self) -> None:
        """One candle a second, in four steps, for ever."""
        while True:
            open_ms = now_ms() // 1000 * 1000
            state, turn = self.random.getstate(), self.turn
            parts = self.path()
            self.random.setstate(state)
            for count in (1, 2, 3):
                self.around(parts[count - 1], f"{self.turn}-{count}")
                topic = topics.candle("paper", "BTC/USDT", "1s")
                self.data.publish(topic, self.candle(open_ms, parts[:count], closed=False))
                await asyncio.sleep(max(0.0, (open_ms + count * 250 - now_ms()) / 1000))
            await asyncio.sleep(max(0.0, (open_ms + 1000 - now_ms()) / 1000))
            assert turn == self.turn
            self.step(open_ms, tell=True)


def _with(order: Order, **changes: object) -> Order:
    fields = {name: getattr(order, name) for name in Order.__struct_fields__}
    return Order(**{**fields, **changes})
