"""Several markets and timeframes in one run."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from cryptobot import Feed, Strategy, sma
from cryptobot.configs.errors import SettingsError
from cryptobot.services.backtest.run import Surroundings, run_series
from cryptobot.services.backtest.streamed import candle_by_candle
from cryptobot.services.backtest.world import Rules
from cryptobot.services.data.columns import Columns
from cryptobot.services.data.files import Series

RULES = Rules(cash=Decimal(10_000), fee=Decimal("0.001"), lot=Decimal("0.01"), warmup=0)


def series(symbol: str, seed: int, size: int = 300) -> Series:
    random = np.random.default_rng(seed)
    close = np.round(100 * np.exp(np.cumsum(random.normal(0, 0.01, size))), 2)
    start = np.concatenate((close[:1], close[:-1]))
    high, low = np.maximum(start, close), np.minimum(start, close)
    times = np.arange(size, dtype=np.int64) * 60_000
    return Series(symbol, "1m", Columns(times, start, high, low, close, np.ones(size)), 0)


class Pair(Strategy):
    """Goes from one market into the other when a slower average says so."""

    eth = Feed("ETH/USDT")
    slow = Feed(timeframe="5m")
    trend = sma(3, slow.close)

    def on_candle(self, candle: Any) -> None:
        if self.eth.candle is None or self.trend != self.trend:
            return
        above = candle.close > self.trend
        if above and not self.position:
            self.eth.close()
            self.buy(cash=1000)
        elif not above and not self.eth.position:
            self.close()
            self.eth.buy(cash=1000, stop=self.eth.candle.close * 0.98)


OWN, OTHER = series("BTC/USDT", 1), series("ETH/USDT", 2)
AROUND = Surroundings(others={"ETH/USDT": OTHER})


def test_each_market_fills_at_its_own_prices_from_one_purse() -> None:
    """Orders of a further market fill at its next open; money and equity are of both together."""
    result = run_series(Pair, {}, OWN, RULES, surroundings=AROUND)
    made = result.outcome.executions
    bought = [one for one in made if one.symbol == "ETH/USDT" and one.sign > 0]
    money = RULES.cash + sum(one.flow for one in made)

    assert {one.symbol for one in made} == {"", "ETH/USDT"}
    assert all(float(one.price) == OTHER.columns.open[one.index] for one in bought)
    assert result.outcome.cash == money
    assert float(result.final_equity) == pytest.approx(result.equity[-1])
    assert {trade.symbol for trade in result.trades} == {"", "ETH/USDT"}


def test_fed_candle_by_candle_it_does_the_same() -> None:
    """No look at a candle that was not finished: columns and streamed lines agree in every execution."""
    result = run_series(Pair, {}, OWN, RULES, surroundings=AROUND)

    assert result.outcome.executions == candle_by_candle(Pair, {}, OWN, RULES, AROUND)


def test_cutting_both_markets_changes_nothing_before_the_cut() -> None:
    """Prefix invariance over several series."""
    whole = run_series(Pair, {}, OWN, RULES, surroundings=AROUND).outcome.executions
    heads = [Series(one.symbol, "1m", one.columns.first(180), 0) for one in (OWN, OTHER)]
    around = Surroundings(others={"ETH/USDT": heads[1]})
    early = run_series(Pair, {}, heads[0], RULES, surroundings=around).outcome.executions

    assert early == [one for one in whole if one.index < 180]
    assert len(early) > 3


def test_a_market_that_is_not_given_is_told() -> None:
    """The sentence says which, and how to give it."""
    with pytest.raises(SettingsError, match=r"--also ETH/USDT=FILE"):
        run_series(Pair, {}, OWN, RULES)
