"""`strategy check` finds what it says it finds."""

import itertools
from typing import Any

import pytest
from cryptobot import CLOSE, Parameter, Strategy, every, sma
from cryptobot.services.backtest.check import Finding, check
from cryptobot.services.strategy.builtin.ema_cross import EmaCross

COUNTER = itertools.count()


def failures(owner: type[Strategy]) -> dict[str, str]:
    return {found.check: found.detail for found in check(owner, {}) if not found.ok}


class Trades(Strategy):
    """Buys and sells in turns."""

    average = sma(5)
    above = average < CLOSE

    def on_candle(self, candle: Any) -> None:
        if self.above and not self.position:
            self.buy()
        elif not self.above:
            self.close()


class ByChance(Trades):
    """Acts on something that is not in the candles."""

    def on_candle(self, candle: Any) -> None:
        if next(COUNTER) % 7 == 0:
            super().on_candle(candle)


class Remembers(Trades):
    """Keeps what it saw in the class, over runs."""

    seen: set[float] = set()  # noqa: RUF012 - the mistake that is looked for

    def on_candle(self, candle: Any) -> None:
        if candle.close in self.seen:
            super().on_candle(candle)
        self.seen.add(candle.close)


class Forgets(Trades):
    """Acts on candles on which `when` is false."""

    when = every("1d")


class Raises(Trades):
    """Fails."""

    def on_candle(self, candle: Any) -> None:
        raise ValueError("no")


class Idle(Strategy):
    """Never buys."""


class Slow(Trades):
    """Computes in on_candle what should be a line."""

    rare = every("4w")
    when = rare

    def on_candle(self, candle: Any) -> None:
        if self.rare:
            sum(range(600_000))


class Hungry(Trades):
    """Needs more candles than a live start shows."""

    period = Parameter(1500, low=5, high=2000)
    long_run = sma(period)


def test_a_sound_strategy_passes() -> None:
    """All checks of a sound strategy are well, and each says what it saw."""
    found = check(EmaCross, {"fast": 5, "slow": 20})

    assert all(isinstance(one, Finding) and one.ok and one.detail for one in found)
    assert {"no look-ahead", "deterministic", "same live", "wakes", "warm-up"} <= {one.check for one in found}


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (ByChance, "deterministic"),
        (Remembers, "deterministic"),
        (Forgets, "wakes"),
        (Raises, "runs"),
        (Idle, "trades"),
        (Slow, "speed"),
        (Hungry, "warm-up"),
    ],
)
def test_each_fault_is_found(owner: type[Strategy], name: str) -> None:
    """The fault that was built in is named."""
    assert name in failures(owner)
