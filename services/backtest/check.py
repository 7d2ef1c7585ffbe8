"""What is wrong with a strategy, found by running it: `cryptobot strategy check`.

It is run over sample candles (seeded, with trends, swings and a stretch without movement, or over a file)
in every way that must make no difference; where one does, the sentence says what that means for the
author.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ...configs.errors import CryptoBotError
from ..data.columns import Columns
from ..data.files import Series
from ..strategy.base import Strategy
from ..strategy.graph import Plan, pick
from ..strategy.indicators import KINDS
from .orders import Execution
from .run import run_series
from .streamed import candle_by_candle
from .world import Rules

SAMPLE_CANDLES = 4000
_WARMUP = 1000
_SLOW_CALL_S = 0.002
_CUTS = (0.4, 0.7, 0.9)


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was looked at, whether it is well, and what was seen."""

    check: str
    ok: bool
    detail: str


def sample(size: int = SAMPLE_CANDLES) -> Series:
    """Hourly candles that no market made."""
    random = np.random.default_rng(7)
    steps = random.normal(0, 0.01, size) + np.sin(np.arange(size) / 150) * 0.001
    steps[size // 2 : size // 2 + 50] = 0.0
    close = np.round(20_000 * np.exp(np.cumsum(steps)), 2)
    start = np.concatenate((close[:1], close[:-1]))
    high = np.round(np.maximum(start, close) * (1 + random.uniform(0, 0.004, size)), 2)
    low = np.round(np.minimum(start, close) * (1 - random.uniform(0, 0.004, size)), 2)
    times = 1_600_000_000_000 // 3_600_000 * 3_600_000 + np.arange(size, dtype=np.int64) * 3_600_000
    return Series("BTC/USDT", "1h", Columns(times, start, high, low, close, random.uniform(0.1, 9, size)), 0)


def check(
    owner: type[Strategy], parameters: dict[str, object], series: Series | None = None
) -> list[Finding]:
    """Everything that is looked at, in order; after a failure that makes the rest pointless, no more.

    Raises:
        SettingsError: a parameter that the strategy does not allow.
    """
    owner(parameters)
    return list(_findings(owner, parameters, sample() if series is None else series))


def _findings(owner: type[Strategy], parameters: dict[str, object], series: Series) -> Iterator[Finding]:
    rules = Rules(warmup=min(_WARMUP, len(series.columns) // 4))
    begun = time.perf_counter()
    try:
        result = run_series(owner, parameters, series, rules)
    except CryptoBotError as error:
        yield Finding("runs", False, str(error))
        return
    took_s = time.perf_counter() - begun
    made = result.outcome.executions
    yield Finding("runs", True, f"{result.outcome.calls} calls, {len(made)} orders filled")
    yield _trades(made, result.outcome.refused)
    yield _speed(took_s, result.outcome.calls)
    yield _same_twice(made, run_series(owner, parameters, series, rules).outcome.executions)
    yield _same_when_cut(owner, parameters, series, rules, made)
    every = run_series(owner, parameters, series, Rules(warmup=rules.warmup, every=True)).outcome.executions
    yield _wakes(made, every)
    yield _live(made, candle_by_candle(owner, parameters, series, rules))
    yield _warm(owner, parameters, series, rules.warmup)


def _trades(made: list[Execution], refused: int) -> Finding:
    if not made:
        return Finding("trades", False, "no order was filled; does it ever buy?" + _refused(refused))
    return Finding("trades", True, f"first order on candle {made[0].index}" + _refused(refused))


def _refused(count: int) -> str:
    return f" ({count} orders were refused: too little money, or nothing to sell)" if count else ""


def _speed(took_s: float, calls: int) -> Finding:
    each_s = took_s / max(1, calls)
    told = f"{each_s * 1e6:.0f} us a call"
    if each_s > _SLOW_CALL_S:
        return Finding("speed", False, f"{told}; declare lines instead of computing them in on_candle")
    return Finding("speed", True, told)


def _same_twice(first: list[Execution], second: list[Execution]) -> Finding:
    if first != second:
        return Finding(
            "deterministic", False, "two runs differ; it uses time, chance, or something kept between runs"
        )
    return Finding("deterministic", True, "two runs are equal")


def _same_when_cut(
    owner: type[Strategy], parameters: dict[str, object], series: Series, rules: Rules, made: list[Execution]
) -> Finding:
    for share in _CUTS:
        length = int(len(series.columns) * share)
        head = Series(series.symbol, series.timeframe, series.columns.first(length), 0)
        early = run_series(owner, parameters, head, rules).outcome.executions
        if early != [done for done in made if done.index < length]:
            return Finding(
                "no look-ahead", False, f"without the candles after {length} it acts otherwise before"
            )
    return Finding("no look-ahead", True, "cutting the data changes nothing before the cut")


def _wakes(made: list[Execution], every: list[Execution]) -> Finding:
    if made != every:
        return Finding(
            "wakes",
            False,
            "called on every candle it acts otherwise; make on_candle do nothing where `when` is false",
        )
    return Finding("wakes", True, "calling it on every candle changes nothing")


def _live(made: list[Execution], live: list[Execution]) -> Finding:
    if made != live:
        return Finding(
            "same live", False, "fed candle by candle it acts otherwise; does it keep values outside state?"
        )
    return Finding("same live", True, "fed candle by candle it acts the same")


def _warm(owner: type[Strategy], parameters: dict[str, object], series: Series, warmup: int) -> Finding:
    """Do the declared lines depend on where the history begins?"""
    strategy = owner(parameters)
    plan = Plan(owner, strategy._parameters, series.timeframe)
    if plan.lookback + owner.warmup > warmup:
        needs = plan.lookback + owner.warmup
        return Finding(
            "warm-up", False, f"needs {needs} candles; a live start shows it {warmup} (data.history)"
        )
    late = series.columns.part(len(series.columns) // 3, len(series.columns))
    whole, part = plan.columns(series.columns), plan.columns(late)
    for name, node in plan.named.items():
        if plan.steps[plan.place(node)[0]].kind not in KINDS:
            continue
        far, near = (pick(values, plan.place(node))[-200:] for values in (whole, part))
        if not np.allclose(far.astype(float), near.astype(float), rtol=1e-9, atol=1e-12, equal_nan=True):
            return Finding("warm-up", False, f"{name} depends on where the history begins")
    return Finding("warm-up", True, f"needs {plan.lookback + owner.warmup} candles")
