"""Each bundled strategy is one and the same in every mode and world."""

from decimal import localcontext
from typing import Any

import numpy as np
import pytest
from cryptobot.services.backtest.engine import MONEY, Engine
from cryptobot.services.backtest.run import run_series
from cryptobot.services.backtest.world import Rules, SimulatedWorld
from cryptobot.services.data.columns import Columns
from cryptobot.services.data.files import Series
from cryptobot.services.strategy.base import Candle, Fill, Strategy
from cryptobot.services.strategy.builtin import NAMES
from cryptobot.services.strategy.graph import Live, Plan
from cryptobot.services.strategy.loader import Loader

WARMUP = 300


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
    wake = run_series(owner, {}, series, Rules(warmup=WARMUP))
    every = run_series(owner, {}, series, Rules(warmup=WARMUP, every=True))

    assert len(wake.outcome.executions) > 3
    assert wake.outcome.executions == every.outcome.executions
    assert wake.final_equity == every.final_equity


class LiveLoop(Engine):
    """The world as the strategy service makes it: candles one by one, lines computed as they come."""

    def __init__(self, strategy: Strategy, plan: Plan, candles: Columns, world: SimulatedWorld) -> None:
        super().__init__(strategy, plan, candles, world)
        strategy.__dict__.pop("_view")
        self.live = Live(plan)

    def follow(self) -> None:
        rows = zip(*(getattr(self._candles, name).tolist() for name in Columns.__slots__), strict=True)
        for index, row in enumerate(rows):
            self.step(index, Candle(*row))

    def step(self, index: int, candle: Candle) -> None:
        world, strategy = self._world, self._strategy
        before = len(world.executions)
        if world.orders:
            self._match(index)
        wakes = self.live.push(candle)
        strategy.__dict__.update(self.live.attributes(), candle=candle)
        for done in world.executions[before:]:
            side = "buy" if done.sign > 0 else "sell"
            strategy.on_fill(Fill(side, done.price, done.amount, done.fee, candle.open_ms))
        if wakes and index >= self._first:
            strategy.on_candle(candle)
        world.place()


@pytest.mark.parametrize("name", NAMES)
def test_computed_candle_by_candle_it_trades_the_same(name: str, series: Series) -> None:
    """With lines computed live instead of over columns, each execution is the same to the last digit."""
    owner: Any = Loader().load(name)
    expected = run_series(owner, {}, series, Rules(warmup=WARMUP))
    strategy = owner({})
    world = SimulatedWorld("BTC/USDT", "1h", Rules(warmup=WARMUP))
    with localcontext(MONEY):
        LiveLoop(strategy, Plan(owner, strategy._parameters, "1h"), series.columns, world).follow()

    assert expected.outcome.executions == world.executions
    assert expected.outcome.cash == world.money


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("length", [900, 2500])
def test_it_does_not_look_ahead(name: str, length: int, series: Series) -> None:
    """Cutting the data after any candle leaves all executions before it as they were."""
    owner = Loader().load(name)
    whole = run_series(owner, {}, series, Rules(warmup=WARMUP)).outcome.executions
    head = Series(series.symbol, series.timeframe, series.columns.first(length), 0)
    early = run_series(owner, {}, head, Rules(warmup=WARMUP)).outcome.executions

    assert early == [done for done in whole if done.index < length]
