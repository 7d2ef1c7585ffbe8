"""How the money is divided between strategies."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from cryptobot.bus.contracts.trade import Fill
from cryptobot.configs.errors import RequestFailedError
from cryptobot.configs.sections.portfolio import PortfolioSettings
from cryptobot.services.accounting.returns import Window
from cryptobot.services.accounting.subpositions import SubPositions
from cryptobot.services.portfolio import strategies

SYMBOL = "BTC/USDT"
NAMES = ["bold", "calm"]


def fill(ts_ms: int, source: str, side: str, amount: int) -> Fill:
    return Fill(
        id=f"{ts_ms}{source}",
        order_id="o",
        client_order_id="o",
        exchange="paper",
        symbol=SYMBOL,
        side=side,
        price=Decimal(100),
        amount=Decimal(amount),
        cost=Decimal(100 * amount),
        fee=Decimal(0),
        fee_currency="USDT",
        maker=False,
        ts_ms=ts_ms,
        source=source,
    )


def window(closes: list[float]) -> Window:
    found = Window(len(closes), 1000)
    for number, close in enumerate(closes, 1):
        found.add(SYMBOL, number * 1000, close)
    return found


def test_profit_is_that_of_its_own_coins_while_it_held_them() -> None:
    """Bold buys two before the second candle, a stop sells them before the fourth; calm holds one."""
    fills = [fill(500, "calm", "buy", 1), fill(2000, "bold", "buy", 2), fill(3500, "protection", "sell", 3)]

    found = strategies.returns(NAMES, fills, window([100, 110, 105, 120, 130]))

    assert found.tolist() == [[0, 10], [-10, -5], [30, 15], [0, 0]]


def test_a_bolder_strategy_gets_less() -> None:
    """Three times the coins, a third of the money of the other."""
    moves = 100 + np.cumsum(np.random.default_rng(3).normal(0, 1, 60))
    fills = [fill(1, "bold", "buy", 3), fill(2, "calm", "buy", 1)]
    settings = PortfolioSettings(strategy_method="inverse-volatility")

    found = strategies.shares(settings, NAMES, fills, window(moves.tolist()))

    assert found == {"bold": Decimal("0.25"), "calm": Decimal("0.75")}


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"strategy_method": "target", "strategy_targets": {"x": Decimal(1)}}, "names 'x', which is no run"),
        ({"strategy_method": "target"}, r"set portfolio\.strategy_targets"),
        ({"strategy_method": "risk-parity"}, "Only 0 returns"),
    ],
)
def test_what_cannot_be_divided_is_said(settings: dict[str, Any], sentence: str) -> None:
    """One sentence each."""
    with pytest.raises(RequestFailedError, match=sentence):
        strategies.shares(PortfolioSettings(**settings), NAMES, [], window([100.0]))


def test_budgets_are_parts_of_the_equity() -> None:
    """And what is used of them."""
    positions = SubPositions()
    positions.take(fill(1, "bold", "buy", 2))

    bold, calm = strategies.budgets(
        {"bold": Decimal("0.6"), "calm": Decimal("0.4")}, Decimal(1000), positions, {SYMBOL: Decimal(110)}
    )

    assert (bold.budget, bold.used, calm.budget, calm.used) == (600, 220, 400, 0)
