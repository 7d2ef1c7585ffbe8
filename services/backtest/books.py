"""What a run did to its money, as decimals for people and as columns for figures."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .orders import ZERO, Execution, Trade, round_trips
from .world import Holding, Rules


@dataclass(frozen=True, slots=True)
class Trip:
    """A closed trade as figures need it: candles of its ends, gain in quote units."""

    entry_bar: int
    exit_bar: int
    gain: float


@dataclass(frozen=True, slots=True)
class Flows:
    """Executions as columns: candle, change of the money, change of what is held; all fees together."""

    index: NDArray[np.int64]
    money: NDArray[np.float64]
    held: NDArray[np.float64]
    fees: float


class Books:
    """The books of one run.

    Args:
        cash: at the end; held: base units by market, "" is the strategy's own.
        write: makes the executions, when they are first asked for.
        flows: of the own market; made from the executions when not given.
        trips: closed trades; made from the executions when not given.
    """

    def __init__(
        self,
        cash: Decimal,
        held: Mapping[str, Decimal],
        write: Callable[[], list[Execution]],
        flows: Flows | None = None,
        trips: list[Trip] | None = None,
    ) -> None:
        self.cash, self.held, self._write = cash, held, write
        self._flows, self._trips = flows, trips

    @classmethod
    def of(
        cls, executions: list[Execution], cash: Decimal, holdings: Mapping[str, Holding], rules: Rules
    ) -> "Books":
        """The books of the Python form."""
        held = {symbol: holding.amount for symbol, holding in holdings.items()}
        return cls(cash, held, lambda: executions)

    @cached_property
    def executions(self) -> list[Execution]:
        """Oldest first."""
        return self._write()

    @cached_property
    def trades(self) -> list[Trade]:
        """Closed trades, in the order of their ends."""
        return round_trips(self.executions)

    @property
    def trips(self) -> list[Trip]:
        """The same, as figures need them."""
        if self._trips is None:
            self._trips = [Trip(one.entry_bar, one.exit_bar, float(one.pnl_net)) for one in self.trades]
        return self._trips

    def flows(self, symbol: str = "") -> Flows:
        """Executions of one market."""
        if not symbol and self._flows is not None:
            return self._flows
        ours = [one for one in self.executions if one.symbol == symbol]
        return Flows(
            np.array([one.index for one in ours], dtype=np.int64),
            np.array([float(one.flow) for one in ours]),
            np.array([float(one.amount) * one.sign for one in ours]),
            float(sum((one.fee for one in ours), ZERO)),
        )

    def trip_columns(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Entries, exits and gains."""
        trips = self.trips
        return (
            np.array([trip.entry_bar for trip in trips], dtype=np.int64),
            np.array([trip.exit_bar for trip in trips], dtype=np.int64),
            np.array([trip.gain for trip in trips]),
        )


def trips_of(rows: list[tuple[int, int, int, int, int, str, int]], scale: int) -> list[Trip]:
    """Closed trades from (index, sign, lots, flow, ...) rows, money as whole numbers by `scale`."""
    trips: list[Trip] = []
    held = gain = begun = 0
    for row in rows:
        if not held:
            begun, gain = row[0], 0
        held += row[1] * row[2]
        gain += row[3]
        if not held:
            trips.append(Trip(begun, row[0], gain / scale))
    return trips
