"""All fills, each counted once, and what follows from them: positions by source, trades that ended."""

from collections.abc import Iterable

from ...bus.contracts.trade import Fill, Order
from .subpositions import ClosedTrade, FeePrice, SubPositions

_STOPS = frozenset({"stop_loss", "stop_loss_limit", "trailing_stop"})
_STOPS_REMEMBERED = 50_000


class Executions:
    """Passive: whoever listens to the bus hands the messages over.

    Args:
        keep: forget the oldest fills and trades beyond so many (positions stay right); None forgets nothing.
    """

    def __init__(self, fee_price: FeePrice, keep: int | None = None) -> None:
        self._fee_price, self._keep, self._forgot = fee_price, keep, False
        self.fills: dict[str, Fill] = {}
        self._stops: dict[str, None] = {}
        self.positions = SubPositions(fee_price)
        self.trades: list[ClosedTrade] = []
        self._newest = (0, "")

    def note(self, order: Order) -> None:
        """Remember which orders are protective stops."""
        if order.type in _STOPS:
            self._stops[order.id] = None
        while len(self._stops) > _STOPS_REMEMBERED:
            del self._stops[next(iter(self._stops))]

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
        if (fill.ts_ms, key) > self._newest or self._forgot:
            self._count(fill)
            self._forget()
        else:
            self._count_again()  # booked late: it happened before others that are counted already
        return True

    def _forget(self) -> None:
        if self._keep is None or len(self.fills) <= 2 * self._keep:
            return
        self._forgot = True
        for fill in self.in_order()[: -self._keep]:
            del self.fills[key_of(fill)]
        self.trades = self.trades[-self._keep :]

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
