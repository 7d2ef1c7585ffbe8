"""The public order book and its updates: numbered so that a client can rebuild it exactly."""

from dataclasses import dataclass, field

from .book import Market
from .orders import BUY, SELL
from .units import text

Side = dict[int, int]


@dataclass(slots=True)
class Published:
    """What the readers of one stream were told last."""

    bids: Side = field(default_factory=dict)
    asks: Side = field(default_factory=dict)
    update_id: int = 0


class Depth:
    """The book of one market as the public sees it. Every changed level counts the update id up by one."""

    def __init__(self, market: Market, first_id: int) -> None:
        self.market = market
        self.update_id = first_id
        self.bids: Side = {}
        self.asks: Side = {}
        self.fast = Published(update_id=first_id)
        self.slow = Published(update_id=first_id)
        self._best: tuple[int, ...] = ()

    def refresh(self) -> bool:
        """Look at the market again; True when the best bid or ask changed."""
        bids, asks = self.market.levels(BUY), self.market.levels(SELL)
        changed = len(_changes(self.bids, bids)) + len(_changes(self.asks, asks))
        self.update_id += changed
        self.bids, self.asks = bids, asks
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
        bids, asks = _changes(published.bids, self.bids), _changes(published.asks, self.asks)
        event: dict[str, object] = {
            "e": "depthUpdate", "E": now_ms, "s": self.market.rules.symbol, "U": published.update_id + 1,
            "u": self.update_id, "b": _levels(bids), "a": _levels(asks),
        }  # fmt: skip
        published.bids, published.asks, published.update_id = self.bids, self.asks, self.update_id
        return event

    def book_ticker(self) -> dict[str, object]:
        """The bookTicker event."""
        bid, bid_quantity, ask, ask_quantity = self.best()
        return {
            "u": self.update_id, "s": self.market.rules.symbol, "b": text(bid), "B": text(bid_quantity),
            "a": text(ask), "A": text(ask_quantity),
        }  # fmt: skip


def _changes(before: Side, after: Side) -> list[tuple[int, int]]:
    changed = [(price, quantity) for price, quantity in after.items() if before.get(price) != quantity]
    changed += [(price, 0) for price in before if price not in after]
    return changed


def _levels(levels: list[tuple[int, int]]) -> list[list[str]]:
    return [[text(price), text(quantity)] for price, quantity in levels]
