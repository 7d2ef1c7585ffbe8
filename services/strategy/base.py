"""The class that every strategy derives from. It is the same in a backtest, on paper and live.

What differs between the worlds (clock, prices, venue) is behind `World`; a strategy never sees which one
it is in.
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar, Protocol

import msgspec

from ...configs.errors import StrategyError
from .lines import Line, Node, Signal
from .parameters import Parameter, check

INTERFACE_VERSION = 1
"""Raised when something a strategy relies on changes; a strategy may state the version that it was
written for.
"""

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
    """What is held in the strategy's market. It is false when nothing is.

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
    """One execution of this strategy's orders."""

    side: str
    price: Decimal
    amount: Decimal
    fee: Decimal
    ts_ms: int


class Wish(msgspec.Struct, frozen=True, gc=False):
    """What a strategy asks for. `limit` None is a market order; `reduce` never makes the position larger."""

    side: str
    amount: Decimal
    limit: Decimal | None = None
    reduce: bool = False
    reason: str = ""


class World(Protocol):
    """What surrounds a strategy: a backtest, or the strategy service."""

    @property
    def exchange(self) -> str:
        """Name of the venue."""

    @property
    def symbol(self) -> str:
        """The market."""

    @property
    def timeframe(self) -> str:
        """Length of a candle."""

    def position(self) -> Position:
        """What is held now."""

    def cash(self) -> Decimal:
        """Free money in quote units."""

    def order(self, wish: Wish) -> None:
        """Take a wish; it is carried out after `on_candle` returned."""

    def cancel(self) -> None:
        """Take back this strategy's resting orders."""

    def working(self) -> int:
        """Orders that are neither filled nor ended."""

    def log(self, message: str, fields: Mapping[str, object]) -> None:
        """Keep a line for people."""


class Strategy:
    """Base of all strategies: declare parameters, lines and signals in the body, decide in `on_candle`.

    Class attributes an author may set: `title` (a name for people), `when` (a signal; `on_candle` is
    called only on candles on which it is true), `warmup` (candles needed before the first decision,
    beyond what the declared lines need), `interface_version` (the INTERFACE_VERSION it was written for).
    """

    title: ClassVar[str] = ""
    when: Signal | None = None
    warmup: ClassVar[int] = 0
    interface_version: ClassVar[int] = INTERFACE_VERSION

    fraction = Parameter(0.95, low=0.001, high=0.99, help="Share of the free money that one buy() spends.")

    _world: World
    _parameters: dict[str, Any]
    candle: Candle
    state: dict[str, Any]

    def __init__(self, parameters: Mapping[str, object] | None = None) -> None:
        """Called by the program, never by the author; put what is needed at the start into `on_start`.

        Raises:
            SettingsError: a parameter that is not declared, or out of its range.
        """
        self._parameters = check(self.parameters(), parameters or {}, type(self).__name__)
        self.__dict__.update(self._parameters)
        self.state = {}

    def __setattr__(self, name: str, value: object) -> None:
        declared = getattr(type(self), name, None)
        if isinstance(declared, Node):
            raise AttributeError(f"{name} is computed from candles; it cannot be assigned")
        if isinstance(declared, Parameter):
            raise AttributeError(
                f"{name} is a parameter, set by the user, not by the strategy; keep a value in self.state"
            )
        super().__setattr__(name, value)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.interface_version > INTERFACE_VERSION:
            raise StrategyError(
                f"Strategy {cls.__name__} was written for interface version {cls.interface_version}, "
                f"this program has {INTERFACE_VERSION}; update the program."
            )
        for name, value in vars(cls).items():
            if isinstance(value, tuple) and value and isinstance(value[0], Line):
                raise StrategyError(
                    f"Strategy {cls.__name__}: {name} holds several lines; "
                    f"give each a name of its own, such as `upper, middle, lower = bollinger(20)`."
                )

    @classmethod
    def parameters(cls) -> dict[str, Parameter[Any]]:
        """All declared parameters by name, the bases' first."""
        found: dict[str, Parameter[Any]] = {}
        for base in reversed(cls.__mro__):
            found.update({name: value for name, value in vars(base).items() if isinstance(value, Parameter)})
        return found

    def on_start(self) -> None:
        """Called once before the first candle, after `state` was restored."""

    def on_candle(self, candle: Candle) -> None:
        """Called on each finished candle after the warm-up, or on those on which `when` is true."""

    def on_fill(self, fill: Fill) -> None:
        """Called when an order of this strategy was executed, in part or whole."""

    @property
    def exchange(self) -> str:
        """Name of the venue."""
        return self._world.exchange

    @property
    def symbol(self) -> str:
        """The market, such as BTC/USDT."""
        return self._world.symbol

    @property
    def timeframe(self) -> str:
        """Length of a candle, such as 1m."""
        return self._world.timeframe

    @property
    def position(self) -> Position:
        """What is held in this market."""
        return self._world.position()

    @property
    def cash(self) -> Decimal:
        """Free money in quote units."""
        return self._world.cash()

    @property
    def working(self) -> int:
        """Orders of this strategy that are neither filled nor ended."""
        return self._world.working()

    def buy(
        self,
        amount: Money | None = None,
        *,
        cash: Money | None = None,
        fraction: float | None = None,
        limit: Money | None = None,
        reason: str = "",
    ) -> None:
        """Buy, at the market or with a limit.

        The size is given as `amount` in base units, as `cash` in quote units, or as a `fraction` of the
        free money (the parameter `fraction` when nothing is given). Money is turned into an amount at the
        limit or the candle's close; fees come on top, and the amount is rounded down to the market's
        step.

        Raises:
            StrategyError: more than one size, or a size that is not above zero.
        """
        if (amount is not None) + (cash is not None) + (fraction is not None) > 1:
            raise StrategyError("buy() takes one of amount, cash and fraction, not several.")
        price = None if limit is None else _money("limit", limit)
        if amount is not None:
            size = _money("amount", amount)
        else:
            if cash is not None:
                spend = _money("cash", cash)
            else:
                spend = self._world.cash() * _money(
                    "fraction", self.fraction if fraction is None else fraction
                )
            size = spend / (price if price is not None else Decimal(repr(self.candle.close)))
        self._world.order(Wish("buy", size, price, False, reason))

    def sell(
        self,
        amount: Money | None = None,
        *,
        fraction: float | None = None,
        limit: Money | None = None,
        reason: str = "",
    ) -> None:
        """Sell an amount in base units, or a fraction of the position; the whole position when nothing is
        given.

        Never sells more than is held. Does nothing when nothing is held.
        """
        if amount is not None and fraction is not None:
            raise StrategyError("sell() takes amount or fraction, not both.")
        held = self._world.position().amount
        if held <= 0:
            return
        size = held if amount is None else min(held, _money("amount", amount))
        if fraction is not None:
            size = held * min(Decimal(1), _money("fraction", fraction))
        price = None if limit is None else _money("limit", limit)
        self._world.order(Wish("sell", size, price, True, reason))

    def close(self, reason: str = "") -> None:
        """Sell the whole position at the market. Does nothing when nothing is held."""
        self.sell(reason=reason)

    def cancel(self) -> None:
        """Take back this strategy's resting orders."""
        self._world.cancel()

    def log(self, message: str, **fields: object) -> None:
        """Keep a line in the log, with values beside it."""
        self._world.log(message, fields)


def _money(name: str, value: Money) -> Decimal:
    try:
        number = value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation:
        raise StrategyError(f"{name} is {value!r}; it must be a number.") from None
    if not number.is_finite() or number <= 0:
        raise StrategyError(f"{name} is {value}; it must be above zero.")
    return number
