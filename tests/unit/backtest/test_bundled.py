"""Each bundled strategy is one and the same in every mode and world."""

from typing import Any

import numpy as np
import pytest
from cryptobot.services.backtest.check import made_up_markets
from cryptobot.services.backtest.lane import compiled
from cryptobot.services.backtest.run import Surroundings, run_series
from cryptobot.services.backtest.streamed import candle_by_candle
from cryptobot.services.backtest.world import Rules
from cryptobot.services.data.columns import Columns
from cryptobot.services.data.files import Series
from cryptobot.services.strategy.builtin import NAMES
from cryptobot.services.strategy.loader import Loader

WARMUP = 400


def run(owner: Any, series: Series, like: Series | None = None, **rules: Any) -> Any:
    """A run with made-up candles of the further markets that the strategy reads."""
    around = Surroundings(others=made_up_markets(owner, {}, like or series))
    return run_series(owner, {}, series, Rules(warmup=WARMUP, **rules), surroundings=around)


@pytest.fixture(scope="module")
def series() -> Series:
    """4,000 hourly candles that trend, swing and rest, with a stretch of no movement at all."""
    random = np.random.default_rng(11)
    steps = random.normal(0, 0.01, 4000) + np.sin(np.arange(4000) / 150) * 0.001
    steps[2000:2050] = 0.0
    close = np.round(20_000 * np.exp(np.cumsum(steps)), 2)
    start = np.concatenate((close[:1], close[:-1]))
    high = np.round(np.maximum(start, close) * (1 + random.uniform(0, 0.004, 4000)), 2)
    low = np.round(np.minimum(start, close) * (1 - random.uniform(0, 0.004, 4000)), 2)
    times = np.arange(4000, dtype=np.int64) * 3_600_000
    return Series("BTC/USDT", "1h", Columns(times, start, high, low, close, random.uniform(0, 9, 4000)), 0)


@pytest.mark.parametrize("name", NAMES)
def test_it_trades_and_every_candle_changes_nothing(name: str, series: Series) -> None:
    """Called on each candle or only when its signal asks, a strategy makes the same executions."""
    owner = Loader().load(name)
    wake = run(owner, series)
    every = run(owner, series, every=True)

    assert len(wake.outcome.executions) > 3
    assert wake.outcome.executions == every.outcome.executions
    assert wake.final_equity == every.final_equity


@pytest.mark.parametrize("name", NAMES)
def test_computed_candle_by_candle_it_trades_the_same(name: str, series: Series) -> None:
    """With lines computed live instead of over columns, each execution is the same to the last digit."""
    owner: Any = Loader().load(name)
    expected = run(owner, series)
    rules = Rules(warmup=WARMUP)

    around = Surroundings(others=made_up_markets(owner, {}, series))
    assert expected.outcome.executions == candle_by_candle(owner, {}, series, rules, around)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("every", [False, True])
@pytest.mark.skipif(compiled() is None, reason="the compiled core was not built here")
def test_the_compiled_core_changes_nothing(name: str, every: bool, series: Series) -> None:
    """With and without the compiled core each execution is the same to the last digit, and the money."""
    owner = Loader().load(name)
    ours = run(owner, series, every=every)
    pure = run(owner, series, every=every, pure=True)

    assert ours.outcome.executions == pure.outcome.executions
    assert (ours.final_equity, ours.outcome.refused) == (pure.final_equity, pure.outcome.refused)
    assert ours.metrics == pure.metrics
    assert pure.outcome.compiled == 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("length", [900, 2500])
def test_it_does_not_look_ahead(name: str, length: int, series: Series) -> None:
    """Cutting the data after any candle leaves all executions before it as they were."""
    owner = Loader().load(name)
    whole = run(owner, series).outcome.executions
    head = Series(series.symbol, series.timeframe, series.columns.first(length), 0)
    early = run(owner, head, like=series).outcome.executions

    assert early == [done for done in whole if done.index < length]
