"""What open orders bind, as running sums: nobody adds up all orders to judge the next one."""

from collections import defaultdict
from collections.abc import Hashable
from decimal import Decimal

from ..connectors.venue import Market
from . import money
from .money import ZERO
from .order import OrderRecord


class Bindings:
    """Sums over open orders, kept as they change."""

    def __init__(self) -> None:
        self._sums: dict[Hashable, Decimal] = defaultdict(lambda: ZERO)
        self._parts: dict[str, list[tuple[Hashable, Decimal]]] = {}

    def take(self, order: OrderRecord, market: Market | None, *, leads: bool) -> None:
        """Take an order's newest state; one that has ended binds nothing.

        Args:
            market: None while the venue's markets are unknown: nothing is known of the asset then.
            leads: whether it binds for the list it belongs to.
        """
        for key, amount in self._parts.pop(order.id, ()):
            self._sums[key] = money.subtract(self._sums[key], amount)
            if not self._sums[key]:
                del self._sums[key]
        if order.is_open:
            parts = [(key, amount) for key, amount in _parts(order, market, leads) if amount]
            for key, amount in parts:
                self._sums[key] = money.add(self._sums[key], amount)
            if parts:
                self._parts[order.id] = parts

    def used(self, asset: str) -> Decimal:
        """Units of the asset that open orders hold."""
        return self._sums.get(("used", asset), ZERO)

    def closing(self, symbol: str, side: str) -> Decimal:
        """Base units that open orders of this side will move."""
        return self._sums.get(("closing", symbol, side), ZERO)

    def buying(self, symbol: str) -> Decimal:
        """Quote units that open buy orders of the symbol are worth."""
        return self._sums.get(("buying", symbol), ZERO)


def _parts(order: OrderRecord, market: Market | None, leads: bool) -> list[tuple[Hashable, Decimal]]:
    """Which sums an open order is part of, and by how much."""
    parts: list[tuple[Hashable, Decimal]] = []
    if order.side == "buy":
        parts.append((("buying", order.symbol), order.reserved_quote))
    if leads:
        parts.append((("closing", order.symbol, order.side), order.remaining))
        if market is not None:
            selling = order.side == "sell"
            asset = market.base if selling else market.quote
            parts.append((("used", asset), order.reserved_base if selling else order.reserved_quote))
    return parts
