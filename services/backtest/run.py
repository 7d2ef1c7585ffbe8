"""One backtest from a strategy's name and a candle file to a result."""

import hashlib
import inspect
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...bus.contracts.market import timeframe_ms
from ...configs.errors import CryptoBotError, SettingsError, StrategyError
from ..data.columns import Columns
from ..data.files import Series, cut, read_series, symbol_of
from ..data.resample import of_trades
from ..strategy.base import Strategy
from ..strategy.graph import Plan
from ..strategy.loader import Loader, blame, load_file
from .book_depth import BookDepth, Recording, read_recordings
from .depth import Depth, InnerDepth, TradeDepth
from .engine import Around, Engine, Told
from .result import ENGINE_VERSION, Result, as_json
from .sources import further, read_funding, read_others, read_trades
from .world import Rules, SimulatedWorld

__all__ = ["ENGINE_VERSION", "Request", "Result", "Surroundings", "as_json", "load", "run", "run_series"]


@dataclass(frozen=True, slots=True)
class Request:
    """What to run.

    Args:
        strategy: name of a bundled, installed or own strategy, or the path of a .py file.
        data: candle file; None makes candles of the trades, or of the trades of the recording.
        parameters: of the strategy, as text or numbers.
        symbol: market; "" takes what the file's name tells, else BTC/USDT.
        from_ms: first candle, UTC milliseconds; the warm-up lies behind it.
        to_ms: first candle that is left out.
        folder: the user's own strategies.
        also: files of further markets, as MARKET=FILE.
        inner: candles of a shorter timeframe inside, or None.
        trades: a file of the trades inside, or None.
        book: recordings of the order book, or none.
        funding: a file of funding rates, or None.
        timeframe: of candles that are made of trades.
    """

    strategy: str
    data: Path | None
    parameters: Mapping[str, object] = field(default_factory=dict)
    rules: Rules = field(default_factory=Rules)
    symbol: str = ""
    from_ms: int | None = None
    to_ms: int | None = None
    folder: Path | None = None
    also: tuple[str, ...] = ()
    inner: Path | None = None
    trades: Path | None = None
    book: tuple[Path, ...] = ()
    funding: Path | None = None
    timeframe: str = "1m"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What was read beside the candles, for as many runs as wanted.

    Args:
        others: series by market.
        inner: candles inside the candles.
        trades: times, prices and amounts of the trades inside.
        book: the order book inside.
        funding: times and rates.
    """

    others: Mapping[str, Series] = field(default_factory=dict)
    inner: Columns | None = None
    trades: tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]] | None = None
    book: Recording | None = None
    funding: tuple[NDArray[np.int64], NDArray[np.float64]] | None = None

    def depth(self) -> Depth | None:
        """A fresh depth for one run; None for candles alone."""
        if self.book is not None:
            return BookDepth(self.book)
        if self.trades is not None:
            return TradeDepth(*self.trades)
        return None if self.inner is None else InnerDepth(self.inner)

    def marks(self) -> str:
        """A text that differs when these differ."""
        arrays: list[Any] = []
        if self.inner is not None:
            arrays += [self.inner.open_ms, self.inner.close, self.inner.high, self.inner.low]
        arrays += [*(self.trades or ()), *(self.funding or ())]
        if self.book is not None:
            arrays += self.book.arrays()
        digest = hashlib.sha256()
        for array in arrays:
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest() if arrays else ""


BARE = Surroundings()


def run(request: Request, told: Told | None = None) -> Result:
    """Run a backtest.

    Args:
        told: called with (calls made, calls in all) now and then.

    Raises:
        SettingsError: the file, a parameter or the range cannot be used.
        StrategyError: the strategy raised; with file and line.
    """
    owner = load(request.strategy, request.folder)
    series = read_range(request)
    surroundings = read_surroundings(request)
    return run_series(
        owner,
        request.parameters,
        series,
        request.rules,
        request.symbol,
        surroundings=surroundings,
        told=told,
    )


def read_range(request: Request) -> Series:
    """The candles of a request, in its range."""
    series = _made(request) if request.data is None else read_series(request.data)
    if request.from_ms is not None or request.to_ms is not None:
        series = _cut(series, request)
    return series


def _made(request: Request) -> Series:
    """Candles made of trades; a stretch without a trade has none."""
    step_ms = timeframe_ms(request.timeframe)
    path = request.trades or (request.book[0] if request.book else None)
    if path is None:
        raise SettingsError("Give candles with --data FILE (or --trades or --book to make them of).")
    dealt = read_recordings(request.book).trades() if request.book else read_trades(path)
    columns = of_trades(*dealt, request.timeframe)
    if not len(columns):
        raise SettingsError(f"{path} holds no trades to make candles of.")
    spanned = int(columns.open_ms[-1] - columns.open_ms[0]) // step_ms + 1
    return Series(symbol_of(path), request.timeframe, columns, spanned - len(columns))


def read_surroundings(request: Request) -> Surroundings:
    """Everything that a request names beside its candles."""
    inside = [request.inner is not None, request.trades is not None, bool(request.book)]
    if sum(inside) > 1:
        raise SettingsError("Give one of --inner, --trades and --book: each tells what happened inside.")
    return Surroundings(
        read_others(request.also),
        None if request.inner is None else read_series(request.inner).columns,
        None if request.trades is None else read_trades(request.trades),
        read_recordings(request.book) if request.book else None,
        None if request.funding is None else read_funding(request.funding),
    )


def run_series(
    owner: type[Strategy],
    parameters: Mapping[str, object],
    series: Series,
    rules: Rules,
    symbol: str = "",
    known: MutableMapping[Any, Any] | None = None,
    surroundings: Surroundings = BARE,
    told: Told | None = None,
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
        plan = Plan(owner, strategy._parameters, series.timeframe, market)
        others = further(plan.feeds, plan.own, series.columns, surroundings.others)
        markets = tuple(dict.fromkeys(key.symbol for key in plan.feeds if key.symbol != market))
        world = SimulatedWorld(market, series.timeframe, rules, markets)
        results = plan.columns(series.columns, known, others)
        around = Around(others, surroundings.depth(), surroundings.funding, told)
        outcome = Engine(strategy, plan, series.columns, world, results, around).run()
    except SettingsError:
        raise
    except CryptoBotError as error:
        raise StrategyError(f"Strategy {owner.__name__}: {error}") from error
    except Exception as error:
        raise StrategyError(f"Strategy {owner.__name__}: {blame(error, inspect.getfile(owner))}.") from error
    return Result(strategy, series, market, rules, outcome, others, surroundings.marks())


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


Counted = Callable[[int, int], None]
"""(done, in all)."""
