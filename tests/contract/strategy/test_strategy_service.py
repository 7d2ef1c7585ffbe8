"""The strategy service on the bus: decides on finished candles, once, fenced, and remembers."""

import os
from typing import Any

import msgspec
import pytest
from cryptobot.bus.contracts.base import Done
from cryptobot.bus.contracts.strategy import ListStrategies, SetStrategyRunning, Strategies
from cryptobot.configs.errors import RequestFailedError

CROSS = {"fast": 2, "slow": 4}
FALLING = (110.0, 109.0, 108.0, 107.0, 106.0, 105.0)

RAISES = """
from cryptobot import Strategy

class Raises(Strategy):
    def on_candle(self, candle):
        if candle.close > 150:
            return 1 / 0
"""
HANGS = """
from cryptobot import Strategy

class Hangs(Strategy):
    def on_candle(self, candle):
        while candle.close > 150:
            try:
                pass
            except Exception:
                pass
"""
COUNTS = """
from cryptobot import Strategy

class Counts(Strategy):
    def on_start(self):
        self.state.setdefault("seen", 0)

    def on_candle(self, candle):
        self.state["seen"] += 1
        self.log("seen", count=self.state["seen"])

    def on_fill(self, fill):
        self.state["filled"] = str(fill.amount)
"""


def test_a_cross_becomes_a_signal_and_one_intent(play: Any, instance: Any) -> None:
    """The close that crosses makes one signal and one intent, with a fixed id; the past makes none."""

    async def scene(town: Any) -> None:
        town.past(*FALLING, 120.0, 119.0)
        running = await town.service(cross=instance(strategy="ema-cross", timeframe="1m", parameters=CROSS))
        assert town.intents == []
        town.say(0, 90.0)
        town.say(1, 80.0)
        town.say(2, 130.0)
        await town.until(lambda: len(town.signals) == 1 and len(town.intents) == 1)
        intent = town.intents[0]
        expected = f"cross:BTC-USDT:{town.start_ms + 2 * 60_000}:b1"
        assert (expected, "buy", "market", False) == (
            intent.intent_id,
            intent.side,
            intent.type,
            intent.reduce_only,
        )
        assert town.signals[0].intent_id == intent.intent_id
        assert pytest.approx(float(intent.amount * intent.reference_price)) == 9500

        town.say(3, 70.0)
        await town.until(lambda: len(town.intents) == 2)
        assert (town.intents[1].side, town.intents[1].reduce_only, town.position) == ("sell", True, 0)
        await running.stop()

    play(scene)


def test_dust_counts_as_nothing(play: Any, instance: Any) -> None:
    """What rounding left, too little to be sold, is no position: the next cross buys."""

    async def scene(town: Any) -> None:
        town.bought("cross", "0.00000776")
        town.past(*FALLING)
        running = await town.service(cross=instance(strategy="ema-cross", timeframe="1m", parameters=CROSS))
        town.say(0, 130.0)
        await town.until(lambda: len(town.intents) == 1)

        assert town.intents[0].side == "buy"
        await running.stop()

    play(scene)


def test_unfinished_candles_are_never_shown(play: Any, instance: Any) -> None:
    """A forming candle moves no indicator and causes nothing."""

    async def scene(town: Any) -> None:
        town.past(*FALLING, 104.0)
        running = await town.service(cross=instance(strategy="ema-cross", timeframe="1m", parameters=CROSS))
        forming = town.make(0, 500.0)
        town.data.publish("market.candle.paper.BTC-USDT.1m", msgspec.structs.replace(forming, closed=False))
        town.say(0, 103.0)
        await town.until(lambda: running.status("cross").candles == 1)

        assert town.intents == []
        await running.stop()

    play(scene)


def test_a_gap_is_filled_from_data_before_the_later_candle(play: Any, instance: Any) -> None:
    """When a candle was lost on the way, the missing ones are asked for and seen in order."""

    async def scene(town: Any) -> None:
        town.past(*FALLING)
        running = await town.service(cross=instance(strategy="ema-cross", timeframe="1m", parameters=CROSS))
        town.candles.append(town.make(0, 120.0))
        town.candles.append(town.make(1, 121.0))
        town.say(2, 122.0)
        await town.until(lambda: running.status("cross").candles == 3 and len(town.intents) == 1)

        assert town.intents[0].candle_open_ms == town.start_ms
        await running.stop()

    play(scene)


