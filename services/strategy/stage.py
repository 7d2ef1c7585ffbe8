"""What one run's strategy sees and asks for (values.World), between its hooks and its desk."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import structlog

from .desk import Desk
from .dry import quote_of
from .values import Order, Position, Wish


@dataclass(frozen=True, slots=True)
class Market:
    """What runs where."""

    strategy: str
    exchange: str
    symbol: str
    timeframe: str

    @property
    def quote(self) -> str:
        """The asset that is paid with."""
        return quote_of(self.symbol)


class Stage:
    """The world of one run. Wishes and cancels are kept until the run carries them out.

    Args:
        run: its name.
        desk: where positions and orders are known.
    """

    def __init__(self, run: str, market: Market, desk: Desk) -> None:
        self.market, self.desk = market, desk
        self.wishes: list[Wish] = []
        self.cancels: list[tuple[str, str]] = []
        self.prices: dict[str, float] = {}
        self._log = structlog.get_logger(component="strategy", run=run)

    @property
    def exchange(self) -> str:
        return self.market.exchange

    @property
    def symbol(self) -> str:
        return self.market.symbol

    @property
    def timeframe(self) -> str:
        return self.market.timeframe

    def position(self, symbol: str = "") -> Position:
        name = symbol or self.market.symbol
        return self.desk.position(name, self.prices.get(name, 0.0))

    def cash(self, symbol: str = "") -> Decimal:
        return self.desk.cash(symbol or self.market.symbol)

    def order(self, wish: Wish) -> None:
        self.wishes.append(wish)

    def cancel(self, symbol: str = "", order_id: str = "") -> None:
        self.cancels.append((symbol or self.market.symbol, order_id))

    def resting(self, symbol: str = "") -> list[Order]:
        return self.desk.resting(symbol or self.market.symbol)

    def working(self, symbol: str = "") -> int:
        return len(self.resting(symbol))

    def log(self, message: str, fields: Mapping[str, object]) -> None:
        self._log.info(message, **{key: str(value) for key, value in fields.items()})

    def forget(self) -> None:
        """Drop what was asked for."""
        self.wishes.clear()
        self.cancels.clear()
