"""Runs beside each other: positions of their own, dry ones, changed parameters, further markets."""

from decimal import Decimal
from typing import Any

import pytest
from cryptobot.bus.contracts.base import Done
from cryptobot.bus.contracts.strategy import (
    ListStrategies,
    SetStrategyParameters,
    SetStrategyRunning,
    Strategies,
)
from cryptobot.configs.errors import RequestFailedError
from cryptobot.services.strategy.lastresort import LastResort

FLAT = (100.0,) * 6
BUYS = """
from cryptobot import Parameter, Strategy

class Buys(Strategy):
    above = Parameter(105.0)
    size = Parameter(1.0)

    def on_start(self):
        self.state.setdefault("told", [])

    def on_candle(self, candle):
        if candle.close > self.above and not self.position:
            self.buy(self.size)
        elif candle.close < 95 and self.position:
            self.close()

    def on_fill(self, fill):
        self.state["told"].append([fill.side, str(fill.amount.normalize()), fill.symbol])

    def on_order(self, order):
        self.state["told"].append([order.side, order.reason, order.symbol])
"""
FOLLOWS = """
from cryptobot import CLOSE, Feed, Strategy

class Follows(Strategy):
    other = Feed("ETH/USDT")
    ratio = CLOSE / other.close

    def on_candle(self, candle):
        self.state.setdefault("seen", []).append([candle.close, self.other.candle.close, self.ratio])
        if self.ratio > 5 and not self.other.position:
            self.other.buy(2)
        elif self.ratio < 2:
            self.other.close()
"""
QUOTES = """
from cryptobot import Strategy

class Quotes(Strategy):
    def on_candle(self, candle):
        if self.orders:
            self.amend(self.orders[0], limit=candle.close - 10)
        else:
            self.buy(1, limit=candle.close - 5)
"""
BRACKET = """
from cryptobot import Strategy

class Bracket(Strategy):
    def on_candle(self, candle):
        if candle.close == 110 and not self.position:
            self.buy(1, stop=100, take=130)
"""


def ask(town: Any, message: Any, reply: Any = Done) -> Any:
    return town.viewer.request("strategy", message, reply, timeout_s=20.0)


def strategy_of(running: Any, name: str) -> Any:
    return running.service._runners[name]._strategy


def write(town: Any, **files: str) -> None:
    for name, text in files.items():
        (town.home.strategies / f"{name}.py").write_text(text)


def test_two_runs_on_one_market_see_their_own_positions(play: Any, instance: Any) -> None:
    """One that bought holds, the other is flat, though the account holds; each sells what it bought."""

    async def scene(town: Any) -> None:
        write(town, buys=BUYS)
        town.past(*FLAT)
        high = instance(strategy="buys", timeframe="1m", parameters={"above": 120.0, "size": 2.0})
        running = await town.service(low=instance(strategy="buys", timeframe="1m"), high=high)
        town.say(0, 110.0)
        await town.until(lambda: running.status("low").held == {"BTC/USDT": Decimal(1)})
        town.say(1, 130.0)
        await town.until(lambda: running.status("high").held == {"BTC/USDT": Decimal(2)})
        assert strategy_of(running, "low").position.amount == 1
        assert town.position == 3
        town.say(2, 90.0)
        await town.until(lambda: len(town.intents) == 4)
        await town.until(lambda: not running.status("low").held and not running.status("high").held)

        sold = {(one.source, one.amount) for one in town.intents if one.side == "sell"}
        assert sold == {("low", Decimal(1)), ("high", Decimal(2))}
        assert (running.status("low").realised, running.status("high").realised) == (-20, -80)
        await running.stop()

    play(scene)


