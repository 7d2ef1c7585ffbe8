"""One backtest from a strategy's name and a candle file to a result."""

import hashlib
import inspect
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...configs.errors import CryptoBotError, SettingsError, StrategyError
from ..data.columns import NAMES, Columns
from ..data.files import Series, cut, read_series
from ..strategy.base import Strategy
from ..strategy.graph import Plan
from ..strategy.loader import Loader, blame, load_file
from .engine import Engine, Outcome
from .metrics import equity_curve, figures
from .orders import Trade, round_trips
from .world import Rules, SimulatedWorld

ENGINE_VERSION = 1
"""Raised when the same inputs give another result; part of the run hash."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to run.

    Args:
        strategy: name of a bundled, installed or own strategy, or the path of a .py file.
        data: candle file.
        parameters: of the strategy, as text or numbers.
        symbol: market; "" takes what the file's name tells, else BTC/USDT.
        from_ms: first candle, UTC milliseconds; the warm-up lies behind it.
        to_ms: first candle that is left out.
        folder: the user's own strategies.
    """

    strategy: str
    data: Path
    parameters: Mapping[str, object] = field(default_factory=dict)
    rules: Rules = field(default_factory=Rules)
    symbol: str = ""
    from_ms: int | None = None
    to_ms: int | None = None
    folder: Path | None = None


class Result:
    """What came out. Figures and the curve are computed when they are first asked for."""

    def __init__(
        self, strategy: Strategy, series: Series, symbol: str, rules: Rules, outcome: Outcome
    ) -> None:
        self.strategy, self.series, self.symbol = strategy, series, symbol
        self.rules, self.outcome = rules, outcome

    @cached_property
    def trades(self) -> list[Trade]:
        """Closed trades, oldest first."""
        return round_trips(self.outcome.executions)

    @property
    def final_equity(self) -> Decimal:
        """Money, and what is held at the last close."""
        return self.outcome.cash + self.outcome.held * Decimal(repr(float(self.series.columns.close[-1])))

    @cached_property
    def equity(self) -> NDArray[np.float64]:
        """Equity at each candle's close."""
        return equity_curve(self.series.columns, self.outcome.executions, self.rules.cash)

    @cached_property
    def metrics(self) -> dict[str, float | int | None]:
        """Figures (docs/backtest.md)."""
        first = self.outcome.first
        return figures(self.series.columns, first, self.equity, self.outcome.executions, self.trades)

    @cached_property
    def run_hash(self) -> str:
        """The same for the same code, data, settings and engine; else another."""
        digest = hashlib.sha256(f"engine {ENGINE_VERSION}\n{self.symbol} {self.series.timeframe}\n".encode())
        rules = self.rules
        settings = [rules.cash, rules.fee, rules.maker_fee, rules.lot, rules.slippage, rules.warmup]
        digest.update(repr([str(value) for value in settings]).encode())
        digest.update(repr(sorted(self.strategy._parameters.items())).encode())
        digest.update(Path(inspect.getfile(type(self.strategy))).read_bytes())
        for name in ("open_ms", *NAMES):
            digest.update(np.ascontiguousarray(getattr(self.series.columns, name)).tobytes())
        return digest.hexdigest()


def run(request: Request) -> Result:
    """Run a backtest.

    Raises:
        SettingsError: the file, a parameter or the range cannot be used.
        StrategyError: the strategy raised; with file and line.
    """
    owner = load(request.strategy, request.folder)
    series = read_series(request.data)
    if request.from_ms is not None or request.to_ms is not None:
        series = _cut(series, request)
    return run_series(owner, request.parameters, series, request.rules, request.symbol)


def run_series(
    owner: type[Strategy],
    parameters: Mapping[str, object],
    series: Series,
    rules: Rules,
    symbol: str = "",
    known: MutableMapping[Any, Any] | None = None,
) -> Result:
    """Run a strategy class over candles that were read before.

    Args:
        known: lines computed over the same candles before; a sweep shares them between its runs.
    """
    if len(series.columns) <= rules.warmup + 1:
        raise SettingsError(
            f"The data hold {len(series.columns)} candles, and the warm-up takes {rules.warmup} of them; "
            "give more candles, or a shorter warm-up with --warmup."
        )
    market = symbol or series.symbol or "BTC/USDT"
    strategy = owner(parameters)
    try:
        plan = Plan(owner, strategy._parameters, series.timeframe)
        world = SimulatedWorld(market, series.timeframe, rules)
        results = plan.columns(series.columns, known)
        outcome = Engine(strategy, plan, series.columns, world, results).run()
    except CryptoBotError as error:
        raise StrategyError(f"Strategy {owner.__name__}: {error}") from error
    except Exception as error:
        raise StrategyError(f"Strategy {owner.__name__}: {blame(error, inspect.getfile(owner))}.") from error
    return Result(strategy, series, market, rules, outcome)


def load(name: str, folder: Path | None) -> type[Strategy]:
    """A strategy by name, or from the file that `name` is the path of."""
    if name.endswith(".py"):
        return load_file(Path(name))
    return Loader(folder).load(name)


def _cut(series: Series, request: Request) -> Series:
    """The range asked for, with the candles of the warm-up before it where the file has them."""
    from_ms = request.from_ms
    if from_ms is not None and len(series.columns):
        place = int(np.searchsorted(series.columns.open_ms, from_ms))
        if place < len(series.columns):
            from_ms = int(series.columns.open_ms[max(0, place - request.rules.warmup)])
    columns: Columns = cut(series.columns, from_ms, request.to_ms)
    return Series(series.symbol, series.timeframe, columns, series.missing)


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
        "metrics": result.metrics,
        "run_hash": result.run_hash,
        "trades": [
            {
                "entry_bar": trade.entry_bar,
                "exit_bar": trade.exit_bar,
                "entry_ms": int(times[trade.entry_bar]),
                "exit_ms": int(times[trade.exit_bar]),
                "entry_price": trade.entry_price,
                "exit_price": trade.exit_price,
                "qty": trade.qty,
                "pnl_net": trade.pnl_net,
                "reason": trade.reason,
            }
            for trade in result.trades
        ],
    }
