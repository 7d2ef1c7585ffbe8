"""Equity in units, as a fund counts: money that comes or goes changes the number of units, not their price.

The price of a unit therefore tells what trading alone did, whatever was deposited or withdrawn, and its
growth between two moments is the time-weighted return (CFA Institute, GIPS Standards 2020, 2.A.24, with a
valuation at each external flow).
"""

from dataclasses import dataclass
from decimal import Decimal

from .exact import ONE, ZERO, add, divide, scale, subtract


@dataclass(frozen=True, slots=True)
class Fund:
    """`units` at `price` each are the equity. A unit costs one to begin with."""

    units: Decimal
    price: Decimal

    @property
    def is_empty(self) -> bool:
        return self.units <= 0 or self.price <= 0

    def valued(self, equity: Decimal, flow: Decimal = ZERO) -> "Fund":
        """The fund now.

        Args:
            equity: what everything is worth now, the flow included.
            flow: what came (or, below zero, went) other than by trading since the last valuation.
        """
        before = subtract(equity, flow)
        if self.is_empty:
            # An account that had nothing left starts anew at the price it had: its past stays what it was.
            price = self.price if self.price > 0 else ONE
            return Fund(divide(equity, price), price)
        if before <= 0:
            return Fund(add(self.units, divide(flow, self.price)), self.price)
        price = divide(before, self.units)
        return Fund(add(self.units, divide(flow, price)), price)

    def growth_since(self, price: Decimal) -> Decimal:
        """The return since a unit cost `price`: 0.1 is ten percent."""
        return subtract(divide(self.price, price), ONE)


def begun(equity: Decimal) -> Fund:
    """A new fund of this equity."""
    return Fund(equity, ONE)


def drawdown(price: Decimal, from_price: Decimal) -> Decimal:
    """How far below an earlier price a unit is, in percent of that; never below zero."""
    if from_price <= 0 or price >= from_price:
        return ZERO
    return scale(divide(subtract(from_price, price), from_price), Decimal(100))
