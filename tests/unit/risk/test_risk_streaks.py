"""Pauses that follow from the trades that ended."""

from decimal import Decimal

from cryptobot.configs.sections.risk import RiskSettings
from cryptobot.services.accounting.subpositions import ClosedTrade
from cryptobot.services.risk import streaks
from hypothesis import given
from hypothesis import strategies as st

HOUR = 3_600_000


def trade(
    hour: float, profit: int, *, owner: str = "a", symbol: str = "BTC/USDT", stopped: bool = False
) -> ClosedTrade:
    return ClosedTrade(
        owner=owner,
        symbol=symbol,
        opened_ms=0,
        closed_ms=int(hour * HOUR),
        cost=Decimal(100),
        proceeds=Decimal(100 + profit),
        stopped=stopped,
    )


def found(trades: list[ClosedTrade], hour: float, *, lifted: float = 0, **settings: object) -> list[str]:
    """`code:name` of each pause in force."""
    chosen = RiskSettings(**{"losing_streak": 0, "stop_streak": 0, **settings})  # type: ignore[arg-type]
    blocks = streaks.blocks(trades, chosen, int(hour * HOUR), int(lifted * HOUR))
    return [f"{block.code}:{block.name}" for block in blocks]


def test_losses_in_a_row_pause_one_strategy_in_one_market() -> None:
    """The third loss in a row; the other strategy goes on."""
    trades = [trade(1, 5), trade(2, -1), trade(3, -1), trade(3.5, 9, owner="b"), trade(4, -1)]

    assert found(trades, 4.5, losing_streak=3) == ["losing_streak:a"]
    assert found(trades[:-1], 4.5, losing_streak=3) == []


def test_a_win_ends_a_streak() -> None:
    """Two losses, a win, a loss."""
    assert found([trade(1, -1), trade(2, -1), trade(3, 1), trade(4, -1)], 4.1, losing_streak=2) == []


def test_a_pause_ends_by_itself() -> None:
    """An hour after the last loss."""
    trades = [trade(1, -1), trade(2, -1)]

    assert found(trades, 2.9, losing_streak=2) == ["losing_streak:a"]
    assert found(trades, 3.1, losing_streak=2) == []


def test_a_person_ends_a_pause() -> None:
    """What came before does not count any more."""
    trades = [trade(1, -1), trade(2, -1)]

    assert found(trades, 2.5, lifted=2.2, losing_streak=2) == []


def test_stops_pause_a_market_for_everybody() -> None:
    """Two strategies were stopped out of one market; a stop in profit is no loss."""
    trades = [
        trade(1, -1, stopped=True),
        trade(1.2, 3, stopped=True),
        trade(1.5, -1, owner="b", stopped=True),
        trade(1.6, -1, symbol="ETH/USDT", stopped=True),
    ]

    assert found(trades, 2, stop_streak=2) == ["stop_streak:BTC/USDT"]
    assert found(trades, 2, stop_streak_global=3) == ["stop_streak_global:"]


def test_old_stops_do_not_count() -> None:
    """Beyond the window."""
    trades = [trade(1, -1, stopped=True), trade(30, -1, stopped=True)]

    assert found(trades, 30.5, stop_streak=2) == []


def test_a_market_rests_after_each_trade() -> None:
    """Won or lost."""
    assert found([trade(1, 5)], 1.1, cooldown_s=600.0) == ["cooldown:BTC/USDT"]
    assert found([trade(1, 5)], 1.2, cooldown_s=600.0) == []


def test_losses_everywhere_pause_everything() -> None:
    """Of several strategies in several markets."""
    trades = [trade(1, -1), trade(2, -1, owner="b"), trade(3, -1, symbol="ETH/USDT")]

    assert found(trades, 3.5, losing_streak_global=3) == ["losing_streak_global:"]


def test_every_pause_has_a_sentence_that_names_its_setting() -> None:
    """What happened, how long, and which setting it was."""
    trades = [trade(1, -1, stopped=True), trade(1.5, -1, stopped=True)]
    chosen = RiskSettings(losing_streak=2, losing_streak_global=2, stop_streak=2, stop_streak_global=2)
    blocks = streaks.blocks(trades, chosen, 2 * HOUR, 0)

    assert len(blocks) == 4
    for block in blocks:
        assert block.sentence.endswith(".")
        assert f"risk.{block.code}" in block.sentence


@given(st.lists(st.integers(-3, 3), max_size=40), st.integers(1, 5))
def test_a_streak_is_the_tail_of_losses(profits: list[int], limit: int) -> None:
    """Paused exactly when the last `limit` trades were losses."""
    trades = [trade(number / 1000, profit) for number, profit in enumerate(profits, 1)]
    tail = profits[-limit:]
    expected = len(tail) == limit and all(profit < 0 for profit in tail)

    assert bool(found(trades, len(profits) / 1000, losing_streak=limit)) == expected