def test_a_position_is_never_more_than_the_account_has(play: Any, instance: Any) -> None:
    """What a person sold by hand is gone from the run that had bought it."""

    async def scene(town: Any) -> None:
        write(town, buys=BUYS)
        town.past(*FLAT)
        town.bought("buys", "3")
        town.position = Decimal(1)
        running = await town.service(buys=instance(strategy="buys", timeframe="1m"))
        town.say(0, 101.0)
        await town.until(lambda: running.status("buys").candles == 1)

        assert strategy_of(running, "buys").position.amount == 1
        await running.stop()

    play(scene)


def test_fills_that_nobody_heard_are_counted_once(play: Any, instance: Any) -> None:
    """Executions made while the service was dead are asked for; those it knew are not counted again."""

    async def scene(town: Any) -> None:
        write(town, buys=BUYS)
        town.past(*FLAT)
        buys = instance(strategy="buys", timeframe="1m")
        running = await town.service(buys=buys)
        town.say(0, 110.0)
        await town.until(lambda: running.status("buys").held == {"BTC/USDT": Decimal(1)})
        await running.die()
        town.bought("buys", "0.5")
        again = await town.service(buys=buys)

        assert again.status("buys").held == {"BTC/USDT": Decimal("1.5")}
        await again.stop()

    play(scene)


def test_a_refused_order_is_told_to_the_strategy(play: Any, instance: Any) -> None:
    """on_order says what was refused and why, before the next candle."""

    async def scene(town: Any) -> None:
        write(town, buys=BUYS)
        town.past(*FLAT)
        town.refuse = "too large"
        running = await town.service(buys=instance(strategy="buys", timeframe="1m"))
        town.say(0, 110.0)
        town.say(1, 104.0)
        await town.until(lambda: running.status("buys").candles == 2)

        assert strategy_of(running, "buys").state["told"] == [["buy", "too large", ""]]
        await running.stop()

    play(scene)


def test_a_resting_order_is_amended(play: Any, instance: Any) -> None:
    """amend() asks trade to change the order that rests, with what is still to be filled."""

    async def scene(town: Any) -> None:
        write(town, quotes=QUOTES)
        town.past(*FLAT)
        town.rests = True
        running = await town.service(quotes=instance(strategy="quotes", timeframe="1m"))
        town.say(0, 100.0)
        await town.until(lambda: strategy_of(running, "quotes").working == 1)
        town.say(1, 102.0)
        await town.until(lambda: len(town.amended) == 1)

        asked = town.amended[0]
        assert asked.order_id == town.intents[0].intent_id
        assert (asked.price, asked.amount, asked.actor) == (92, 1, "strategy quotes")
        await running.stop()

    play(scene)


def test_a_dry_run_trades_beside_a_live_one(play: Any, instance: Any) -> None:
    """On the same candles it fills at the next open with fees, sends nothing, and survives a restart."""

    async def scene(town: Any) -> None:
        write(town, buys=BUYS)
        town.past(*FLAT)
        runs = {
            "live": instance(strategy="buys", timeframe="1m"),
            "dry": instance(strategy="buys", timeframe="1m", mode="dry", cash=Decimal(1000)),
        }
        running = await town.service(**runs)
        town.say(0, 110.0)
        town.say(1, 111.0)
        await town.until(lambda: len(town.dry) == 1 and running.status("dry").candles == 2)
        assert {intent.source for intent in town.intents} == {"live"}
        assert (town.dry[0].side, town.dry[0].price, town.dry[0].fee) == ("buy", 111, Decimal("0.111"))
        await running.die()
        again = await town.service(**runs)
        status = again.status("dry")
        assert (status.mode, status.held, status.cash) == (
            "dry",
            {"BTC/USDT": Decimal(1)},
            Decimal("888.889"),
        )
        town.say(2, 90.0)
        town.say(3, 92.0)
        await town.until(lambda: len(town.dry) == 2 and again.status("dry").candles == 2)

        assert again.status("dry").realised == Decimal("-19.203")
        assert strategy_of(again, "dry").state["told"] == [["buy", "1", ""], ["sell", "1", ""]]
        await again.stop()

    play(scene)


