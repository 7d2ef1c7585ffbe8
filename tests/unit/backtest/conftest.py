"""Candles and strategies made for one fact each."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, ClassVar

import numpy as np
import pytest
from cryptobot import Strategy
from cryptobot.services.backtest.run import BARE, Result, Surroundings, run_series
from cryptobot.services.backtest.world import Rules
from cryptobot.services.data.columns import Columns
from cryptobot.services.data.files import Series

Bar = tuple[float, float, float, float]


def series_of(bars: list[Bar]) -> Series:
    """Minute candles of (open, high, low, close)."""
    columns = [np.array(column, dtype=float) for column in zip(*bars, strict=True)]
    times = np.arange(len(bars), dtype=np.int64) * 60_000
    return Series("BTC/USDT", "1m", Columns(times, *columns, np.ones(len(bars))), 0)


def flat(*closes: float) -> list[Bar]:
    """Candles without a body, one price each."""
    return [(close, close, close, close) for close in closes]


class Scripted(Strategy):
    """Does what `plan` says at each candle's index."""

    plan: ClassVar[dict[int, Callable[[Any], None]]] = {}

    def on_start(self) -> None:
        self.state["index"] = -1
        self.state["fills"] = []

    def on_fill(self, fill: Any) -> None:
        self.state["fills"].append((self.candle.open_ms // 60_000, fill.side, fill.price))

    def on_candle(self, candle: Any) -> None:
        act = self.plan.get(candle.open_ms // 60_000)
        if act is not None:
            act(self)


@pytest.fixture
def play() -> Callable[..., Result]:
    """Run a script over candles: play(bars, {index: act}, **rules)."""

    def run(
        bars: list[Bar],
        plan: dict[int, Callable[[Any], None]],
        *,
        around: Surroundings = BARE,
        **rules: Any,
    ) -> Result:
        owner = type("Script", (Scripted,), {"plan": plan})
        chosen = {"cash": Decimal(1000), "fee": Decimal(0), "lot": Decimal("0.01"), "warmup": 0, **rules}
        return run_series(owner, {}, series_of(bars), Rules(**chosen), surroundings=around)

    return run


@pytest.fixture
def flat_bars() -> Callable[..., list[Bar]]:
    return flat
