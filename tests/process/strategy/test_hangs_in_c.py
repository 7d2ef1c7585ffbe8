"""A strategy that hangs inside C code, where no signal reaches it, is ended; the others run on."""

import asyncio
from typing import Any

import pytest
from cryptobot.bus.contracts.strategy import ListStrategies, Strategies
from cryptobot.configs import snapshot
from cryptobot.configs.errors import BusError
from cryptobot.configs.schema import Settings, StrategyInstance, StrategySettings

DEADLINE_S = 90.0
HANGS = """
import itertools

from cryptobot import Strategy

class Hangs(Strategy):
    def on_candle(self, candle):
        sum(itertools.repeat(0))
"""


@pytest.mark.timeout(240)
async def test_only_the_run_that_hung_stays_down(line: Any) -> None:
    """Its process ends itself; in the next life the other run trades, this one is FAILED with the place."""
    (line.home.strategies / "hangs.py").write_text(HANGS)
    runs = {"bad": StrategyInstance(strategy="hangs"), "good": StrategyInstance(strategy="ema-cross")}
    snapshot.write(line.home, Settings(strategy=StrategySettings(instances=runs, call_timeout_s=0.5)))
    line.start("bus", "paper", "data", "trade", "strategy")
    await line.open()

    code = await asyncio.to_thread(line.processes["strategy"].wait, DEADLINE_S)
    assert code == 1
    line.start("strategy")
    found = await _statuses(line)

    assert found["bad"].state == "FAILED"
    assert "line 8 in on_candle" in found["bad"].reason
    assert found["good"].state in ("RUNNING", "WARMING_UP")


async def _statuses(line: Any) -> dict[str, Any]:
    async with asyncio.timeout(DEADLINE_S):
        while True:
            try:
                reply = await line.bus.request("strategy", ListStrategies(), Strategies, timeout_s=2.0)
            except BusError:
                continue
            return {one.name: one for one in reply.strategies}
