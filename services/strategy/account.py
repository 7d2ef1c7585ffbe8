"""What trade says about positions, money and orders, kept at hand for the strategies."""

import asyncio
from decimal import Decimal

from ...bus import topics
from ...bus.api import AsyncBusApi, Received
from ...bus.contracts import trade
from ...bus.contracts.market import Feeds, ListFeeds
from .base import ZERO, Position

ENDED = frozenset({"FILLED", "CANCELED", "EXPIRED", "REJECTED", "DENIED"})
"""States of an order that will not change any more (docs/orders.md)."""

_MOST_ENDED = 1000
_ASK_AGAIN_S = 0.5
_NEARLY = Decimal("0.95")


class Account:
    """The account on one venue, as trade's events tell it after a snapshot."""

    def __init__(self, bus: AsyncBusApi, exchange: str) -> None:
        self._bus, self._exchange = bus, exchange
        self._positions: dict[str, trade.Position] = {}
        self._free: dict[str, Decimal] = {}
        self._orders: dict[str, trade.Order] = {}
        self._smallest: dict[str, tuple[Decimal, Decimal]] = {}
        self._changed = asyncio.Event()
        self.known = asyncio.Event()

    def follow(self) -> None:
        """Subscribe; call before `refresh`, so that nothing falls between."""
        venue = topics.part(self._exchange)
        self._bus.subscribe(f"{topics.POSITIONS}{venue}.", trade.Position, self._on_position)
        self._bus.subscribe(f"{topics.BALANCES}{venue}", trade.Balance, self._on_balance)
        self._bus.subscribe(f"{topics.ORDERS}{venue}.", trade.Order, self._on_order)

    async def refresh(self) -> None:
        """Ask trade for everything, and data for the smallest orders.

        Raises:
            BusTimeoutError: trade or data does not answer.
        """
        portfolio = await self._bus.request("trade", trade.GetPortfolio(), trade.Portfolio)
        for position in portfolio.positions:
            self._take_position(position)
        for balance in portfolio.balances:
            if balance.exchange == self._exchange:
                self._free[balance.asset] = balance.free
        orders = await self._bus.request("trade", trade.ListOrders(open_only=True), trade.Orders)
        for order in orders.orders:
            self._take_order(order)
        await self._learn_markets()
        self.known.set()

    async def _learn_markets(self) -> None:
        """Ask data for the smallest order of each market; until the venue has told it, data does not know."""
        while True:
            feeds = (await self._bus.request("data", ListFeeds(), Feeds)).feeds
            if all(Decimal(feed.amount_step) for feed in feeds):
                break
            await asyncio.sleep(_ASK_AGAIN_S)
        for feed in feeds:
            amount = max(Decimal(feed.amount_step), Decimal(feed.min_amount))
            self._smallest[feed.symbol] = (amount, Decimal(feed.min_cost))

    def held(self, symbol: str) -> Decimal:
        """What is held of a market, to the last grain."""
        found = self._positions.get(symbol)
        return found.amount if found is not None else ZERO

    def position(self, symbol: str, price: float) -> Position:
        """What is held of a market. What is too little to be sold there (rounding leaves it) counts as
        nothing.
        """
        found = self._positions.get(symbol)
        amount, cost = self._smallest.get(symbol, (ZERO, ZERO))
        if found is None or found.amount < amount or found.amount * Decimal(repr(price)) < cost:
            return Position()
        return Position(found.amount, found.average)

    def free(self, asset: str) -> Decimal:
        """What is free of an asset."""
        return self._free.get(asset, ZERO)

    def working(self, source: str, symbol: str) -> list[trade.Order]:
        """Orders of one run that have not ended."""
        return [
            order
            for order in self._orders.values()
            if order.source == source and order.symbol == symbol and order.state not in ENDED
        ]

    async def ended(self, intent_id: str, held_before: Decimal, timeout_s: float) -> trade.Order | None:
        """Wait for the end of an order and for what its fills did to the position; None when it takes too
        long.

        Args:
            held_before: the position when the order was sent.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    order = self._orders.get(intent_id)
                    if order is not None and order.state in ENDED and self._reflected(order, held_before):
                        return order
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return None

    def _reflected(self, order: trade.Order, held_before: Decimal) -> bool:
        """The position has moved by what was filled; a fee taken in the base asset makes it a little less."""
        moved = abs(self.held(order.symbol) - held_before)
        return moved >= order.filled * _NEARLY

    def _on_position(self, received: Received[trade.Position]) -> None:
        self._take_position(received.message)

    def _take_position(self, position: trade.Position) -> None:
        if position.exchange != self._exchange:
            return
        known = self._positions.get(position.symbol)
        if known is None or position.updated_ms >= known.updated_ms:
            self._positions[position.symbol] = position
            self._changed.set()

    def _on_balance(self, received: Received[trade.Balance]) -> None:
        if received.message.exchange == self._exchange:
            self._free[received.message.asset] = received.message.free

    def _on_order(self, received: Received[trade.Order]) -> None:
        self._take_order(received.message)

    def _take_order(self, order: trade.Order) -> None:
        known = self._orders.get(order.intent_id)
        if order.exchange != self._exchange or (known is not None and known.updated_ms > order.updated_ms):
            return
        self._orders[order.intent_id] = order
        self._changed.set()
        if order.state in ENDED and len(self._orders) > _MOST_ENDED:
            self._forget_one()

    def _forget_one(self) -> None:
        oldest = next(key for key, order in self._orders.items() if order.state in ENDED)
        del self._orders[oldest]
