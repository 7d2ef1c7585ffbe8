"""The gate before real money: a strategy whose newest trust score is red does not start on a real exchange.

`cryptobot backtest trust` makes the score. A person who knows better says why in the settings
(`strategy.instances.NAME.despite_red`), and each such start is audited.
"""

import re
from typing import NamedTuple

from ...configs.accounts import venue_of
from ...configs.paths import Home
from ...configs.schema import Settings, StrategyInstance
from ...configs.trust import Verdict, read

PAPER = r"paper(-[2-9])?"


class Judgement(NamedTuple):
    """What the gate says: `refusal` keeps the strategy from starting, `override` is audited."""

    refusal: str = ""
    override: str = ""


def judge(home: Home, settings: Settings, name: str, instance: StrategyInstance, symbol: str) -> Judgement:
    """May this run start?"""
    venue = venue_of(settings, instance.account)
    if re.fullmatch(PAPER, venue) or instance.mode != "live" or not settings.backtest.live_gate:
        return Judgement()
    found = read(home, instance.strategy, symbol)
    if found is None or found.colour != "red":
        return Judgement()
    if instance.despite_red:
        return Judgement(override=f"trust {found.score} of 100 is red; {instance.despite_red}")
    return Judgement(refusal=_sentence(name, found))


def _sentence(name: str, found: Verdict) -> str:
    first = found.reasons[0] if found.reasons else "no reason was kept"
    return (
        f"its trust score is red ({found.score} of 100; {first}). Mend it and run `cryptobot backtest trust "
        f"{found.strategy}` again, or say why it may trade in strategy.instances.{name}.despite_red"
    )
