"""What the matching engine did: reports, orders, trades, lines of the tape."""

from dataclasses import dataclass, field

from .orders import Order, OrderList, PublicTrade, Trade


@dataclass(frozen=True, slots=True)
class Report:
    """One execution report: the order as it was after the event. `kind` is Binance's execution type."""

    kind: str
    order: Order
    trade: Trade | None
    time_ms: int
    cancel_id: str = ""


@dataclass(slots=True)
class Changes:
    """What happened since the last look."""

    reports: list[Report] = field(default_factory=list)
    orders: dict[int, Order] = field(default_factory=dict)
    trades: list[Trade] = field(default_factory=list)
    tape: list[PublicTrade] = field(default_factory=list)
    lists: dict[int, OrderList] = field(default_factory=dict)

    def durable(self) -> bool:
        """Is there anything that must be stored?"""
        return bool(self.orders or self.trades or self.lists)


@dataclass(slots=True)
class Fees:
    """As parts of 1e8."""

    maker: int
    taker: int
