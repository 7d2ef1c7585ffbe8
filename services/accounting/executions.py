"""All fills, each counted once, and what follows from them: positions by source, trades that ended."""

from collections.abc import Iterable

from ...bus.contracts.trade import Fill, Order
from .subpositions import ClosedTrade, FeePrice, SubPositions

_STOPS = frozenset({"stop_loss", "stop_loss_limit", "trailing_stop"})


class Executions:
    """Passive: whoever listens to the bus hands the messages over."""

    def __init__(self, fee_price: FeePrice) -> None:
        self._fee_price = fee_price
        self.fills: dict[str, Fill] = {}
        self._stops: set[str] = set()
        self.positions = SubPositions(fee_price)
        self.trades: list[ClosedTrade] = []
        self._newest = (0, "")

    def note(self, order: Order) -> None:
        """Remember which orders are protective stops."""
        if order.type in _STOPS:
            self._stops.add(order.id)

    def take_all(self, fills: Iterable[Fill]) -> None:
        """Fills in any order, some of them perhaps known."""
        self.fills |= {key_of(fill): fill for fill in fills}
        self._count_again()

    def take(self, fill: Fill) -> bool:
        """One more fill; False when it is known."""
        key = key_of(fill)
        if key in self.fills:
            return False
        self.fills[key] = fill
        if (fill.ts_ms, key) > self._newest:
            self._count(fill)
        else:
            self._count_again()  # booked late: it happened before others that are counted already
        return True

    def in_order(self) -> list[Fill]:
        """Oldest first."""
        return sorted(self.fills.values(), key=lambda one: (one.ts_ms, key_of(one)))

    def _count_again(self) -> None:
        self.positions, self.trades, self._newest = SubPositions(self._fee_price), [], (0, "")
        for fill in self.in_order():
            self._count(fill)

    def _count(self, fill: Fill) -> None:
        self.trades += self.positions.take(fill, stopped=fill.order_id in self._stops)
        self._newest = (fill.ts_ms, key_of(fill))


def key_of(fill: Fill) -> str:
    """What names an execution for ever."""
    return f"{fill.exchange}|{fill.symbol}|{fill.id}"
