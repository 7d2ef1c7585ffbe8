"""Positions made of fills: average cost and FIFO side by side, fees included. Pure and exact.

A position is what trading changed, from zero on: it may be below zero when coins are sold that were there
before.
"""

from collections import deque
from dataclasses import dataclass, field, replace
from decimal import Decimal

from . import money
from .money import ZERO
from .order import FillRecord


@dataclass(frozen=True, slots=True)
class Lot:
    """Bought (or, below zero, sold) together; `cost` is its whole quote value, with the sign of `amount`."""

    amount: Decimal
    cost: Decimal


@dataclass(slots=True)
class PositionRecord:
    """A position in one symbol; all money in quote units.

    `cost` is what the open part cost, fees included: `cost / amount` is its average. `fees` are told apart
    for people; they are inside `cost` and the realised figures already.
    """

    exchange: str
    symbol: str
    amount: Decimal = ZERO
    cost: Decimal = ZERO
    realised: Decimal = ZERO
    realised_fifo: Decimal = ZERO
    fees: Decimal = ZERO
    updated_ms: int = 0
    lots: deque[Lot] = field(default_factory=deque)

    def copy(self) -> "PositionRecord":
        return replace(self, lots=deque(self.lots))

    @property
    def average(self) -> Decimal | None:
        return money.divide(self.cost, self.amount) if self.amount else None

    def unrealised(self, price: Decimal | None) -> Decimal:
        """At a market price; zero while there is none."""
        if not self.amount or price is None:
            return ZERO
        return money.subtract(money.multiply(self.amount, price), self.cost)


def book(
    position: PositionRecord, fill: FillRecord, base: str, quote: str, fee_price: Decimal | None
) -> None:
    """Change the position by a fill.

    Args:
        fee_price: price in quote of one unit of the fee's asset, for a fee that is in neither base nor quote;
            None when it is unknown: such a fee is then left out of the figures (the ledger has it).
    """
    sign = 1 if fill.side == "buy" else -1
    amount, value = sign * fill.amount, sign * fill.cost
    fee_quote = ZERO
    if fill.fee_currency == base:
        # Taken from the coins: fewer arrive (or more leave) for the same money.
        amount = money.subtract(amount, fill.fee)
        fee_quote = money.multiply(fill.fee, fill.price)
    elif fill.fee_currency == quote:
        fee_quote = fill.fee
        value = money.add(value, fee_quote)
    elif fee_price is not None:
        fee_quote = money.multiply(fill.fee, fee_price)
        value = money.add(value, fee_quote)
    position.fees = money.add(position.fees, fee_quote)
    position.updated_ms = max(position.updated_ms, fill.ts_ms)
    _change(position, amount, value)


def _change(position: PositionRecord, amount: Decimal, value: Decimal) -> None:
    """Trade `amount` (signed) for `value` (signed alike, fees included)."""
    if amount == 0:
        position.realised = money.subtract(position.realised, value)
        position.realised_fifo = money.subtract(position.realised_fifo, value)
        return
    if position.amount == 0 or (position.amount > 0) == (amount > 0):
        _open(position, amount, value)
        return
    closing = amount if abs(amount) <= abs(position.amount) else -position.amount
    closing_value = money.share(value, closing, amount)
    _close(position, closing, closing_value)
    rest = money.subtract(amount, closing)
    if rest:
        _open(position, rest, money.subtract(value, closing_value))


def _open(position: PositionRecord, amount: Decimal, value: Decimal) -> None:
    position.amount = money.add(position.amount, amount)
    position.cost = money.add(position.cost, value)
    last = position.lots[-1] if position.lots else None
    if last is not None and money.multiply(last.cost, amount) == money.multiply(value, last.amount):
        # Bought at the same price: one lot, which gives the same costs; many small fills stay few lots.
        position.lots[-1] = Lot(money.add(last.amount, amount), money.add(last.cost, value))
    else:
        position.lots.append(Lot(amount, value))


def _close(position: PositionRecord, amount: Decimal, value: Decimal) -> None:
    """`amount` has the opposite sign of the position and is no larger; what comes in is `-value`."""
    cost = money.share(position.cost, -amount, position.amount)
    position.realised = money.subtract(position.realised, money.add(cost, value))
    position.cost = money.subtract(position.cost, cost)
    position.amount = money.add(position.amount, amount)
    fifo_cost = _take_lots(position.lots, -amount)
    position.realised_fifo = money.subtract(position.realised_fifo, money.add(fifo_cost, value))


def _take_lots(lots: deque[Lot], amount: Decimal) -> Decimal:
    """Remove `amount` (signed as the lots are) from the oldest lots; what those parts cost."""
    cost = ZERO
    while amount:
        lot = lots[0]
        if abs(lot.amount) <= abs(amount):
            cost = money.add(cost, lot.cost)
            amount = money.subtract(amount, lot.amount)
            lots.popleft()
            continue
        part = money.share(lot.cost, amount, lot.amount)
        lots[0] = Lot(money.subtract(lot.amount, amount), money.subtract(lot.cost, part))
        return money.add(cost, part)
    return cost
