"""What a run came to: trades, the curve of equity, figures, the hash that names it."""

import hashlib
import inspect
from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...bus.contracts.market import timeframe_ms
from ..accounting.series import drawdown
from ..data.columns import NAMES, Columns
from ..data.files import Series
from ..strategy.base import Strategy
from ..strategy.feeds import FeedKey
from ..strategy.series import finished, seen
from .engine import MONEY, Outcome
from .matching import exact
from .metrics import equity_curve, figures
from .orders import Trade
from .world import Rules

ENGINE_VERSION = 2
"""Raised when the same inputs give another result; part of the run hash."""


class Result:
    """What came out. Figures and the curve are computed when they are first asked for.

    Args:
        others: candles of the further series.
        marks: what else the result depends on (files of trades, of the book), as a text for the hash.
    """

    def __init__(
        self,
        strategy: Strategy,
        series: Series,
        symbol: str,
        rules: Rules,
        outcome: Outcome,
        others: Mapping[FeedKey, Columns] | None = None,
        marks: str = "",
    ) -> None:
        self.strategy, self.series, self.symbol = strategy, series, symbol
        self.rules, self.outcome = rules, outcome
        self._others, self._marks = others or {}, marks

    @property
    def trades(self) -> list[Trade]:
        """Closed trades, in the order of their ends."""
        return self.outcome.books.trades

    @cached_property
    def final_equity(self) -> Decimal:
        """Money, and what is held at the last closes."""
        value = self.outcome.cash
        for symbol, amount in self.outcome.books.held.items():
            if amount:
                value = MONEY.add(value, MONEY.multiply(amount, exact(self._last_close(symbol))))
        return MONEY.normalize(value) + 0

    def _last_close(self, symbol: str) -> float:
        if not symbol:
            return float(self.series.columns.close[-1])
        columns = next(columns for key, columns in self._others.items() if key.symbol == symbol)
        return float(columns.close[-1])

    @cached_property
    def equity(self) -> NDArray[np.float64]:
        """Equity at each candle's close."""
        candles, books = self.series.columns, self.outcome.books
        curve = equity_curve(candles.close, books.flows(), self.rules.cash)
        for symbol in books.held:
            if symbol:
                curve = curve + equity_curve(self._closes(symbol), books.flows(symbol), Decimal(0))
        return curve

    def _closes(self, symbol: str) -> NDArray[np.float64]:
        """Closes of another market on the own candles."""
        key, columns = next((key, one) for key, one in self._others.items() if key.symbol == symbol)
        own, step = self.series.columns.open_ms, timeframe_ms(self.series.timeframe)
        at = finished(own, step, columns.open_ms, timeframe_ms(key.timeframe))
        closes: NDArray[np.float64] = np.nan_to_num(seen(columns.close, at))
        return closes

    @cached_property
    def drawdown(self) -> NDArray[np.float64]:
        """Distance from the highest equity so far, from the first decision on."""
        return drawdown(self.equity[self.outcome.first :])

    @cached_property
    def metrics(self) -> dict[str, float | int | None]:
        """Figures (docs/backtest.md)."""
        return figures(self.series.columns, self.outcome.first, self.equity, self.outcome.books)

    @cached_property
    def run_hash(self) -> str:
        """The same for the same code, data, settings and engine; else another."""
        digest = hashlib.sha256(f"engine {ENGINE_VERSION}\n{self.symbol} {self.series.timeframe}\n".encode())
        rules = self.rules
        settings = [rules.cash, rules.fee, rules.maker_fee, rules.lot, rules.slippage, rules.warmup]
        settings += [rules.tick, rules.min_value, rules.volume_share, rules.latency_ms]
        digest.update(repr([str(value) for value in settings]).encode())
        digest.update(repr(sorted(self.strategy._parameters.items())).encode())
        digest.update(Path(inspect.getfile(type(self.strategy))).read_bytes())
        digest.update(self._marks.encode())
        for key, columns in [(None, self.series.columns), *self._others.items()]:
            digest.update(repr(key).encode())
            for name in ("open_ms", *NAMES):
                digest.update(np.ascontiguousarray(getattr(columns, name)).tobytes())
        return digest.hexdigest()


def as_json(result: Result) -> dict[str, Any]:
    """What `backtest run --json` prints; decimals stay exact."""
    times = result.series.columns.open_ms
    return {
        "strategy": type(result.strategy).__name__,
        "parameters": dict(result.strategy._parameters),
        "symbol": result.symbol,
        "timeframe": result.series.timeframe,
        "candles": len(result.series.columns),
        "missing_candles": result.series.missing,
        "from_ms": int(times[0]),
        "to_ms": int(times[-1]),
        "first_decision_ms": int(times[min(result.outcome.first, len(times) - 1)]),
        "start_equity": result.rules.cash,
        "final_equity": result.final_equity,
        "open_amount": result.outcome.held,
        "orders_refused": result.outcome.refused,
        "calls": result.outcome.calls,
        "compiled_calls": result.outcome.compiled,
        "metrics": result.metrics,
        "run_hash": result.run_hash,
        "trades": [trade_json(trade, times) for trade in result.trades],
    }


def trade_json(trade: Trade, times: NDArray[np.int64]) -> dict[str, Any]:
    """One trade; `symbol` is "" in the strategy's own market."""
    return {
        "entry_bar": trade.entry_bar,
        "exit_bar": trade.exit_bar,
        "entry_ms": int(times[trade.entry_bar]),
        "exit_ms": int(times[trade.exit_bar]),
        "entry_price": trade.entry_price,
        "exit_price": trade.exit_price,
        "qty": trade.qty,
        "pnl_net": trade.pnl_net,
        "reason": trade.reason,
        "symbol": trade.symbol,
    }
