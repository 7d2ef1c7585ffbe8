"""What is trusted, what is not, and what that keeps from going live."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from cryptobot import Strategy, cross_down, cross_up, ema
from cryptobot.configs import trust as verdicts
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import DataSettings, Settings, StrategyInstance
from cryptobot.services.backtest.check import sample
from cryptobot.services.backtest.run import Request
from cryptobot.services.backtest.trust import RED, Reason, _verdict, deflated_sharpe, trust
from cryptobot.services.backtest.world import Rules
from cryptobot.services.strategy.builtin.ema_cross import EmaCross
from cryptobot.services.strategy.golive import judge
from cryptobot.services.strategy.service import StrategyService


def judged(owner: type[Strategy]) -> Any:
    request = Request("x", None, {}, Rules(warmup=300, lot=Decimal("0.00001")))
    return trust(request, owner, sample(1800), 10, lambda done, all_: None)


def test_a_sound_strategy_gets_points_for_each_reason() -> None:
    """Every part is there, and the score is their weighted share."""
    found = judged(EmaCross)
    names = {reason.name for reason in found.reasons}

    assert {"prefix invariance", "costs", "neighbourhood", "walk-forward", "deflated Sharpe"} <= names
    assert not any(reason.fatal for reason in found.reasons)
    assert found.score == round(
        100 * sum(one.points for one in found.reasons) / sum(one.weight for one in found.reasons)
    )


def test_a_verdict_can_be_kept_whatever_its_points_are() -> None:
    """Points of NumPy's types, which some reasons bring, are plain numbers in it."""
    found = _verdict([Reason("luck", np.float64(7.25), 10, "as it came")], {})

    kept = json.loads(msgspec.json.encode([found.score, found.reasons[0].points]))
    assert kept == [72, 7.25]


def test_who_remembers_the_future_is_red() -> None:
    """A strategy that keeps values between runs acts otherwise on cut data, and is red whatever it earns."""
    memory: dict[int, float] = {}

    class Peeks(Strategy):
        rise = cross_up(ema(3), ema(8))
        fall = cross_down(ema(3), ema(8))

        def on_candle(self, candle: Any) -> None:
            later = memory.get(candle.open_ms + 3_600_000 * 5)
            memory[candle.open_ms] = candle.close
            if later is not None and later > candle.close and not self.position:
                self.buy()
            elif self.position and self.fall:
                self.close()

    found = judged(Peeks)

    assert found.colour == RED
    assert any(reason.fatal for reason in found.reasons)


def test_the_deflated_sharpe_falls_with_the_number_of_tries() -> None:
    """One try of a good strategy convinces; the best of a thousand like it does not."""
    returns = np.random.default_rng(3).normal(0.001, 0.01, 500)
    one, many = (deflated_sharpe(returns, trials, ()) for trials in (1, 1000))

    assert one is not None and many is not None
    assert one > 0.95 > many


def test_the_deflated_sharpe_is_the_papers() -> None:
    """The worked example of Bailey and López de Prado (2014): 100 tries with variance 1/2 a year, 1250 days,
    a yearly ratio of 2.5, skewness -3 and kurtosis 10 give 0.9004.
    """
    random = np.random.default_rng(1)
    returns = with_moments(random.normal(size=1250), sharpe=2.5 / 250**0.5, skew=-3.0, kurtosis=10.0)
    tries = np.sqrt(0.5 / 250) * np.array([-1.0, 1.0]) / 2**0.5

    assert deflated_sharpe(returns, 100, tries.tolist()) == pytest.approx(0.9004, abs=0.004)


def with_moments(_: Any, sharpe: float, skew: float, kurtosis: float) -> Any:
    """A sample of 1250 values with these moments: three values, in the right shares."""
    # Three points a < b < c with probabilities that give mean 0, variance 1 and the two moments.
    best, found = 1e9, None
    for low in np.linspace(-6, -2, 81):
        for high in np.linspace(0.1, 2, 77):
            share = (1.0 / (low * (low - high)), 1.0 / (high * (high - low)))
            rest = 1 - sum(share)
            if min(*share, rest) < 0:
                continue
            third = share[0] * low**3 + share[1] * high**3
            fourth = share[0] * low**4 + share[1] * high**4
            miss = abs(third - skew) + abs(fourth - kurtosis)
            if miss < best:
                best, found = miss, (low, high, share)
    assert found is not None
    low, high, share = found
    counts = [round(1250 * part) for part in share]
    values = np.concatenate((np.full(counts[0], low), np.full(counts[1], high), np.zeros(1250 - sum(counts))))
    values = (values - values.mean()) / values.std(ddof=1)
    return values + sharpe


def settings(exchange: str = "binance") -> Settings:
    return Settings(data=DataSettings(exchange=exchange))


def leave(home: Home, colour: str) -> None:
    verdict = verdicts.Verdict(
        strategy="mine", symbol="BTC/USDT", colour=colour, score=12, made_ms=1, reasons=["costs: none left"]
    )
    verdicts.write(home, verdict)


@pytest.mark.parametrize(
    ("colour", "exchange", "mode", "refused"),
    [
        ("red", "binance", "live", True),
        ("red", "paper", "live", False),
        ("red", "binance", "dry", False),
        ("yellow", "binance", "live", False),
        ("", "binance", "live", False),
    ],
)
def test_red_keeps_a_strategy_from_a_real_exchange(
    tmp_path: Path, colour: str, exchange: str, mode: Any, refused: bool
) -> None:
    """Only red, only live, only where real money is."""
    home = Home(tmp_path)
    if colour:
        leave(home, colour)
    found = judge(home, settings(exchange), "one", StrategyInstance(strategy="mine", mode=mode), "BTC/USDT")

    assert bool(found.refusal) == refused
    assert not refused or "costs: none left" in found.refusal


def test_a_person_may_say_why_it_trades_all_the_same(tmp_path: Path) -> None:
    """The reason in the settings lets it start, and is what the audit log gets."""
    home = Home(tmp_path)
    leave(home, "red")
    instance = StrategyInstance(strategy="mine", despite_red="I watch it myself")
    found = judge(home, settings(), "one", instance, "BTC/USDT")

    assert found.refusal == ""
    assert "I watch it myself" in found.override


class Told:
    """Stands where the bus and a runner stand, and remembers what it was told."""

    def __init__(self) -> None:
        self.audits: list[Any] = []
        self.failed = ""

    def publish(self, _topic: str, message: Any) -> None:
        self.audits.append(message)

    def fail(self, reason: str) -> None:
        self.failed = reason


@pytest.mark.parametrize(("despite", "starts"), [("", False), ("I watch it myself", True)])
def test_the_strategy_service_asks_the_gate_and_audits(tmp_path: Path, despite: str, starts: bool) -> None:
    """A refusal fails the run with the sentence, an override lets it start; both are in the audit log."""
    home, told = Home(tmp_path), Told()
    leave(home, "red")
    service: Any = object.__new__(StrategyService)
    service.home, service.settings, service.bus = home, settings(), told
    instance = StrategyInstance(strategy="mine", despite_red=despite)
    service._instances = lambda: {"one": (instance, "BTC/USDT")}

    assert service._may_start("one", told) is starts
    assert bool(told.failed) is not starts
    assert [(one.subject, one.ok) for one in told.audits] == [("one", starts)]