@pytest.mark.parametrize(
    ("text", "told"), [(RAISES, "line 7: ZeroDivisionError"), (HANGS, "did not return within 1 s")]
)
def test_a_strategy_that_raises_or_hangs_stops_alone(play: Any, instance: Any, text: str, told: str) -> None:
    """It becomes FAILED with the reason and an alert; the other strategy trades on."""

    async def scene(town: Any) -> None:
        (town.home.strategies / "bad.py").write_text(text)
        town.past(*FALLING)
        running = await town.service(
            bad=instance(strategy="bad", timeframe="1m"),
            cross=instance(strategy="ema-cross", timeframe="1m", parameters=CROSS),
        )
        town.say(0, 160.0)
        await town.until(lambda: running.status("bad").state == "FAILED" and len(town.intents) == 1)
        await town.until(lambda: bool(town.alerts))
        assert told in running.status("bad").reason
        assert (town.alerts[0].severity, town.alerts[0].title) == ("error", "Strategy bad stopped")

        town.say(1, 50.0)
        await town.until(lambda: len(town.intents) == 2)
        assert running.status("cross").state == "RUNNING"
        await running.stop()

    play(scene)


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ({"strategy": "ema-crss"}, "did you mean 'ema-cross'"),
        ({"strategy": "ema-cross", "parameters": {"fast": 1}}, "must lie between 2 and 500"),
        ({"strategy": "broken"}, "line 1"),
    ],
)
def test_a_run_that_cannot_start_says_why(play: Any, instance: Any, what: dict[str, Any], told: str) -> None:
    """An unknown name, a wrong parameter or a broken file fails that run with a sentence."""

    async def scene(town: Any) -> None:
        (town.home.strategies / "broken.py").write_text("import nothing_like_this\n")
        town.past(*FALLING)
        running = await town.service(run=instance(timeframe="1m", **what))
        assert running.status("run").state == "FAILED"
        assert told in running.status("run").reason
        await running.stop()

    play(scene)


def test_a_denied_wish_is_not_repeated(play: Any, instance: Any) -> None:
    """What trade denies is over; the strategy goes on."""

    async def scene(town: Any) -> None:
        town.refuse = "halted"
        town.past(*FALLING)
        running = await town.service(cross=instance(strategy="ema-cross", timeframe="1m", parameters=CROSS))
        town.say(0, 130.0)
        town.say(1, 131.0)
        await town.until(lambda: running.status("cross").candles == 2)
        assert len(town.intents) == 1
        assert running.status("cross").state == "RUNNING"
        await running.stop()

    play(scene)


def test_death_before_trade_answered_repeats_the_same_wish(play: Any, instance: Any) -> None:
    """Killed while asking, the next life makes the same wish under the same id."""

    async def scene(town: Any) -> None:
        cross = instance(strategy="ema-cross", timeframe="1m", parameters=CROSS)
        town.past(*FALLING)
        running = await town.service(cross=cross)
        town.answers.clear()
        town.say(0, 130.0)
        await town.until(lambda: len(town.signals) == 1)
        await running.die()
        town.answers.set()
        again = await town.service(cross=cross)
        await town.until(lambda: len(town.intents) >= 1 and again.status("cross").state == "RUNNING")
        await town.until(lambda: town.position > 0)

        assert len({intent.intent_id for intent in town.intents}) == 1
        await again.stop()

    play(scene)


def test_death_after_a_settled_candle_repeats_nothing(play: Any, instance: Any) -> None:
    """Killed after a candle was settled, the next life neither repeats its order nor forgets its position."""

    async def scene(town: Any) -> None:
        cross = instance(strategy="ema-cross", timeframe="1m", parameters=CROSS)
        town.past(*FALLING)
        running = await town.service(cross=cross)
        town.say(0, 130.0)
        town.say(1, 131.0)
        await town.until(lambda: running.status("cross").candles == 2)
        await running.die()
        again = await town.service(cross=cross)
        town.say(2, 60.0)
        await town.until(lambda: len(town.intents) == 2)

        assert [intent.side for intent in town.intents] == ["buy", "sell"]
        await again.stop()

    play(scene)


def test_an_exit_missed_while_dead_is_made_late_and_an_entry_is_not(play: Any, instance: Any) -> None:
    """Of the candles that ended long ago only sells are carried out after a restart."""

    async def scene(town: Any) -> None:
        cross = instance(strategy="ema-cross", timeframe="1m", parameters=CROSS)
        town.start_ms -= 60 * 60_000
        town.past(*FALLING)
        running = await town.service(cross=cross)
        town.say(0, 104.0)
        await town.until(lambda: running.status("cross").candles == 1)
        await running.die()
        town.bought("cross", "1")
        town.candles.extend([town.make(1, 130.0), town.make(2, 60.0), town.make(3, 150.0)])
        again = await town.service(cross=cross)
        town.say(4, 151.0)
        await town.until(lambda: again.status("cross").candles >= 4)

        assert [intent.side for intent in town.intents] == ["sell"]
        await again.stop()

    play(scene)


def test_the_authors_state_and_fills_survive(play: Any, instance: Any) -> None:
    """self.state is what it was after the last settled candle; on_fill is told of own executions."""

    async def scene(town: Any) -> None:
        (town.home.strategies / "counts.py").write_text(
            COUNTS.replace(
                'self.log("seen"', 'self.buy(1) if candle.close > 105 else None\n        self.log("seen"'
            )
        )
        counts = instance(strategy="counts", timeframe="1m")
        town.past(*FALLING)
        running = await town.service(counts=counts)
        for index, close in enumerate((101.0, 106.0, 102.0)):
            town.say(index, close)
        await town.until(lambda: running.status("counts").candles == 3)
        await running.die()
        again = await town.service(counts=counts)
        town.say(3, 103.0)
        await town.until(lambda: again.status("counts").candles == 1)

        assert again.service._runners["counts"]._strategy.state == {"seen": 4, "filled": "1.000000000000"}
        await again.stop()

    play(scene)


