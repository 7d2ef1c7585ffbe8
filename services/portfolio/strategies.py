"""How much of the portfolio each strategy may use, by the same methods as markets. Pure.

A strategy's returns are what its own coins earned from candle to candle, of the whole equity: so a strategy
that is seldom in the market is a calm one.
"""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

import numpy as np

from ...bus.contracts.portfolio import StrategyBudget
from ...bus.contracts.trade import Fill
from ...configs.errors import RequestFailedError
from ...configs.sections.portfolio import PortfolioSettings
from ..accounting.exact import ONE, ZERO, add, multiply, scale, subtract
from ..accounting.returns import Window
from ..accounting.subpositions import SubPositions
from . import weights
from .weights import Matrix

OFF = "off"


def shares(
    settings: PortfolioSettings, names: Sequence[str], fills: Sequence[Fill], window: Window
) -> dict[str, Decimal]:
    """The part of the equity that each strategy may use.

    Raises:
        RequestFailedError: the settings are no weights, or too little is known of the strategies.
    """
    if settings.strategy_method == "target":
        unknown = sorted(set(settings.strategy_targets) - set(names))
        if unknown:
            raise RequestFailedError(
                "unknown_strategy",
                f"portfolio.strategy_targets names {unknown[0]!r}, which is no run of strategy.instances.",
            )
        return weights.given(settings.strategy_targets, "portfolio.strategy_targets")
    return weights.chosen(
        settings.strategy_method,
        names,
        returns(names, fills, window),
        invested=subtract(ONE, settings.cash_weight),
        max_weight=settings.max_weight,
    )


def returns(names: Sequence[str], fills: Sequence[Fill], window: Window) -> Matrix:
    """Profit of each strategy from candle to candle, in quote units; shape (candles, strategies).

    Args:
        fills: all of them, oldest first: a sell by somebody else closes a strategy's coins, too.
    """
    symbols = sorted({fill.symbol for fill in fills if fill.source in names})
    closes = {symbol: dict(window.closes(symbol)) for symbol in symbols}
    times = sorted({when for found in closes.values() for when in found})
    matrix = np.zeros((max(len(times) - 1, 0), len(names)))
    positions, place = SubPositions(), 0
    for row, (before, after) in enumerate(pairwise(times)):
        while place < len(fills) and fills[place].ts_ms <= before:
            positions.take(fills[place])
            place += 1
        for column, name in enumerate(names):
            for symbol in symbols:
                first, last = closes[symbol].get(before), closes[symbol].get(after)
                if first is not None and last is not None:
                    held = float(positions.of(name, symbol).amount)
                    matrix[row, column] += held * (last - first)
    return matrix


def budgets(
    parts: dict[str, Decimal], equity: Decimal, positions: SubPositions, prices: dict[str, Decimal]
) -> list[StrategyBudget]:
    """What each strategy may use and uses."""
    used: dict[str, Decimal] = {}
    for (owner, symbol), position in positions.all.items():
        if owner in parts and symbol in prices:
            used[owner] = add(used.get(owner, ZERO), multiply(position.amount, prices[symbol]))
    return [
        StrategyBudget(strategy=name, weight=part, budget=scale(equity, part), used=used.get(name, ZERO))
        for name, part in sorted(parts.items())
    ]
