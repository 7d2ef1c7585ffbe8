"""The compiled core beside the Python form: when it may run, and how its books are written.

`core.c` counts money in whole numbers and knows plain market orders of the usual size. Its results are
those of the Python form to the last digit, because both are exact. Where no compiler was at hand when the
program was installed there is no compiled core, and everything runs in the Python form.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.columns import NAMES, Columns
from ..strategy.base import Candle, Position, Strategy
from .books import Books, Flows, Trips, trips_of
from .matching import exact
from .orders import ZERO, Order
from .world import SimulatedWorld

_MOST_DIGITS = 9
_PRICE_DIGITS = 15
_FLAT = Position()


@lru_cache(maxsize=1)
def compiled() -> Any:
    """The module of the compiled core; None where it was not built."""
    try:
        from . import _core  # type: ignore[attr-defined]  # an extension; this form is seen by freezers too
    except ImportError:
        return None
    return _core


def lane_for(
    strategy: Strategy,
    world: SimulatedWorld,
    candles: Columns,
    told: Callable[[int, int], None] | None,
) -> "Lane | None":
    """A lane for a run that begins; None where the compiled core is absent, or a number has more digits
    than it keeps.
    """
    owner = type(strategy)
    usual = owner.buy is Strategy.buy and owner.sell is Strategy.sell and owner.close is Strategy.close
    if compiled() is None or not usual:
        return None
    rules = world.rules
    highest = float(max(candles.open.max(), candles.close.max())) if len(candles) else 0.0
    if not 0.0 < highest < 1e12:
        return None
    price_digits = min(12, _PRICE_DIGITS - 1 - len(str(int(highest))))
    lot, fee, fraction = _whole(rules.lot), _whole(rules.fee), _whole(exact(float(strategy.fraction)))
    if lot is None or fee is None or fraction is None or not lot[0] or price_digits < 1:
        return None
    return Lane(strategy, world, (price_digits, lot, fee, fraction), told)


class Lane:
    """One run in the compiled core."""

    def __init__(
        self,
        strategy: Strategy,
        world: SimulatedWorld,
        numbers: tuple[int, tuple[int, int], tuple[int, int], tuple[int, int]],
        told: Callable[[int, int], None] | None,
    ) -> None:
        price_digits, (lot, lot_digits), (fee, fee_digits), (fraction, fraction_digits) = numbers
        self._told, self._lot = told, world.rules.lot
        self._money_digits = price_digits + lot_digits + fee_digits
        self._lot_scale = (lot, 10**lot_digits)
        cash = world.rules.cash.scaleb(self._money_digits)
        self.fits = cash == cash.to_integral_value() and cash < Decimal(2) ** 100
        self.clock = compiled().Lane(
            int(cash),
            lot,
            fee,
            fraction,
            (price_digits, lot_digits, fee_digits, fraction_digits),
            world.wishes,
            strategy.buy,
            strategy.sell,
            Position,
            Decimal,
            _FLAT,
        )

    @property
    def stopped(self) -> bool:
        """Whether the Python form has to go on."""
        return bool(self.clock.stopped) or not self.fits

    @property
    def refused(self) -> int:
        """Orders that the compiled core refused."""
        return int(self.clock.refused)

    def run(
        self,
        strategy: Strategy,
        candles: Columns,
        visits: NDArray[np.int64],
        named: dict[str, NDArray[Any]],
    ) -> tuple[int, int]:
        """Call the strategy; return how many visits were made, and the candle of the last."""
        if not self.fits:
            return 0, 0
        world, clock = strategy._world, self.clock
        seen = (strategy.__dict__, world.__dict__)
        ours: tuple[dict[str, Any], ...] = (
            {"buy": clock.buy, "sell": clock.sell},
            {"position": clock.position, "cash": clock.cash},
        )
        for attributes, taken in zip(seen, ours, strict=True):
            attributes.update(taken)
        count = len(visits)
        told = self._told
        try:
            made = clock.run(
                strategy.on_candle,
                strategy.__dict__,
                Candle,
                tuple(_plain(getattr(candles, name)) for name in ("open_ms", *NAMES)),
                _plain(visits),
                tuple(named),
                tuple(_plain(column) for column in named.values()),
                None if told is None else (lambda done: told(done, count)),
            )
        finally:
            for attributes, taken in zip(seen, ours, strict=True):
                for name in taken:
                    del attributes[name]
        return made, int(clock.at)

    def hand_over(self, world: SimulatedWorld, candles: Columns) -> None:
        """Write what was done into the world, so that the Python form goes on from here."""
        later, world.wishes[:] = list(world.wishes), []
        self._write(world, candles)
        for sign, lots, reason, number in self.clock.waiting():
            side = "buy" if sign > 0 else "sell"
            world.own.orders.append(Order(side, lots * self._lot, None, reason, number))
        world.go_on(self.clock.placed)
        world.wishes.extend(later)

    def books(self, candles: Columns, world: SimulatedWorld) -> Books:
        """The books of a run that the compiled core made from end to end."""
        rules, symbol, timeframe = world.rules, world.symbol, world.timeframe

        def write() -> Any:
            fresh = SimulatedWorld(symbol, timeframe, rules)
            self._write(fresh, candles)
            return fresh.executions

        held = self.clock.held * self._lot
        return Books(self.clock.cash(), {"": held or ZERO}, write, self._figures)

    def _figures(self) -> tuple[Flows, Trips]:
        """Columns and closed trades, of whole numbers: correctly rounded, so those of the decimals."""
        found = self.clock.figures()
        if found is not None:
            index, money, held, fees, _, *trips = found
            flows = Flows(_column(index, np.int64), _column(money), _column(held), fees)
            return flows, Trips(_column(trips[0], np.int64), _column(trips[1], np.int64), _column(trips[2]))
        rows = self.clock.records()
        scale, (lot, per_unit) = 10**self._money_digits, self._lot_scale
        flows = Flows(
            np.array([row[0] for row in rows], dtype=np.int64),
            np.array([row[3] / scale for row in rows]),
            np.array([row[1] * row[2] * lot / per_unit for row in rows]),
            sum(row[4] for row in rows) / scale,
        )
        return flows, trips_of(rows, scale)

    def _write(self, world: SimulatedWorld, candles: Columns) -> None:
        """The executions in decimals, by the Python form's own rules."""
        for index, sign, lots, _flow, _fee, reason, number in self.clock.records():
            side = "buy" if sign > 0 else "sell"
            order = Order(side, lots * self._lot, None, reason, number)
            world.fill(order, index, exact(candles.open[index].item()))


def _column(data: bytes, kind: type = np.float64) -> NDArray[Any]:
    return np.frombuffer(data, dtype=kind)


def _plain(column: NDArray[Any]) -> NDArray[Any]:
    """As C reads it: in one piece, aligned, in this machine's byte order; a column that is so is not copied.

    numpy tells a byte order of its own for memory that it was handed (a worker of a cluster's is).
    """
    return np.require(column, np.dtype(column.dtype.char), ["C", "A"])


def _whole(number: Decimal) -> tuple[int, int] | None:
    """A number as a whole number and its digits after the point; None when there are too many."""
    sign, digits, exponent = number.normalize().as_tuple()
    if sign or not isinstance(exponent, int) or exponent < -_MOST_DIGITS or exponent > _MOST_DIGITS:
        return None
    whole = int("".join(map(str, digits))) * 10 ** max(0, exponent)
    return (whole, max(0, -exponent)) if whole < 10**_MOST_DIGITS else None
