"""What a strategy is shown and what it asks for; the same in a backtest, on paper and live."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Protocol

import msgspec

from ...configs.errors import StrategyError

Money = Decimal | int | float | str
"""An amount that an author writes. A float is taken as it prints: 0.1 is one tenth."""

ZERO = Decimal(0)


class Candle(msgspec.Struct, frozen=True, gc=False):
    """One finished candle. `open_ms` is its open time in UTC milliseconds."""

    open_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float


class Position(msgspec.Struct, frozen=True, gc=False):
    """What a strategy holds in a market. It is false when nothing is.

    Args:
        amount: in base units.
        average: price paid on average, None when flat.
    """

    amount: Decimal = ZERO
    average: Decimal | None = None

    def __bool__(self) -> bool:
        return self.amount != 0

    def gain(self, price: float) -> float:
        """Gain at a price as a fraction of what was paid (0.05 is 5 %), fees left out; 0 when flat."""
        return price / float(self.average) - 1.0 if self.average else 0.0


class Fill(msgspec.Struct, frozen=True, gc=False):
    """One execution of this strategy's orders. `symbol` is "" in the strategy's own market."""

    side: str
    price: Decimal
    amount: Decimal
    fee: Decimal
    ts_ms: int
    symbol: str = ""


class Order(msgspec.Struct, frozen=True, gc=False):
    """An order of this strategy: one that rests, or, in `on_order`, one that ended unfilled.

    Args:
        id: names it for `cancel` and `amend`; "" when it was refused before it was an order.
        amount: base units that were asked for.
        filled: base units that were executed.
        limit: None for a market order.
        symbol: "" in the strategy's own market.
        reason: why it ended; "" while it rests.
        trigger: of a stop order.
    """

    id: str
    side: str
    amount: Decimal
    filled: Decimal = ZERO
    limit: Decimal | None = None
    symbol: str = ""
    reason: str = ""
    trigger: Decimal | None = None


class Wish(msgspec.Struct, frozen=True, gc=False):
    """What a strategy asks for.

    Args:
        limit: None is a market order.
        reduce: never makes the position larger.
        symbol: "" is the strategy's own market.
        stop: once bought, the position is sold at the market when the price falls to this (a bracket).
        take: once bought, the position is sold when the price rises to this (a bracket).
        trigger: a stop order: it waits until the price rises (a buy) or falls (a sell) to this.
        replaces: id of the resting order that is taken back first; `amount` is what shall rest then.
    """

    side: str
    amount: Decimal
    limit: Decimal | None = None
    reduce: bool = False
    reason: str = ""
    symbol: str = ""
    stop: Decimal | None = None
    take: Decimal | None = None
    trigger: Decimal | None = None
    replaces: str = ""


class World(Protocol):
    """What surrounds a strategy: a backtest, or the strategy service. A `symbol` of "" is its own market."""

    @property
    def exchange(self) -> str:
        """Name of the venue."""

    @property
    def symbol(self) -> str:
        """The market."""

    @property
    def timeframe(self) -> str:
        """Length of a candle."""

    def position(self, symbol: str = "") -> Position:
        """What this strategy holds now."""

    def cash(self, symbol: str = "") -> Decimal:
        """Free money in the market's quote units."""

    def order(self, wish: Wish) -> None:
        """Take a wish; it is carried out after the hook returned."""

    def cancel(self, symbol: str = "", order_id: str = "") -> None:
        """Take back this strategy's resting orders in a market, or one of them."""

    def resting(self, symbol: str = "") -> list[Order]:
        """This strategy's orders in a market that are neither filled nor ended, oldest first."""

    def working(self, symbol: str = "") -> int:
        """How many those are."""

    def log(self, message: str, fields: Mapping[str, object]) -> None:
        """Keep a line for people."""


def money(name: str, value: Money) -> Decimal:
    """What an author wrote, as a Decimal above zero.

    Raises:
        StrategyError: it is no number, or not above zero.
    """
    try:
        number = value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation:
        raise StrategyError(f"{name} is {value!r}; it must be a number.") from None
    if not number.is_finite() or number <= 0:
        raise StrategyError(f"{name} is {value}; it must be above zero.")
    return number