def test_a_full_disk_does_not_stop_trading(play: Any, instance: Any, monkeypatch: Any) -> None:
    """When its memory cannot be written, a strategy goes on deciding."""

    def full(*_anything: Any, **_more: Any) -> None:
        raise OSError(28, "No space left on device")

    async def scene(town: Any) -> None:
        town.past(*FALLING)
        running = await town.service(cross=instance(strategy="ema-cross", timeframe="1m", parameters=CROSS))
        monkeypatch.setattr("cryptobot.configs.files.replace", full)
        town.say(0, 130.0)
        town.say(1, 60.0)
        await town.until(lambda: [intent.side for intent in town.intents] == ["buy", "sell"])

        assert running.status("cross").state == "RUNNING"
        await running.stop()

    play(scene)


def test_an_edited_file_is_taken_between_candles(play: Any, instance: Any) -> None:
    """A changed file runs from the next candle on with the state of the old one; a broken one is refused."""

    async def scene(town: Any) -> None:
        file = town.home.strategies / "counts.py"
        file.write_text(COUNTS)
        town.past(*FALLING)
        running = await town.service(counts=instance(strategy="counts", timeframe="1m"))
        town.say(0, 101.0)
        await town.until(lambda: running.status("counts").candles == 1)
        file.write_text(COUNTS.replace("+= 1", "+= 10"))
        os.utime(file, ns=(1, 1))
        town.say(1, 102.0)
        await town.until(lambda: running.status("counts").candles == 2)
        file.write_text("class Broken(:\n")
        os.utime(file, ns=(2, 2))
        town.say(2, 103.0)
        await town.until(lambda: running.status("counts").candles == 3 and bool(town.alerts))

        assert running.service._runners["counts"]._strategy.state["seen"] == 21
        assert running.status("counts").state == "RUNNING"
        assert "line 1: invalid syntax" in town.alerts[0].detail
        await running.stop()

    play(scene)


def test_a_person_stops_and_starts_a_strategy(play: Any, instance: Any) -> None:
    """Stopped by a person it sees nothing, stays stopped over a restart, and starts anew without the past."""

    async def scene(town: Any) -> None:
        cross = instance(strategy="ema-cross", timeframe="1m", parameters=CROSS)
        town.past(*FALLING)
        running = await town.service(cross=cross)

        async def ask(wish: bool) -> Done:
            return await town.viewer.request(
                "strategy", SetStrategyRunning(name="cross", running=wish, actor="ann"), Done
            )

        assert "is stopped" in (await ask(False)).message
        town.say(0, 130.0)
        await running.stop()
        again = await town.service(cross=cross)
        assert (
            again.status("cross").state,
            again.status("cross").reason,
        ) == ("STOPPED", "stopped by a person")
        assert "starts" in (await ask(True)).message
        await town.until(lambda: again.status("cross").state == "RUNNING")
        town.say(1, 131.0)
        await town.until(lambda: again.status("cross").candles == 1)

        assert town.intents == []
        with pytest.raises(RequestFailedError, match="there are cross"):
            await town.viewer.request(
                "strategy", SetStrategyRunning(name="crss", running=True, actor="ann"), Done
            )
        await again.stop()

    play(scene)


def test_strategies_are_listed(play: Any, instance: Any) -> None:
    """A screen gets what runs, with parameters and state, and the names of what could."""

    async def scene(town: Any) -> None:
        town.past(*FALLING)
        running = await town.service(
            cross=instance(strategy="ema-cross", timeframe="1m", parameters=CROSS),
            later=instance(strategy="ema-cross", timeframe="1m", enabled=False),
        )
        listed = await town.viewer.request("strategy", ListStrategies(), Strategies)
        states = {status.name: status.state for status in listed.strategies}

        assert states == {"cross": "RUNNING", "later": "STOPPED"}
        assert listed.strategies[0].parameters == {"fast": "2", "slow": "4", "fraction": "0.95"}
        assert "ema-cross" in listed.available
        await running.stop()

    play(scene)


def test_too_little_history_waits(play: Any, instance: Any) -> None:
    """Without enough candles a run is WARMING_UP and decides nothing until it has them."""

    async def scene(town: Any) -> None:
        town.past(100.0)
        running = await town.service(cross=instance(strategy="ema-cross", timeframe="1m", parameters=CROSS))
        assert running.status("cross").state == "WARMING_UP"
        for index in range(4):
            town.say(index, 100.0 + index)
        await town.until(lambda: running.status("cross").candles == 4)
        assert running.status("cross").state == "RUNNING"
        await running.stop()

    play(scene)