def test_a_dry_bracket_sells_at_its_stop(play: Any, instance: Any) -> None:
    """A candle that falls through the stop sells there, at its open when that is lower."""

    async def scene(town: Any) -> None:
        write(town, bracket=BRACKET)
        town.past(*FLAT)
        running = await town.service(dry=instance(strategy="bracket", timeframe="1m", mode="dry"))
        for index, close in enumerate((110.0, 111.0, 112.0, 97.0, 98.0)):
            town.say(index, close)
        await town.until(lambda: running.status("dry").candles == 5)

        assert [(one.side, one.price, one.reason) for one in town.dry] == [
            ("buy", 111, ""),
            ("sell", 97, "stop"),
        ]
        await running.stop()

    play(scene)


def test_parameters_change_between_candles_and_are_remembered(play: Any, instance: Any) -> None:
    """A person changes one: it holds from the next candle on, is audited, and survives a restart."""

    async def scene(town: Any) -> None:
        write(town, buys=BUYS)
        town.past(*FLAT)
        runs = {"buys": instance(strategy="buys", timeframe="1m", parameters={"size": 3.0})}
        running = await town.service(**runs)
        wish = SetStrategyParameters(name="buys", values={"above": "101"}, actor="ada")
        assert "from its next candle on" in (await ask(town, wish)).message
        town.say(0, 102.0)
        await town.until(lambda: len(town.intents) == 1)
        assert town.intents[0].amount == 3
        await town.until(lambda: bool(town.audits))
        audit = town.audits[0]
        assert (audit.actor, audit.action, audit.subject, audit.detail) == (
            "ada",
            "set parameters",
            "buys",
            "above=101",
        )
        await running.die()
        again = await town.service(**runs)
        status = again.status("buys")
        assert (status.parameters["above"], status.changed) == ("101.0", ["above"])
        await ask(town, SetStrategyParameters(name="buys", values={}, actor="ada", reset=True))
        town.say(1, 103.0)
        await town.until(lambda: again.status("buys").changed == [])
        await town.until(lambda: again.status("buys").parameters["above"] == "105.0")
        await again.stop()

    play(scene)


def test_a_wrong_parameter_changes_nothing_and_is_audited(play: Any, instance: Any) -> None:
    """An unknown name or a bad value is refused with a sentence; the good ones beside it are not taken."""

    async def scene(town: Any) -> None:
        write(town, buys=BUYS)
        town.past(*FLAT)
        running = await town.service(buys=instance(strategy="buys", timeframe="1m"))
        for values, told in (
            ({"abov": "1"}, "did you mean 'above'"),
            ({"size": "2", "above": "x"}, "a number"),
        ):
            with pytest.raises(RequestFailedError, match=told):
                await ask(town, SetStrategyParameters(name="buys", values=values, actor="ada"))
        await town.until(lambda: len(town.audits) == 2)

        assert not any(audit.ok for audit in town.audits)
        assert running.status("buys").changed == []
        await running.stop()

    play(scene)


def test_a_second_market_is_watched_seen_and_traded(play: Any, instance: Any) -> None:
    """A feed is asked for; the decision waits for its candle of the same moment; orders go to its market."""

    async def scene(town: Any) -> None:
        write(town, follows=FOLLOWS)
        town.past(*FLAT)
        town.past(*(25.0,) * 6, symbol="ETH/USDT")
        running = await town.service(follows=instance(strategy="follows", timeframe="1m"))
        assert town.watched == [("ETH/USDT", "1m")]
        town.say(0, 101.0)
        town.say(0, 20.0, symbol="ETH/USDT")
        await town.until(lambda: running.status("follows").held == {"ETH/USDT": Decimal(2)})
        intent = town.intents[0]
        assert (intent.symbol, intent.side, intent.reference_price) == ("ETH/USDT", "buy", 20)
        town.say(1, 60.0, symbol="ETH/USDT")
        town.say(1, 102.0)
        await town.until(lambda: len(town.intents) == 2 and running.status("follows").candles == 2)

        seen = strategy_of(running, "follows").state["seen"]
        assert seen == [[101.0, 20.0, 5.05], [102.0, 60.0, 1.7]]
        assert (town.intents[1].symbol, town.intents[1].side) == ("ETH/USDT", "sell")
        await running.stop()

    play(scene)


