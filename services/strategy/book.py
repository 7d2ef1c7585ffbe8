"""What one run itself holds: built from its own executions alone, whoever else trades in the same market."""

from decimal import Decimal

import msgspec

from .values import ZERO, Position

_REMEMBERED_MS = 600_000
"""Executions are told at least once; ids of this long are kept, and asked for again after a restart."""


class Execution(msgspec.Struct, frozen=True, gc=False):
    """One execution of a run's order.

    Args:
        id: the venue's, unique in its market.
        fee_base: part of the fee that was taken in base units.
        fee_quote: part of the fee that was taken in quote units.
    """

    id: str
    symbol: str
    side: str
    price: Decimal
    amount: Decimal
    ts_ms: int
    fee_base: Decimal = ZERO
    fee_quote: Decimal = ZERO
    reason: str = ""


class Holding(msgspec.Struct):
    """What is held of one market, and what was paid for it in quote units, fees included."""

    amount: Decimal = ZERO
    paid: Decimal = ZERO

    @property
    def position(self) -> Position:
        return Position(self.amount, self.paid / self.amount) if self.amount > 0 else Position()


class Book(msgspec.Struct, kw_only=True):
    """The virtual account of one run: holdings by market, and what its sales gained.

    Args:
        newest_ms: time of the newest execution that counts.
        seen: ids of those of the last ten minutes before it, with their times.
    """

    holdings: dict[str, Holding] = {}
    realised: Decimal = ZERO
    newest_ms: int = 0
    seen: dict[str, int] = {}

    def take(self, done: Execution) -> bool:
        """Count an execution; false when it was counted before."""
        key = f"{done.symbol} {done.id}"
        if key in self.seen or done.ts_ms < self.newest_ms - _REMEMBERED_MS:
            return False
        self.newest_ms = max(self.newest_ms, done.ts_ms)
        self.seen[key] = done.ts_ms
        for old in [key for key, ts_ms in self.seen.items() if ts_ms < self.newest_ms - _REMEMBERED_MS]:
            del self.seen[old]
        holding = self.holdings.setdefault(done.symbol, Holding())
        if done.side == "buy":
            holding.amount += done.amount - done.fee_base
            holding.paid += done.amount * done.price + done.fee_quote
        else:
            self._sold(holding, done)
        if holding.amount <= 0:
            del self.holdings[done.symbol]
        return True

    def since_ms(self) -> int | None:
        """From when on executions must be asked for after a restart; None is from the beginning."""
        return self.newest_ms - _REMEMBERED_MS if self.newest_ms else None

    def _sold(self, holding: Holding, done: Execution) -> None:
        share = min(Decimal(1), done.amount / holding.amount) if holding.amount else Decimal(1)
        cost = holding.paid * share
        self.realised += done.amount * done.price - done.fee_quote - cost
        holding.paid -= cost
        holding.amount -= done.amount
