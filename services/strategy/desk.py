"""Where a run's orders go: to trade, or to the simulation of a dry run. Both look the same to the run."""

from collections import deque
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from ...bus import topics
from ...bus.contracts import trade
from ...bus.contracts.market import Candle as CandleMessage
from .account import Account, belongs, execution
from .book import Execution
from .delivery import Delivery, Intended
from .dry import quote_of
from .memory import Memory
from .telling import Teller
from .values import ZERO, Candle, Fill, Order, Position, Wish

LIVE, DRY = "live", "dry"
_ENDED_UNFILLED = frozenset({"CANCELED", "EXPIRED", "REJECTED", "DENIED"})
_MOST_TOLD = 500


@dataclass(frozen=True, slots=True)
class Decision:
    """A wish with the candle that it was made on.

    Args:
        expires_ms: after this it may open nothing any more.
    """

    wish: Wish
    symbol: str
    intent_id: str
    candle: CandleMessage
    price: Decimal
    expires_ms: int


class Desk(Protocol):
    """A run's side of its venue. `news` holds what the run has not been told yet."""

    mode: str
    fills: deque[Fill]
    ended: deque[Order]

    async def open(self, memory: Memory) -> None:
        """Take over what an earlier life left; learn what happened meanwhile."""

    def position(self, symbol: str, price: float) -> Position: ...

    def cash(self, symbol: str) -> Decimal: ...

    def resting(self, symbol: str) -> list[Order]: ...

    def show(self, symbol: str, candle: Candle) -> None:
        """A finished candle of a market that the run reads."""

    async def cancel(self, symbol: str, order_id: str) -> None: ...

    async def carry_out(self, decision: Decision) -> None: ...


class LiveDesk:
    """Orders go to trade; positions are those of the run's own executions."""

    mode = LIVE

    def __init__(self, run: str, exchange: str, symbol: str, account: Account, delivery: Delivery) -> None:
        self._run, self._exchange, self._symbol = run, exchange, symbol
        self._account, self._delivery = account, delivery
        self._memory = Memory(market="")
        self._told: deque[str] = deque(maxlen=_MOST_TOLD)
        self.fills: deque[Fill] = deque()
        self.ended: deque[Order] = deque()

    async def open(self, memory: Memory) -> None:
        self._memory = memory
        self.fills.clear()
        self.ended.clear()
        await self._account.known.wait()
        for done in await self._account.executions(self._run, memory.book, memory.brackets):
            memory.book.take(done)

    def took_fill(self, fill: trade.Fill) -> None:
        """An execution was told; the run hears of it before its next candle, as in a backtest."""
        if belongs(fill, self._run, self._memory.brackets) and self._memory.book.take(execution(fill)):
            symbol = "" if fill.symbol == self._symbol else fill.symbol
            self.fills.append(Fill(fill.side, fill.price, fill.amount, fill.fee, fill.ts_ms, symbol))

    def took_order(self, order: trade.Order) -> None:
        """An order changed its state; one that ended unfilled is told to the run, once."""
        if order.source == self._run and order.state in _ENDED_UNFILLED and order.id not in self._told:
            self._told.append(order.id)
            self.ended.append(self._shown(order, order.reason or order.state.lower()))

    def position(self, symbol: str, price: float) -> Position:
        return self._account.position(symbol, self._memory.book, price)

    def cash(self, symbol: str) -> Decimal:
        return self._account.free(quote_of(symbol))

    def resting(self, symbol: str) -> list[Order]:
        return [self._shown(order, "") for order in self._account.working(self._run, symbol)]

    def show(self, symbol: str, candle: Candle) -> None:
        return

    async def cancel(self, symbol: str, order_id: str) -> None:
        await self._delivery.cancel(self._run, symbol, order_id)

    async def carry_out(self, decision: Decision) -> None:
        wish = decision.wish
        if wish.replaces:
            self._told.append(wish.replaces)  # its end is what was asked for
        if (wish.stop is not None or wish.take is not None) and decision.symbol not in self._memory.brackets:
            self._memory.brackets.append(decision.symbol)
        intended = Intended(
            self._run,
            self._exchange,
            decision.symbol,
            decision.intent_id,
            wish,
            decision.candle.open_ms,
            decision.price,
        )
        refused = await self._delivery.carry_out(intended, decision.expires_ms)
        if refused is not None:
            self._told.append(refused.id)
            self.ended.append(refused)

    def _shown(self, order: trade.Order, reason: str) -> Order:
        symbol = "" if order.symbol == self._symbol else order.symbol
        return Order(
            order.id, order.side, order.amount, order.filled, order.price, symbol, reason, order.stop_price
        )


class DryDesk:
    """Orders are simulated on the candles that the run sees."""

    mode = DRY

    def __init__(
        self,
        symbol: str,
        cash: Decimal,
        fees: tuple[Decimal, Decimal],
        account: Account,
        tell: Teller,
    ) -> None:
        self._symbol, self._start, self._account, self._tell = symbol, cash, account, tell
        self._maker_fee, self._taker_fee = fees
        self._memory = Memory(market="")
        self.fills: deque[Fill] = deque()
        self.ended: deque[Order] = deque()

    async def open(self, memory: Memory) -> None:
        self._memory = memory
        memory.dry.cash.setdefault(quote_of(self._symbol), self._start)
        await self._account.known.wait()

    def position(self, symbol: str, price: float) -> Position:
        found = self._memory.book.holdings.get(symbol)
        if found is None or not self._account.sellable(symbol, found.amount, price):
            return Position()
        return found.position

    def cash(self, symbol: str) -> Decimal:
        return self._memory.dry.cash.get(quote_of(symbol), ZERO)

    def resting(self, symbol: str) -> list[Order]:
        return [
            Order(
                one.id,
                one.wish.side,
                one.wish.amount,
                ZERO,
                one.wish.limit,
                one.wish.symbol,
                "",
                one.wish.trigger,
            )
            for one in self._memory.dry.orders
            if one.symbol == symbol
        ]

    def show(self, symbol: str, candle: Candle) -> None:
        memory = self._memory
        made, refused = memory.dry.match(memory.book, symbol, candle, self._maker_fee, self._taker_fee)
        self.ended.extend(refused)
        for done in made:
            self._tell.dry_fill(done, candle.open_ms)
            self.fills.append(self._fill(done))

    async def cancel(self, symbol: str, order_id: str) -> None:
        self._memory.dry.cancel(symbol, order_id)

    async def carry_out(self, decision: Decision) -> None:
        refused = self._memory.dry.place(decision.symbol, decision.wish, self._account.step(decision.symbol))
        if refused is not None:
            self.ended.append(refused)

    def _fill(self, done: Execution) -> Fill:
        symbol = "" if done.symbol == self._symbol else done.symbol
        return Fill(done.side, done.price, done.amount, done.fee_quote, done.ts_ms, symbol)


def intent_id(run: str, symbol: str, open_ms: int, side: str, number: int) -> str:
    """The same for the same wish, however often the candle is seen."""
    return f"{run}:{topics.part(symbol)}:{open_ms}:{side[0]}{number}"
