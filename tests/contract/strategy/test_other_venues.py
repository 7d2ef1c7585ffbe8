"""A strategy that trades on one venue and reads another."""

from decimal import Decimal
from typing import Any

import pytest
from cryptobot.configs.schema import StrategyInstance
from cryptobot.services.strategy.feeds import FeedKey, split_venue

READS = """
from cryptobot import CLOSE, Feed, Strategy

class Reads(Strategy):
    abroad = Feed("kraken:BTC/USDT")
    premium = CLOSE - abroad.close

    def on_candle(self, candle):
        self.state.setdefault("seen", []).append([candle.close, self.abroad.candle.close, self.premium])
        if self.premium < -5 and not self.position:
            self.buy(1)
        elif self.premium > 50:
            self.abroad.buy(1)
"""


def of(strategy: str) -> StrategyInstance:
    return StrategyInstance(strategy=strategy, timeframe="1m")


def test_a_strategy_decides_by_the_candles_of_a_second_venue(play: Any) -> None:
    """The same market on two venues is two series; the order goes to the strategy's own."""

    async def scene(town: Any) -> None:
        (town.home.strategies / "reads.py").write_text(READS)
        town.past(*(100.0,) * 6)
        town.past(*(101.0,) * 6, exchange="kraken")
        running = await town.service(reads=of("reads"))
        assert running.status("reads").feeds == ["kraken:BTC/USDT 1m"]
        town.say(0, 100.0)
        town.say(0, 110.0, exchange="kraken")
        await town.until(lambda: running.status("reads").held == {"BTC/USDT": Decimal(1)})
        assert (town.intents[0].exchange, town.intents[0].symbol) == ("paper", "BTC/USDT")
        assert running.service._runners["reads"]._strategy.state["seen"] == [[100.0, 110.0, -10.0]]
        await running.stop()

    play(scene)


def test_orders_on_a_venue_that_is_only_read_stop_the_strategy_with_a_sentence(play: Any) -> None:
    """The strategy fails by itself, before anything reaches trade."""

    async def scene(town: Any) -> None:
        (town.home.strategies / "reads.py").write_text(READS)
        town.past(*(100.0,) * 6)
        town.past(*(100.0,) * 6, exchange="kraken")
        running = await town.service(reads=of("reads"))
        town.say(0, 200.0)
        town.say(0, 100.0, exchange="kraken")
        await town.until(lambda: running.status("reads").state == "FAILED")
        assert "abroad is on kraken, which this strategy can only read" in running.status("reads").reason
        assert town.intents == []
        await running.stop()

    play(scene)


@pytest.mark.parametrize(
    ("symbol", "found"),
    [
        ("BTC/USDT", ("", "BTC/USDT")),
        ("kraken:BTC/USD", ("kraken", "BTC/USD")),
        ("BTC/USDT:USDT", ("", "BTC/USDT:USDT")),
        ("okx:BTC/USDT:USDT", ("okx", "BTC/USDT:USDT")),
    ],
)
def test_a_venue_in_front_is_told_from_a_currency_behind(symbol: str, found: tuple[str, str]) -> None:
    """ccxt writes the settlement currency behind a colon; a venue stands before the slash."""
    assert split_venue(symbol) == found
    assert FeedKey(symbol, "1m").at("paper") == (found[0] or "paper", found[1])
