"""What trade says about positions, money and orders, kept at hand for the strategies."""

import asyncio
from decimal import Decimal

from ...bus import topics
from ...bus.api import AsyncBusApi, Received
from ...bus.contracts import trade
from ...bus.contracts.market import Feeds, ListFeeds
from ...configs.accounts import MAIN, service_of
from .book import Book, Execution
from .values import ZERO, Position

ENDED = frozenset({"FILLED", "CANCELED", "EXPIRED", "REJECTED", "DENIED"})
"""States of an order that will not change any more (docs/orders.md)."""

_MOST_ENDED = 1000
_ASK_AGAIN_S = 0.5
_MOST_FILLS = 10_000
PROTECTION = "protection"
"""`source` of the orders by which trade guards a position."""


class Account:
    """One account on its venue, as its trade service tells it: a snapshot, and events after that.

    Args:
        name: main, or what the settings call it.
    """

    def __init__(self, bus: AsyncBusApi, exchange: str, name: str = MAIN) -> None:
        self._bus, self.exchange, self.name = bus, exchange, name
        self.service = service_of(name)
        self._positions: dict[str, trade.Position] = {}
        self._free: dict[str, Decimal] = {}
        self._orders: dict[str, trade.Order] = {}
        self._smallest: dict[str, tuple[Decimal, Decimal]] = {}
        self._steps: dict[str, Decimal] = {}
        self._filled: dict[str, Decimal] = {}
        self._clock = 0
        self._position_at: dict[str, int] = {}
        self._fill_at: dict[str, int] = {}
        self._changed = asyncio.Event()
        self.known = asyncio.Event()

    def follow(self) -> None:
        """Subscribe; call before `refresh`, so that nothing falls between."""
        venue = f"{topics.of_account(self.name)}{topics.part(self.exchange)}"
        self._bus.subscribe(f"{topics.POSITIONS}{venue}.", trade.Position, self._on_position)
        self._bus.subscribe(f"{topics.BALANCES}{venue}", trade.Balance, self._on_balance)
        self._bus.subscribe(f"{topics.ORDERS}{venue}.", trade.Order, self._on_order)

    async def refresh(self) -> None:
        """Ask trade for everything, and data for the smallest orders.

        Raises:
            BusTimeoutError: trade or data does not answer.
        """
        portfolio = await self._bus.request(self.service, trade.GetPortfolio(), trade.Portfolio)
        for position in portfolio.positions:
            self._take_position(position)
        for balance in portfolio.balances:
            if self._is_ours(balance):
                self._free[balance.asset] = balance.free
        orders = await self._bus.request(self.service, trade.ListOrders(open_only=True), trade.Orders)
        for order in orders.orders:
            self._take_order(order)
        await self._learn_markets()
        self.known.set()

    async def _learn_markets(self) -> None:
        """Ask data for the smallest order of each market; until the venue has told it, data does not know."""
        while True:
            feeds = (await self._bus.request("data", ListFeeds(), Feeds)).feeds
            if all(Decimal(feed.amount_step) for feed in feeds if feed.exchange == self.exchange):
                break
            await asyncio.sleep(_ASK_AGAIN_S)
        for feed in feeds:
            if feed.exchange != self.exchange:
                continue
            amount = max(Decimal(feed.amount_step), Decimal(feed.min_amount))
            self._smallest[feed.symbol] = (amount, Decimal(feed.min_cost))
            self._steps[feed.symbol] = Decimal(feed.amount_step)

    def position(self, symbol: str, book: Book, price: float) -> Position:
        """What a run holds of a market: what its own executions made, and no more than the account has.

        What is too little to be sold there (rounding leaves it) counts as nothing.
        """
        own = book.holdings.get(symbol)
        amount = own.amount if own is not None else ZERO
        if self._told(symbol):
            whole = self._positions.get(symbol)
            amount = min(amount, whole.amount if whole is not None else ZERO)
        if own is None or amount <= 0 or not self.sellable(symbol, amount, price):
            return Position()
        return Position(amount, own.position.average)

    def sellable(self, symbol: str, amount: Decimal, price: float) -> bool:
        """Whether the venue would take an order of this size."""
        least, cost = self._smallest.get(symbol, (ZERO, ZERO))
        return amount >= least and amount * Decimal(repr(price)) >= cost

    def step(self, symbol: str) -> Decimal:
        """Smallest change of an amount in this market; 0 when it is not known."""
        return self._steps.get(symbol, ZERO)

    def _told(self, symbol: str) -> bool:
        """The account's position is known as it is after the newest execution that was told."""
        return self._position_at.get(symbol, 0) >= self._fill_at.get(symbol, 0)

    def free(self, asset: str) -> Decimal:
        """What is free of an asset."""
        return self._free.get(asset, ZERO)

    def working(self, source: str, symbol: str) -> list[trade.Order]:
        """Orders of one run in a market that have not ended, oldest first."""
        found = [
            order
            for order in self._orders.values()
            if order.source == source and order.symbol == symbol and order.state not in ENDED
        ]
        return sorted(found, key=lambda order: order.created_ms)

    async def ended(self, intent_id: str, timeout_s: float) -> trade.Order | None:
        """Wait for the end of an order and for what its fills did to the position; None when it takes too
        long.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    order = self._orders.get(intent_id)
                    if order is not None and order.state in ENDED and self._reflected(order):
                        return order
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return None

    async def executions(self, run: str, book: Book, guarded: list[str]) -> list[Execution]:
        """Executions of a run that its book may not know, oldest first.

        Args:
            guarded: markets in which trade guards this run's position.

        Raises:
            BusTimeoutError: trade does not answer.
        """
        wish = trade.ListFills(since_ms=book.since_ms(), limit=_MOST_FILLS)
        told = (await self._bus.request(self.service, wish, trade.Fills)).fills
        return [
            execution(fill) for fill in reversed(told) if self._is_ours(fill) and belongs(fill, run, guarded)
        ]

    def note_fill(self, fill: trade.Fill) -> None:
        """An execution of anybody's order was told."""
        self._clock += 1
        self._fill_at[fill.symbol] = self._clock
        self._filled[fill.order_id] = self._filled.get(fill.order_id, ZERO) + fill.amount
        if len(self._filled) > _MOST_ENDED:
            del self._filled[next(iter(self._filled))]
        self._changed.set()

    def _is_ours(self, told: trade.Position | trade.Balance | trade.Order | trade.Fill) -> bool:
        return told.exchange == self.exchange and told.account == self.name

    def _reflected(self, order: trade.Order) -> bool:
        """All executions of an order were told, and the position after them."""
        return self._filled.get(order.id, ZERO) >= order.filled and self._told(order.symbol)

    def _on_position(self, received: Received[trade.Position]) -> None:
        self._take_position(received.message)

    def _take_position(self, position: trade.Position) -> None:
        if not self._is_ours(position):
            return
        known = self._positions.get(position.symbol)
        if known is None or position.updated_ms >= known.updated_ms:
            self._positions[position.symbol] = position
            self._clock += 1
            self._position_at[position.symbol] = self._clock
            self._changed.set()

    def _on_balance(self, received: Received[trade.Balance]) -> None:
        if self._is_ours(received.message):
            self._free[received.message.asset] = received.message.free

    def _on_order(self, received: Received[trade.Order]) -> None:
        self._take_order(received.message)

    def _take_order(self, order: trade.Order) -> None:
        known = self._orders.get(order.intent_id)
        if not self._is_ours(order) or (known is not None and known.updated_ms > order.updated_ms):
            return
        self._orders[order.intent_id] = order
        self._changed.set()
        if order.state in ENDED and len(self._orders) > _MOST_ENDED:
            self._forget_one()

    def _forget_one(self) -> None:
        oldest = next(key for key, order in self._orders.items() if order.state in ENDED)
        del self._orders[oldest]


def belongs(fill: trade.Fill, run: str, guarded: list[str]) -> bool:
    """An execution is a run's when its own order made it, or the guard that it asked trade for."""
    return fill.source == run or (fill.source == PROTECTION and fill.symbol in guarded)


def execution(fill: trade.Fill) -> Execution:
    """What a book keeps of a fill."""
    base, _, rest = fill.symbol.partition("/")
    quote = rest.partition(":")[0]
    return Execution(
        fill.id,
        fill.symbol,
        fill.side,
        fill.price,
        fill.amount,
        fill.ts_ms,
        fee_base=fill.fee if fill.fee_currency == base else ZERO,
        fee_quote=fill.fee if fill.fee_currency == quote else ZERO,
    )
