"""Cost basis: which coins were sold, and what they had cost. FIFO, LIFO, HIFO and average cost.

Which method a taxpayer may use is for the law of the land; all four are the usual ones (for example 26 CFR
1.1012-1 names FIFO and specific identification; HMRC CRYPTO22200 pools at average cost).
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from .exact import ZERO, add, divide, share, subtract

Method = Literal["fifo", "lifo", "hifo", "average"]
METHODS: tuple[Method, ...] = ("fifo", "lifo", "hifo", "average")


@dataclass(frozen=True, slots=True)
class Lot:
    """Coins that came together. `cost` is their whole cost, None when nobody knows it.

    `origin` is how they came: buy, deposit or opening (they were there when this home began).
    """

    id: str
    acquired_ms: int
    amount: Decimal
    cost: Decimal | None
    origin: str = "buy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disposal:
    """Coins of one lot that went. `proceeds` is None when they were withdrawn rather than sold.

    `lot` is "" for coins that came from nowhere we know of; their cost is unknown.
    """

    id: str
    lot: str
    origin: str
    amount: Decimal
    acquired_ms: int | None
    disposed_ms: int
    cost: Decimal | None
    proceeds: Decimal | None

    @property
    def gain(self) -> Decimal | None:
        if self.cost is None or self.proceeds is None:
            return None
        return subtract(self.proceeds, self.cost)


class Pool:
    """The lots of one asset, by one method."""

    def __init__(self, method: Method) -> None:
        self.method = method
        self.lots: list[Lot] = []

    @property
    def amount(self) -> Decimal:
        found = ZERO
        for lot in self.lots:
            found = add(found, lot.amount)
        return found

    def add(self, lot: Lot) -> None:
        """Coins came."""
        if lot.amount <= 0:
            return
        self.lots.append(lot)
        if self.method == "average":
            self._level()

    def remove(
        self, disposal_id: str, amount: Decimal, proceeds: Decimal | None, when_ms: int
    ) -> list[Disposal]:
        """Coins went; one disposal for each lot that they came from. Their sum is `amount`, to the digit."""
        found, left, money = [], amount, proceeds
        while left > 0 and self.lots:
            place = self._next()
            lot = self.lots[place]
            part = min(left, lot.amount)
            cost = None if lot.cost is None else share(lot.cost, part, lot.amount)
            earned = None if money is None else share(money, part, left)
            found.append(
                Disposal(
                    id=disposal_id,
                    lot=lot.id,
                    origin=lot.origin,
                    amount=part,
                    acquired_ms=lot.acquired_ms,
                    disposed_ms=when_ms,
                    cost=cost,
                    proceeds=earned,
                )
            )
            self._shrink(place, part, cost)
            left = subtract(left, part)
            money = None if money is None or earned is None else subtract(money, earned)
        if left > 0:
            found.append(
                Disposal(
                    id=disposal_id,
                    lot="",
                    origin="unknown",
                    amount=left,
                    acquired_ms=None,
                    disposed_ms=when_ms,
                    cost=None,
                    proceeds=money,
                )
            )
        return found

    def _next(self) -> int:
        places = range(len(self.lots))
        if self.method == "lifo":
            return len(self.lots) - 1
        if self.method == "hifo":
            # A lot of unknown cost goes last: it is not pretended that it was dear.
            return max(places, key=lambda place: (_unit_cost(self.lots[place]), -place))
        return 0

    def _shrink(self, place: int, part: Decimal, cost: Decimal | None) -> None:
        lot = self.lots[place]
        if part == lot.amount:
            del self.lots[place]
            return
        rest = None if lot.cost is None or cost is None else subtract(lot.cost, cost)
        self.lots[place] = replace(lot, amount=subtract(lot.amount, part), cost=rest)

    def _level(self) -> None:
        """Every coin costs the average; their dates stay. Coins of unknown cost stay apart."""
        known = [place for place, lot in enumerate(self.lots) if lot.cost is not None]
        amount, cost = ZERO, ZERO
        for place in known:
            lot = self.lots[place]
            amount, cost = add(amount, lot.amount), add(cost, lot.cost or ZERO)
        for place in known:
            lot = self.lots[place]
            part = share(cost, lot.amount, amount)
            self.lots[place] = replace(lot, cost=part)
            cost, amount = subtract(cost, part), subtract(amount, lot.amount)


def _unit_cost(lot: Lot) -> Decimal:
    return Decimal(-1) if lot.cost is None else divide(lot.cost, lot.amount)
