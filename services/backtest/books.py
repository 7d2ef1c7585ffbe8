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
class Trips:
    """Closed trades as columns: candles of their ends, gains in quote units."""

    entry_bar: NDArray[np.int64]
    exit_bar: NDArray[np.int64]
    gain: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.gain)


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
        figures: makes the columns of the own market and the closed trades when they are first asked for;
            made from the executions when not given.
    """

    def __init__(
        self,
        cash: Decimal,
        held: Mapping[str, Decimal],
        write: Callable[[], list[Execution]],
        figures: Callable[[], tuple[Flows, Trips]] | None = None,
    ) -> None:
        self.cash, self.held, self._write, self._figures = cash, held, write, figures

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

    @cached_property
    def trips(self) -> Trips:
        """The same, as figures need them."""
        if self._quick is not None:
            return self._quick[1]
        trades = self.trades
        return Trips(
            np.array([one.entry_bar for one in trades], dtype=np.int64),
            np.array([one.exit_bar for one in trades], dtype=np.int64),
            np.array([float(one.pnl_net) for one in trades]),
        )

    @cached_property
    def _quick(self) -> tuple[Flows, Trips] | None:
        return None if self._figures is None else self._figures()

    def flows(self, symbol: str = "") -> Flows:
        """Executions of one market."""
        if not symbol and self._quick is not None:
            return self._quick[0]
        ours = [one for one in self.executions if one.symbol == symbol]
        return Flows(
            np.array([one.index for one in ours], dtype=np.int64),
            np.array([float(one.flow) for one in ours]),
            np.array([float(one.amount) * one.sign for one in ours]),
            float(sum((one.fee for one in ours), ZERO)),
        )


def trips_of(rows: list[tuple[int, int, int, int, int, str, int]], scale: int) -> Trips:
    """Closed trades from (index, sign, lots, flow, ...) rows, money as whole numbers by `scale`."""
    entries: list[int] = []
    exits: list[int] = []
    gains: list[float] = []
    held = gain = begun = 0
    for row in rows:
        if not held:
            begun, gain = row[0], 0
        held += row[1] * row[2]
        gain += row[3]
        if not held:
            entries.append(begun)
            exits.append(row[0])
            gains.append(gain / scale)
    return Trips(np.array(entries, dtype=np.int64), np.array(exits, dtype=np.int64), np.array(gains))
