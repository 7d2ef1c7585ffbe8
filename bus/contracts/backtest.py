"""Owner: backtest. Numbers 0x0Bxx. What a dashboard needs to start runs over the past and to show them."""

from decimal import Decimal

import msgspec

from .base import Delivery, Done, Message, message, request

PROGRESS = "backtest.progress."
"""Topics of BacktestProgress: `backtest.progress.<id>`."""


@message(0x0B01)
class BacktestProgress(Message, frozen=True, kw_only=True, gc=False):
    """How far a job is; sent at most a few times a second, and once when it ended.

    Args:
        state: waiting, running, done, cancelled or failed.
        unit: what is counted: calls, runs, steps, histories or parts.
        reason: why it failed, one sentence.
    """

    id: str
    kind: str
    state: str
    done: int
    all: int
    unit: str
    ts_ms: int
    reason: str = ""


class BacktestSummary(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One kept job. `metrics` are the figures of docs/backtest.md, of the best run of a sweep or search."""

    id: str
    kind: str
    state: str
    strategy: str
    symbol: str
    timeframe: str
    actor: str
    created_ms: int
    finished_ms: int
    reason: str = ""
    run_hash: str = ""
    final_equity: Decimal | None = None
    metrics: dict[str, float | None] = {}
    parameters: dict[str, str] = {}
    trust_score: int | None = None
    trust_colour: str = ""
    done: int = 0
    all: int = 0


class BacktestTrade(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A trade from flat to flat."""

    entry_ms: int
    exit_ms: int
    entry_price: Decimal
    exit_price: Decimal
    amount: Decimal
    pnl: Decimal
    reason: str = ""
    symbol: str = ""


class BacktestTrial(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One set of parameters of a sweep or a search."""

    parameters: dict[str, str]
    final_equity: Decimal
    metrics: dict[str, float | None]


@message(0x0B02, delivery=Delivery.REPLY)
class BacktestStarted(Message, frozen=True, kw_only=True, gc=False):
    """The id under which its progress is told and its result is kept."""

    id: str


@request(0x0B03, reply=BacktestStarted, permission="backtest.run")
class StartBacktest(Message, frozen=True, kw_only=True, gc=False):
    """Start a job.

    Args:
        kind: run, sweep, optimize, walk-forward, monte-carlo or trust.
        strategy: a name of ListStrategies.
        data: a series of the local store as EXCHANGE/BTC-USDT/1h, or a path on the machine of the service.
        parameters: of the strategy; fixed for all runs of a sweep.
        grid: NAME=VALUES for sweep, optimize and walk-forward, such as fast=5:50:5 or slow=50,100.
        rules: of the venue by name (cash, fee, maker_fee, lot, tick, min_value, slippage, volume_share,
            latency_ms, warmup), as text.
        options: from_ms, to_ms, symbol, also (MARKET=SERIES;...); trials, goal, seed for optimize; train and
            test for walk-forward; runs, seed for monte-carlo; as text.
    """

    kind: str
    strategy: str
    data: str
    actor: str
    parameters: dict[str, str] = {}
    grid: list[str] = []
    rules: dict[str, str] = {}
    options: dict[str, str] = {}


@request(0x0B04, reply=Done, permission="backtest.run")
class CancelBacktest(Message, frozen=True, kw_only=True, gc=False):
    """End a job that waits or runs. What a sweep had done is kept; started again, it goes on from there."""

    id: str
    actor: str


@message(0x0B05, delivery=Delivery.REPLY)
class Backtests(Message, frozen=True, kw_only=True, gc=False):
    """Newest first. `series` are the candles of the local store, for `StartBacktest.data`."""

    backtests: list[BacktestSummary]
    series: list[str]


@request(0x0B06, reply=Backtests, permission="backtest.read")
class ListBacktests(Message, frozen=True, kw_only=True, gc=False):
    """Kept jobs and running ones."""

    limit: int = 100
    strategy: str = ""


@message(0x0B07, delivery=Delivery.REPLY)
class Backtest(Message, frozen=True, kw_only=True, gc=False):
    """One job whole. The curve's columns are of one length; `report` is the HTML page when it was asked for.

    `details` is JSON of what a walk-forward, a Monte Carlo or a trust score found.
    """

    summary: BacktestSummary
    times_ms: list[int] = []
    equity: list[float] = []
    drawdown: list[float] = []
    price: list[float] = []
    trades: list[BacktestTrade] = []
    trials: list[BacktestTrial] = []
    details: str = ""
    report: str = ""


@request(0x0B08, reply=Backtest, permission="backtest.read")
class GetBacktest(Message, frozen=True, kw_only=True, gc=False):
    """One job by its id.

    Args:
        report: make the self-contained HTML page too; of single runs only, and it takes a second.
        trades: the newest so many.
    """

    id: str
    report: bool = False
    trades: int = 2000


@message(0x0B09, delivery=Delivery.REPLY)
class TrustVerdict(Message, frozen=True, kw_only=True, gc=False):
    """The newest trust score of a strategy on a market; `colour` is "" when there is none.

    `current` is false when the strategy's file was changed since.
    """

    colour: str
    score: int
    made_ms: int
    current: bool
    reasons: list[str]


@request(0x0B0A, reply=TrustVerdict, permission="backtest.read")
class GetTrust(Message, frozen=True, kw_only=True, gc=False):
    """How far backtests of a strategy on a market may be trusted."""

    strategy: str
    symbol: str
