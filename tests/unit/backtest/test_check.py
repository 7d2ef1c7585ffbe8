"""`strategy check` finds what it says it finds."""

import itertools
from typing import Any

import numpy as np
import pytest
from cryptobot import CLOSE, Feed, Line, Parameter, Strategy, every, sma, zscore
from cryptobot.services.backtest.check import Finding, check
from cryptobot.services.strategy.builtin.ema_cross import EmaCross
from cryptobot.services.strategy.indicators import KINDS, Kind

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


class Peeks(Trades):
    """Reads the close that comes after the current candle, past the fence."""

    def on_candle(self, candle: Any) -> None:
        view = self.__dict__.get("_view")
        ahead = view.columns[Peeks.next_close] if view is not None else []
        at = view.clock.at + 1 if view is not None else 0
        rises = at < len(ahead) and ahead[at] > candle.close
        if rises and not self.position:
            self.buy()
        elif not rises:
            self.close()

    next_close = CLOSE * 1.0


class Repaints(Trades):
    """Has a line that is computed from candles on both sides of the current one."""

    centred = Line("centred", (CLOSE,))


class Pair(Strategy):
    """Reads another market and longer candles of its own, and trades both."""

    other = Feed("ETH/USDT")
    days = Feed(timeframe="1d")
    apart = zscore(50, CLOSE / other.close)
    trend = sma(5, days.close)

    def on_candle(self, candle: Any) -> None:
        if self.apart < -1.0 and not self.position:
            self.other.close()
            self.buy()
        elif self.apart > 1.0 and not self.other.position:
            self.close()
            self.other.buy(fraction=0.4)


def test_a_line_that_repaints_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line whose past values change when later candles come is named."""

    def centred(_arguments: Any, column: Any) -> Any:
        return np.convolve(column, [1 / 3, 1 / 3, 1 / 3], mode="same")

    class Stream:
        def push(self, value: float) -> float:
            return value

    monkeypatch.setitem(KINDS, "centred", Kind(centred, Stream))  # type: ignore[arg-type]

    assert failures(Repaints)["no repainting"].startswith("centred changes on candles that are past")


def test_several_markets_and_timeframes_are_checked() -> None:
    """A sound strategy that reads two more series passes every check, the live one included."""
    found = check(Pair, {})

    assert [one.detail for one in found if not one.ok] == []
    assert "no repainting" in {one.check for one in found}


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
        (Peeks, "no look-ahead"),
    ],
)
def test_each_fault_is_found(owner: type[Strategy], name: str) -> None:
    """The fault that was built in is named."""
    assert name in failures(owner)
