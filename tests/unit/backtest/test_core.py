"""The compiled core and the Python form are one, to the last digit."""

import random
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from cryptobot import Strategy
from cryptobot.services.backtest.lane import compiled
from cryptobot.services.backtest.run import Result, run_series
from cryptobot.services.backtest.world import Rules
from cryptobot.services.data.columns import Columns
from cryptobot.services.data.files import Series

pytestmark = pytest.mark.skipif(compiled() is None, reason="the compiled core was not built here")


def candles(seed: int, size: int = 400, digits: int = 2, level: float = 100.0) -> Series:
    made = np.random.default_rng(seed)
    close = np.round(level * np.exp(np.cumsum(made.normal(0, 0.01, size))), digits)
    start = np.concatenate((close[:1], close[:-1]))
    high, low = np.maximum(start, close), np.minimum(start, close)
    times = np.arange(size, dtype=np.int64) * 60_000
    return Series("BTC/USDT", "1m", Columns(times, start, high, low, close, np.ones(size)), 0)


class Dice(Strategy):
    """Buys and sells by chance, seeded; `odd` also does what the compiled core does not know."""

    odd = False

    def on_start(self) -> None:
        self.state["dice"] = 0
        self.chance = random.Random(5)

    def on_candle(self, candle: Any) -> None:
        face = self.chance.random()
        if face < 0.2:
            self.buy(reason=f"face {face:.2f}")
        elif face < 0.4:
            self.close("enough")
        elif face < 0.45:
            self.sell(fraction=0.5) if self.odd else self.buy()
        elif face < 0.48 and self.odd:
            self.buy(cash=5, limit=candle.close * 0.99)
        self.state["seen"] = (self.position.amount, self.cash)


class OddDice(Dice):
    odd = True


def both(owner: type[Strategy], series: Series, **rules: Any) -> tuple[Result, Result]:
    chosen = {"warmup": 0, **rules}
    made = (run_series(owner, {}, series, Rules(**chosen, pure=pure)) for pure in (False, True))
    first, second = made
    return first, second


def assert_equal(ours: Result, pure: Result) -> None:
    assert ours.outcome.executions == pure.outcome.executions
    assert [repr(one) for one in ours.outcome.executions] == [repr(one) for one in pure.outcome.executions]
    assert (ours.outcome.cash, ours.outcome.held) == (pure.outcome.cash, pure.outcome.held)
    assert ours.outcome.refused == pure.outcome.refused
    assert ours.strategy.state == pure.strategy.state
    assert ours.metrics == pure.metrics
    assert ours.final_equity == pure.final_equity
    assert ours.trades == pure.trades


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "rules",
    [
        {},
        {"fee": Decimal("0.00075"), "lot": Decimal("0.003")},
        {"fee": Decimal(0), "lot": Decimal(1)},
        {"cash": Decimal("123.456789")},
    ],
)
def test_chance_makes_no_difference(seed: int, rules: dict[str, Any]) -> None:
    """Random market orders end in the same books, state, refusals and figures."""
    ours, pure = both(Dice, candles(seed), **rules)

    assert ours.outcome.compiled == ours.outcome.calls
    assert pure.outcome.compiled == 0
    assert_equal(ours, pure)


@pytest.mark.parametrize("seed", range(4))
def test_at_an_order_of_another_kind_the_python_form_goes_on(seed: int) -> None:
    """Halves and limits end the compiled part; the whole is as if it had not been."""
    ours, pure = both(OddDice, candles(seed))

    assert 0 < ours.outcome.compiled < ours.outcome.calls
    assert_equal(ours, pure)


@pytest.mark.parametrize(("digits", "level"), [(8, 0.00004), (12, 0.00004), (2, 5_000_000.0), (15, 100.0)])
def test_any_number_of_digits_is_exact(digits: int, level: float) -> None:
    """Tiny and large prices, and those with more digits than the compiled core keeps."""
    ours, pure = both(Dice, candles(1, digits=digits, level=level), lot=Decimal("0.1"))

    assert_equal(ours, pure)


def test_a_strategy_that_raises_leaves_no_trace() -> None:
    """The error is told as ever, and the strategy's own methods are its own again."""

    class Raises(Strategy):
        def on_candle(self, candle: Any) -> None:
            raise KeyError("nothing")

    with pytest.raises(Exception, match="KeyError"):
        run_series(Raises, {}, candles(1), Rules(warmup=0))


def test_a_strategy_of_its_own_buy_runs_in_the_python_form() -> None:
    """Who overrides buy() is called through it."""

    class Own(Strategy):
        def buy(self, *given: Any, **named: Any) -> None:
            super().buy(1)

        def on_candle(self, candle: Any) -> None:
            self.buy()

    result = run_series(Own, {}, candles(1), Rules(warmup=0))

    assert result.outcome.compiled == 0
    assert result.outcome.executions[0].amount == 1