def test_a_candle_of_a_second_market_that_never_comes_is_not_waited_for_ever(
    play: Any, instance: Any, monkeypatch: Any
) -> None:
    """After the grace it is asked for, and then the strategy decides with the newest one it knows."""
    monkeypatch.setattr("cryptobot.services.strategy.others.GRACE_S", -1e6)

    async def scene(town: Any) -> None:
        write(town, follows=FOLLOWS)
        town.past(*FLAT)
        town.past(*(25.0,) * 6, symbol="ETH/USDT")
        running = await town.service(follows=instance(strategy="follows", timeframe="1m"))
        town.say(0, 101.0)
        await town.until(lambda: running.status("follows").candles == 1)

        assert strategy_of(running, "follows").state["seen"] == [[101.0, 25.0, 4.04]]
        await running.stop()

    play(scene)


def test_one_instance_runs_on_several_markets(play: Any, instance: Any) -> None:
    """Each market is a run of its own, named after both."""

    async def scene(town: Any) -> None:
        write(town, buys=BUYS)
        town.past(*FLAT)
        town.past(*FLAT, symbol="ETH/USDT")
        both = instance(strategy="buys", timeframe="1m", symbols=["BTC/USDT", "ETH/USDT"])
        running = await town.service(many=both)
        town.say(0, 110.0, symbol="ETH/USDT")
        await town.until(lambda: running.status("many@ETH-USDT").held == {"ETH/USDT": Decimal(1)})

        assert running.status("many@BTC-USDT").held == {}
        await running.stop()

    play(scene)


def test_runs_of_another_process_are_told_though_it_is_silent(play: Any, instance: Any) -> None:
    """The first process lists them; what it cannot reach it says in one sentence."""

    async def scene(town: Any) -> None:
        write(town, buys=BUYS)
        town.past(*FLAT)
        running = await town.service(
            here=instance(strategy="buys", timeframe="1m"),
            there=instance(strategy="buys", timeframe="1m", process=2),
        )
        found = (await ask(town, ListStrategies(), Strategies)).strategies
        assert [(one.name, one.process) for one in found] == [("here", "strategy"), ("there", "strategy-2")]
        assert found[1].reason == "its process strategy-2 does not answer"
        with pytest.raises(RequestFailedError, match="strategy-2 does not answer"):
            await ask(town, SetStrategyRunning(name="there", running=False, actor="ada"))
        await running.stop()

    play(scene)


def test_a_run_that_hung_its_process_stays_failed_and_the_others_run(play: Any, instance: Any) -> None:
    """After the process was ended in the middle of its call, only a person starts it again."""

    async def scene(town: Any) -> None:
        write(town, buys=BUYS)
        town.past(*FLAT)
        before = LastResort(town.home.state / "strategy", "strategy", 5.0)
        before.mark.enter("bad")
        (town.home.state / "strategy" / "strategy.hang").write_text(
            'Thread 0x1 (most recent call first):\n  File "/h/strategies/bad.py", line 8 in on_candle\n'
        )
        runs = {name: instance(strategy="buys", timeframe="1m") for name in ("bad", "good")}
        running = await town.service(**runs)
        bad = running.status("bad")
        assert (bad.state, running.status("good").state) == ("FAILED", "RUNNING")
        assert "line 8 in on_candle" in bad.reason
        await running.stop()
        again = await town.service(**runs)
        assert again.status("bad").state == "FAILED"
        await ask(town, SetStrategyRunning(name="bad", running=True, actor="ada"))
        await town.until(lambda: again.status("bad").state == "RUNNING")
        await again.stop()

    play(scene)
