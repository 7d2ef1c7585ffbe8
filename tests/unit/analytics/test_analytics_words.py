"""What `cryptobot analytics show` prints of an answer."""

from decimal import Decimal
from pathlib import Path

import pytest
from cryptobot.bus.contracts.analytics import Contribution, Performance, TradeGroup
from cryptobot.supervisor.cli.app import execute
from cryptobot.supervisor.cli.commands import analytics_show

GROUP = TradeGroup(
    name="ema", trades=4, wins=3, profit=Decimal("12.5"), fees=Decimal("1.25"), volume=Decimal(1000),
    best=Decimal(9), worst=Decimal("-2.5"), profit_factor=6.0, average_hours=2.25,
)  # fmt: skip
MADE = Contribution(
    strategy="ema", symbol="BTC/USDT", profit=Decimal("12.5"), realised=Decimal(10),
    unrealised=Decimal("2.5"), part=0.0125,
)  # fmt: skip
ANSWER = Performance(
    from_ms=0, to_ms=1, currency="USDT", start_equity=Decimal(1000), end_equity=Decimal("1012.5"),
    flows=Decimal(0), profit=Decimal("12.5"), fees=Decimal("1.25"),
    figures={"total_return": 0.0125, "sharpe": 1.5, "max_drawdown": -0.02}, benchmark="BTC/USDT",
    against={"benchmark_return": 0.01}, times_ms=[], curve=[], held=[], fallen=[], days=[], months=[],
    falls=[], groups={"strategy": [GROUP], "hour": []}, contributions=[MADE], unexplained=Decimal(0), note="",
)  # fmt: skip


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    """The command's lines on stdout, asked of an analytics service that gives ANSWER."""
    monkeypatch.setattr(analytics_show, "ask_addon", lambda *_words, **_more: ANSWER)

    def lines(*words: str) -> list[str]:
        assert execute(str(tmp_path), ["analytics", "show", *words]) == 0
        return [line.rstrip() for line in capsys.readouterr().out.splitlines()]

    return lines


def test_figures_stand_beside_those_of_the_market(show) -> None:  # type: ignore[no-untyped-def]
    """Percent where it is one, nothing where it cannot be told, then who made it."""
    told = [" ".join(line.split()) for line in show()]

    assert told[1] == "return 1.25 % 1.00 %"
    assert "sharpe 1.50" in told
    assert "sortino" in told
    assert told[-2:] == ["STRATEGY MARKET PROFIT REALISED OPEN", "ema BTC/USDT +12.50 +10.00 +2.50"]


def test_closed_trades_by_what_they_share(show) -> None:  # type: ignore[no-untyped-def]
    """A line a group in place of the figures; nothing on stdout where no trade was closed."""
    told = [" ".join(line.split()) for line in show("--by", "strategy")]

    assert told == [
        "WHO TRADES WON PROFIT FEES BEST WORST HOURS HELD",
        "ema 4 75 % +12.50 1.25 +9.00 -2.50 2.2",
    ]
    assert show("--by", "hour") == []
