"""The public order book and its updates: numbered so that a client can rebuild it exactly."""

from dataclasses import dataclass, field

from .book import Market
from .orders import BUY, SELL
from .units import text

Side = dict[int, int]


@dataclass(slots=True)
class Published:
    """What the readers of one stream were told last, and the prices whose levels changed since then.

    A level that came and went in between is told too: a reader may have it from a snapshot.
    """

    update_id: int
    bids: set[int] = field(default_factory=set)
    asks: set[int] = field(default_factory=set)


class Depth:
    """The book of one market as the public sees it. Every changed level counts the update id up by one."""

    def __init__(self, market: Market, first_id: int) -> None:
        self.market = market
        self.update_id = first_id
        self.bids: Side = {}
        self.asks: Side = {}
        self.fast = Published(first_id)
        self.slow = Published(first_id)
        self._best: tuple[int, ...] = ()

    def refresh(self) -> bool:
        """Look at the market again; True when the best bid or ask changed."""
        bids, asks = self.market.levels(BUY), self.market.levels(SELL)
        changed_bids, changed_asks = _changed(self.bids, bids), _changed(self.asks, asks)
        changed = len(changed_bids) + len(changed_asks)
        self.update_id += changed
        self.bids, self.asks = bids, asks
        for published in (self.fast, self.slow):
            published.bids |= changed_bids
            published.asks |= changed_asks
        best = self.best()
        if not changed or best == self._best:
            return False
        self._best = best
        return True

    def best(self) -> tuple[int, ...]:
        """Bid price, bid quantity, ask price, ask quantity; zeros where a side is empty."""
        bid = next(iter(self.bids.items()), (0, 0))
        ask = next(iter(self.asks.items()), (0, 0))
        return (*bid, *ask)

    def snapshot(self, limit: int) -> dict[str, object]:
        """As GET /api/v3/depth."""
        return {
            "lastUpdateId": self.update_id,
            "bids": _levels(list(self.bids.items())[:limit]),
            "asks": _levels(list(self.asks.items())[:limit]),
        }

    def difference(self, published: Published, now_ms: int) -> dict[str, object] | None:
        """The depthUpdate event that brings readers up to date, or None when they are."""
        if published.update_id == self.update_id:
            return None
        event: dict[str, object] = {
            "e": "depthUpdate", "E": now_ms, "s": self.market.rules.symbol, "U": published.update_id + 1,
            "u": self.update_id, "b": _levels([(p, self.bids.get(p, 0)) for p in sorted(published.bids)]),
            "a": _levels([(p, self.asks.get(p, 0)) for p in sorted(published.asks)]),
        }  # fmt: skip
        published.bids.clear()
        published.asks.clear()
        published.update_id = self.update_id
        return event

    def book_ticker(self) -> dict[str, object]:
        """The bookTicker event."""
        bid, bid_quantity, ask, ask_quantity = self.best()
        return {
            "u": self.update_id, "s": self.market.rules.symbol, "b": text(bid), "B": text(bid_quantity),
            "a": text(ask), "A": text(ask_quantity),
        }  # fmt: skip


def _changed(before: Side, after: Side) -> set[int]:
    """Prices whose quantity is another."""
    changed = {price for price, quantity in after.items() if before.get(price) != quantity}
    return changed | (before.keys() - after.keys())


def _levels(levels: list[tuple[int, int]]) -> list[list[str]]:
    return [[text(price), text(quantity)] for price, quantity in levels]
