"""All accounts together: their reports added up, and a history of the whole."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from msgspec import structs

from ...bus.contracts.portfolio import (
    AccountShare,
    ListPortfolioHistory,
    PortfolioHistory,
    PortfolioPoint,
    PortfolioReport,
    PortfolioWeight,
)
from ..accounting import fund
from ..accounting.exact import ONE, ZERO, divide, multiply, scale, subtract, total
from . import performance
from .keeping import Keeper, NewFlow
from .performance import Point
from .valuation import Moment

_POINT_EVERY_MS = 60_000
_MOST_POINTS = 20_000
_JOINED, _LEFT = "joined", "left"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an account is, and whether it trades."""

    account: str
    exchange: str
    trading: str


class Whole:
    """The history of all accounts together, in units as that of one (accounting/fund.py). It begins when all
    are known for the first time. What an account brings that joins later, or takes along when it leaves the
    settings, is a flow and no profit.
    """

    def __init__(self, keeper: Keeper, names: Iterable[str]) -> None:
        self._keeper = keeper
        before = {name: keeper.of(name).last() for name in names}
        self._units = {name: found[0].units for name, found in before.items() if found is not None}
        last = keeper.last()
        self._fund = None if last is None else last[0]
        self._written_ms = 0 if last is None else last[1]
        self._now: Point | None = None
        self.currency = ""
        self._members: set[str] = set()
        for flow in keeper.flows():
            (self._members.add if flow.kind == _JOINED else self._members.discard)(flow.asset)

    def take(self, moments: Mapping[str, Moment | None], now_ms: int) -> None:
        """Value all accounts; nothing while one of them is not known, or their currencies differ."""
        known = {name: moment for name, moment in moments.items() if moment is not None}
        if len(known) < len(moments) or len({moment.currency for moment in known.values()}) > 1:
            return
        self.currency = next(iter(known.values())).currency
        equity, moved = total(one.equity for one in known.values()), self._moved(known)
        flow = ZERO
        if self._fund is None:
            self._fund = fund.begun(equity)
        else:
            # Of an account that joins now only its equity counts: its own flows are within.
            own = (self._flowed(name, one) for name, one in known.items() if name in self._members)
            flow = total((*own, *(one.amount for one in moved)))
            self._fund = self._fund.valued(equity, flow)
        self._units = {name: one.fund.units for name, one in known.items()}
        self._now = Point(now_ms, equity, ZERO, self._fund.price)
        if moved or flow or now_ms - self._written_ms >= _POINT_EVERY_MS:
            self._keeper.keep_point(now_ms, self.currency, equity, self._fund, flow=flow, flows=moved)
            self._written_ms, self._members = now_ms, {*known}

    def _flowed(self, name: str, moment: Moment) -> Decimal:
        """What came or went since the last valuation of all: flows alone change the number of units."""
        units = moment.fund.units
        return multiply(subtract(units, self._units.get(name, units)), moment.fund.price)

    def _moved(self, known: Mapping[str, Moment]) -> list[NewFlow]:
        """Accounts that joined since the last valuation, and those that left, with what they are worth."""
        joined = [
            NewFlow(_JOINED, name, one.equity, None)
            for name, one in known.items()
            if name not in self._members
        ]
        left = []
        for name in sorted(self._members - {*known}):
            last = self._keeper.of(name).last()
            worth = ZERO if last is None else multiply(last[0].units, last[0].price)
            left.append(NewFlow(_LEFT, name, -worth, None))
        return [*joined, *left]

    def turns(self) -> list[Point]:
        """What returns depend on: the first point, those with a flow, and now."""
        turns = self._keeper.turns()
        if self._now is None or (turns and turns[-1].ts_ms >= self._now.ts_ms):
            return turns
        return [*turns, self._now]

    def history(self, asked: ListPortfolioHistory) -> PortfolioHistory:
        """As the history of one account."""
        points = self._keeper.points(asked.since_ms, min(asked.limit, _MOST_POINTS), asked.before_ms)
        return PortfolioHistory(
            points=[
                PortfolioPoint(
                    ts_ms=one.ts_ms,
                    currency=self.currency,
                    equity=one.equity,
                    flow=one.flow,
                    price=one.price,
                    account="",
                )
                for one in points
            ]
        )


def report(reports: Sequence[PortfolioReport], places: Sequence[Place], whole: Whole) -> PortfolioReport:
    """The sum of the accounts' reports; those in another currency than the first's are listed, not added."""
    currency = next((one.currency for one in reports if one.currency), "")
    added = [one for one in reports if one.currency == currency and one.equity is not None]
    equity = total(one.equity or ZERO for one in added) if added else None
    return PortfolioReport(
        currency=currency,
        equity=equity,
        method=reports[0].method,
        weights=[] if equity is None else _weights(added, equity),
        sources=[one for each in reports for one in each.sources],
        others=reports[0].others,
        returns=performance.figures(whole.turns()) if len(added) == len(reports) else None,
        note=_note(reports, added, currency),
        budgets=[one for each in reports for one in each.budgets],
        account="",
        accounts=[_share(one, place, added, equity) for one, place in zip(reports, places, strict=True)],
    )


def _note(reports: Sequence[PortfolioReport], added: Sequence[PortfolioReport], currency: str) -> str:
    left = [one.account for one in reports if one not in added]
    missing = f"Not added up: {', '.join(left)} (not known, or not in {currency or 'one currency'})."
    notes = [f"{one.account}: {one.note}" for one in reports if one.note]
    if len({one.note for one in reports}) == 1:
        notes = [reports[0].note] if reports[0].note else []
    return " ".join([*([missing] if left else []), *notes])


def _share(
    one: PortfolioReport, place: Place, added: Sequence[PortfolioReport], equity: Decimal | None
) -> AccountShare:
    counts = one in added and one.equity is not None and equity is not None and equity > 0
    return AccountShare(
        account=place.account,
        exchange=place.exchange,
        currency=one.currency,
        equity=one.equity,
        weight=scale(divide(one.equity or ZERO, equity or ONE), ONE) if counts else None,
        trading=place.trading,
        note=one.note,
    )


def _weights(reports: Sequence[PortfolioReport], equity: Decimal) -> list[PortfolioWeight]:
    """By market: all that the accounts hold, and how far what is balanced of it is from the targets."""
    rows: dict[str, list[PortfolioWeight]] = {}
    for one in reports:
        for row in one.weights:
            rows.setdefault(row.symbol, []).append(row)
    own = {symbol: total(_own(row) for row in found) for symbol, found in rows.items()}
    balanced = total(own.values())
    return [_sum(found, own[symbol], balanced, equity) for symbol, found in rows.items()]


def _own(row: PortfolioWeight) -> Decimal:
    """The value of what is balanced of a row."""
    if row.target is None:
        return ZERO
    return multiply(subtract(row.amount, row.left_alone), row.price)


def _sum(
    rows: Sequence[PortfolioWeight], own: Decimal, balanced: Decimal, equity: Decimal
) -> PortfolioWeight:
    value = total(row.value for row in rows)
    summed = structs.replace(
        rows[0],
        amount=total(row.amount for row in rows),
        value=value,
        weight=scale(divide(value, equity), ONE) if equity > 0 else ZERO,
        left_alone=total(row.left_alone for row in rows),
        own_weight=None,
        drift=None,
        target=next((row.target for row in rows if row.target is not None), None),
    )
    if summed.target is None or balanced <= 0:
        return structs.replace(summed, target=None)
    weight = scale(divide(own, balanced), ONE)
    return structs.replace(summed, own_weight=weight, drift=subtract(weight, summed.target))
