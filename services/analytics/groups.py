"""Closed trades by strategy, pair, hour, weekday and regime. Sums of money are exact."""

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np

from ...bus.contracts.analytics import TradeGroup
from ...bus.contracts.trade import Fill
from ..accounting.exact import ZERO, add, divide
from ..accounting.subpositions import ClosedTrade

REGIME_POINTS = 60
"""So many points of the past say how a market was; with fewer than a third of them nobody knows."""
UNKNOWN = "unknown"
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_HOUR_MS = 3_600_000
Fee = Callable[[Fill], Decimal]


@dataclass(slots=True)
class _Sum:
    trades: int = 0
    wins: int = 0
    profit: Decimal = ZERO
    won: Decimal = ZERO
    lost: Decimal = ZERO
    fees: Decimal = ZERO
    volume: Decimal = ZERO
    profits: list[Decimal] = field(default_factory=list)
    held_ms: int = 0

    def take(self, trade: ClosedTrade) -> None:
        profit = trade.profit
        self.trades += 1
        self.wins += profit > 0
        self.profit = add(self.profit, profit)
        self.won = add(self.won, max(profit, ZERO))
        self.lost = add(self.lost, min(profit, ZERO))
        self.profits.append(profit)
        self.held_ms += trade.closed_ms - trade.opened_ms

    def told(self, name: str) -> TradeGroup:
        return TradeGroup(
            name=name,
            trades=self.trades,
            wins=self.wins,
            profit=self.profit,
            fees=self.fees,
            volume=self.volume,
            best=max(self.profits, default=ZERO),
            worst=min(self.profits, default=ZERO),
            profit_factor=float(divide(self.won, -self.lost)) if self.lost else None,
            average_hours=self.held_ms / self.trades / _HOUR_MS if self.trades else 0.0,
        )


class Regimes:
    """How markets were: rising or falling (against the mean of the last points), calm or wild.

    Wild is when returns of the last points spread more than they did at half of all times.
    """

    def __init__(self, prices: Mapping[str, Sequence[tuple[int, float]]]) -> None:
        self._found = {symbol: _labelled(points) for symbol, points in prices.items()}

    def at(self, symbol: str, ts_ms: int) -> str:
        """Such as "rising, calm"; "unknown" while too little of the past is known."""
        times, labels = self._found.get(symbol, ([], []))
        index = bisect_right(times, ts_ms) - 1
        return labels[index] if index >= 0 else UNKNOWN


def _labelled(points: Sequence[tuple[int, float]]) -> tuple[list[int], list[str]]:
    times = [when for when, _ in points]
    values = np.array([value for _, value in points])
    least = REGIME_POINTS // 3
    if len(values) <= least:
        return times, [UNKNOWN] * len(times)
    returns = np.concatenate(([0.0], values[1:] / values[:-1] - 1.0))
    means, spreads = np.full(len(values), np.nan), np.full(len(values), np.nan)
    for end in range(least, len(values)):
        begin = max(0, end - REGIME_POINTS + 1)
        means[end] = values[begin : end + 1].mean()
        spreads[end] = returns[max(1, begin) : end + 1].std()
    usual = float(np.nanmedian(spreads))
    return times, [_label(*one, usual) for one in zip(values, means, spreads, strict=True)]


def _label(value: float, mean: float, spread: float, usual: float) -> str:
    if math.isnan(mean):
        return UNKNOWN
    return f"{'rising' if value >= mean else 'falling'}, {'wild' if spread > usual else 'calm'}"


def grouped(
    trades: Iterable[ClosedTrade], fills: Iterable[Fill], regimes: Regimes, fee: Fee
) -> dict[str, list[TradeGroup]]:
    """Every kind of group; those of a kind ordered by profit, hours and days by time.

    A trade counts where and when it closed, for the regime when it was opened; a fill where it happened.
    """
    of_trade: dict[str, Callable[[ClosedTrade], str]] = {
        "strategy": lambda one: one.owner,
        "pair": lambda one: one.symbol,
        "hour": lambda one: _hour(one.closed_ms),
        "weekday": lambda one: _weekday(one.closed_ms),
        "regime": lambda one: regimes.at(one.symbol, one.opened_ms),
    }
    of_fill: dict[str, Callable[[Fill], str]] = {
        "strategy": lambda one: one.source,
        "pair": lambda one: one.symbol,
        "hour": lambda one: _hour(one.ts_ms),
        "weekday": lambda one: _weekday(one.ts_ms),
        "regime": lambda one: regimes.at(one.symbol, one.ts_ms),
    }
    trades, fills = list(trades), list(fills)
    found: dict[str, list[TradeGroup]] = {}
    for kind, name_of in of_trade.items():
        sums: dict[str, _Sum] = defaultdict(_Sum)
        for trade in trades:
            sums[name_of(trade)].take(trade)
        for fill in fills:
            one = sums[of_fill[kind](fill)]
            one.fees, one.volume = add(one.fees, fee(fill)), add(one.volume, fill.cost)
        found[kind] = _ordered(kind, [one.told(name) for name, one in sums.items()])
    return found


def _ordered(kind: str, groups: list[TradeGroup]) -> list[TradeGroup]:
    if kind == "hour":
        return sorted(groups, key=lambda one: one.name)
    if kind == "weekday":
        return sorted(groups, key=lambda one: _DAYS.index(one.name))
    return sorted(groups, key=lambda one: (-one.profit, one.name))


def _hour(ts_ms: int) -> str:
    return f"{datetime.fromtimestamp(ts_ms / 1000, UTC):%H}:00"


def _weekday(ts_ms: int) -> str:
    return _DAYS[datetime.fromtimestamp(ts_ms / 1000, UTC).weekday()]
