"""Who holds what of a market that several share: virtual positions for each source of orders, from fills.

A venue knows one balance; trade keeps one position a market. Here a buy belongs to whose order it was. A
sell takes its own source's coins first, oldest first; what it sells beyond those is taken from the others'
oldest coins: so a stop at the venue, a flatten or an order by hand closes whoever held, and each coin is
closed once. What nobody bought through us (coins that were there before) belongs to nobody.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from ...bus.contracts.trade import Fill
from .exact import ZERO, add, divide, multiply, share, subtract

FeePrice = Callable[[str, str], Decimal | None]
"""(asset, quote) to the price of a fee's asset; None when it is unknown: the fee is then left out."""

# Fees taken in coins leave a crumb that cannot be sold; a position that small is closed.
_CRUMB = Decimal("0.01")


@dataclass(slots=True)
class _Lot:
    amount: Decimal
    cost: Decimal
    bought_ms: int


@dataclass(slots=True)
class SubPosition:
    """What one source holds of one market; money in quote units, fees included."""

    owner: str
    symbol: str
    amount: Decimal = ZERO
    cost: Decimal = ZERO
    realised: Decimal = ZERO
    fees: Decimal = ZERO
    fills: int = 0
    lots: deque[_Lot] = field(default_factory=deque)
    trip: "_Trip | None" = None

    @property
    def average(self) -> Decimal | None:
        return divide(self.cost, self.amount) if self.amount else None

    def unrealised(self, price: Decimal | None) -> Decimal:
        """At a price; zero while there is none."""
        return ZERO if price is None else subtract(multiply(self.amount, price), self.cost)


@dataclass(slots=True)
class _Trip:
    """From flat to flat."""

    opened_ms: int
    largest: Decimal = ZERO
    cost: Decimal = ZERO
    proceeds: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedTrade:
    """One source's way from flat to flat in one market. `stopped` says that a protective stop ended it."""

    owner: str
    symbol: str
    opened_ms: int
    closed_ms: int
    cost: Decimal
    proceeds: Decimal
    stopped: bool

    @property
    def profit(self) -> Decimal:
        return subtract(self.proceeds, self.cost)


def fee_in_quote(fill: Fill, fee_price: FeePrice) -> Decimal:
    """What a fee that was taken neither in base nor in quote is worth in quote."""
    base, quote = assets_of(fill.symbol)
    if not fill.fee or fill.fee_currency in (base, ""):
        return ZERO
    if fill.fee_currency == quote:
        return fill.fee
    price = fee_price(fill.fee_currency, quote)
    return ZERO if price is None else multiply(fill.fee, price)


def assets_of(symbol: str) -> tuple[str, str]:
    """Base and quote of `BTC/USDT` or `BTC/USDT:USDT`."""
    base, _, quote = symbol.partition("/")
    return base, quote.partition(":")[0]


class SubPositions:
    """Feed it every fill once, in the order of their time."""

    def __init__(self, fee_price: FeePrice = lambda asset, quote: None) -> None:
        self._fee_price = fee_price
        self.all: dict[tuple[str, str], SubPosition] = {}

    def of(self, owner: str, symbol: str) -> SubPosition:
        """The position, a new flat one where there is none."""
        return self.all.setdefault((owner, symbol), SubPosition(owner, symbol))

    def held(self, symbol: str) -> Decimal:
        """What all sources together hold of a market."""
        found = ZERO
        for (_, name), position in self.all.items():
            if name == symbol:
                found = add(found, position.amount)
        return found

    def take(self, fill: Fill, *, stopped: bool = False) -> list[ClosedTrade]:
        """Book a fill; the trades that it closed."""
        base, _ = assets_of(fill.symbol)
        coins_fee = fill.fee if fill.fee_currency == base else ZERO
        fee = fee_in_quote(fill, self._fee_price)
        own = self.of(fill.source, fill.symbol)
        own.fills += 1
        own.fees = add(own.fees, fee if not coins_fee else multiply(coins_fee, fill.price))
        if fill.side == "buy":
            self._buy(own, subtract(fill.amount, coins_fee), add(fill.cost, fee), fill.ts_ms)
            return []
        return self._sell(own, fill, add(fill.amount, coins_fee), subtract(fill.cost, fee), stopped)

    def _buy(self, own: SubPosition, amount: Decimal, cost: Decimal, ts_ms: int) -> None:
        if amount <= 0:
            return
        if own.trip is None:
            own.trip = _Trip(ts_ms)
        own.lots.append(_Lot(amount, cost, ts_ms))
        own.amount, own.cost = add(own.amount, amount), add(own.cost, cost)
        own.trip.largest = max(own.trip.largest, own.amount)

    def _sell(
        self, own: SubPosition, fill: Fill, amount: Decimal, proceeds: Decimal, stopped: bool
    ) -> list[ClosedTrade]:
        closed = []
        left, money = amount, proceeds
        while left > 0:
            position = own if own.lots else self._oldest(fill.symbol)
            if position is None:
                break
            part = min(left, position.lots[0].amount)
            earned = share(money, part, left)
            self._take_off(position, part, earned)
            left, money = subtract(left, part), subtract(money, earned)
            done = self._ended(position, fill.ts_ms, stopped)
            if done is not None:
                closed.append(done)
        return closed

    def _oldest(self, symbol: str) -> SubPosition | None:
        holders = [one for (_, name), one in self.all.items() if name == symbol and one.lots]
        return min(holders, key=lambda one: (one.lots[0].bought_ms, one.owner), default=None)

    @staticmethod
    def _take_off(position: SubPosition, part: Decimal, earned: Decimal) -> None:
        lot = position.lots[0]
        cost = share(lot.cost, part, lot.amount)
        lot.amount, lot.cost = subtract(lot.amount, part), subtract(lot.cost, cost)
        if not lot.amount:
            position.lots.popleft()
        position.amount, position.cost = subtract(position.amount, part), subtract(position.cost, cost)
        position.realised = add(position.realised, subtract(earned, cost))
        assert position.trip is not None
        position.trip.cost = add(position.trip.cost, cost)
        position.trip.proceeds = add(position.trip.proceeds, earned)

    @staticmethod
    def _ended(position: SubPosition, ts_ms: int, stopped: bool) -> ClosedTrade | None:
        trip = position.trip
        if trip is None or position.amount > multiply(trip.largest, _CRUMB):
            return None
        position.trip = _Trip(ts_ms, position.amount) if position.amount else None
        if not trip.cost:
            return None
        return ClosedTrade(
            owner=position.owner,
            symbol=position.symbol,
            opened_ms=trip.opened_ms,
            closed_ms=ts_ms,
            cost=trip.cost,
            proceeds=trip.proceeds,
            stopped=stopped,
        )
