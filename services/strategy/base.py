"""The class that every strategy derives from. It is the same in a backtest, on paper and live.

What differs between the worlds (clock, prices, venue) is behind `World`; a strategy never sees which one
it is in.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from ...bus.contracts.market import timeframe_ms
from ...configs.errors import StrategyError
from .lines import Line, Node, Signal
from .parameters import Parameter, check
from .trader import Trader
from .values import ZERO, Candle, Fill, Money, Order, Position, Wish, World

__all__ = ["ZERO", "Candle", "Fill", "Money", "Order", "Position", "Strategy", "Wish", "World", "scheduled"]

INTERFACE_VERSION = 1
"""Raised when something a strategy relies on changes; a strategy may state the version that it was
written for.
"""

M = TypeVar("M", bound=Callable[..., None])
SCHEDULE_MARK = "_scheduled_every"


def scheduled(period: str) -> Callable[[M], M]:
    """Call a method on the close of each candle that ends a period: `@scheduled("1d")`.

    Periods count from 1970-01-01 00:00 UTC. The method takes nothing but `self` and is called before
    `on_candle`, whatever `when` says.

    Raises:
        SettingsError: the period is written in another way than "4h".
    """
    timeframe_ms(period)

    def mark(method: M) -> M:
        setattr(method, SCHEDULE_MARK, period)
        return method

    return mark


class Strategy(Trader):
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

    @classmethod
    def schedules(cls) -> dict[str, str]:
        """Methods marked with @scheduled, in the order of their definition, and the period of each."""
        found: dict[str, str] = {}
        for base in reversed(cls.__mro__):
            for name, value in vars(base).items():
                period = getattr(value, SCHEDULE_MARK, None) if callable(value) else None
                if period is not None:
                    found[name] = period
                elif name in found:
                    del found[name]
        return found

    def on_start(self) -> None:
        """Called once before the first candle, after `state` was restored."""

    def on_candle(self, candle: Candle) -> None:
        """Called on each finished candle after the warm-up, or on those on which `when` is true."""

    def on_fill(self, fill: Fill) -> None:
        """Called when an order of this strategy was executed, in part or whole."""

    def on_order(self, order: Order) -> None:
        """Called when an order of this strategy ended unfilled: refused, cancelled or expired."""

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

    def _last_close(self) -> float:
        return self.candle.close

    def _usual_share(self) -> Money:
        return self.fraction

    def log(self, message: str, **fields: object) -> None:
        """Keep a line in the log, with values beside it."""
        self._world.log(message, fields)
