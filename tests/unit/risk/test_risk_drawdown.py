"""Losses of a day and of all time; money from outside is neither profit nor loss."""

from datetime import UTC
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from cryptobot.configs.errors import StartError
from cryptobot.services.risk import drawdown
from hypothesis import given
from hypothesis import strategies as st

DAY, NEXT = "2026-11-22", "2026-11-23"
ZERO = Decimal(0)


def test_a_loss_counts_from_the_start_of_the_day_or_from_its_best() -> None:
    """1000, 1100, 990: one percent below the start, ten below the best."""
    marks = drawdown.begun(Decimal(1000), DAY)
    for equity in (1100, 990):
        marks = drawdown.advanced(marks, Decimal(equity), ZERO, DAY)

    assert drawdown.daily_loss(marks, "start") == 1
    assert drawdown.daily_loss(marks, "peak") == 10
    assert drawdown.total_loss(marks) == 10


def test_a_withdrawal_is_no_drawdown() -> None:
    """Nine tenths are taken out."""
    marks = drawdown.begun(Decimal(1000), DAY)

    marks = drawdown.advanced(marks, Decimal(100), Decimal(-900), DAY)

    assert (drawdown.daily_loss(marks, "start"), drawdown.total_loss(marks)) == (0, 0)


def test_a_deposit_does_not_hide_a_loss() -> None:
    """Half is lost while as much comes in."""
    marks = drawdown.begun(Decimal(1000), DAY)

    marks = drawdown.advanced(marks, Decimal(1000), Decimal(500), DAY)

    assert drawdown.total_loss(marks) == 50


def test_a_new_day_begins_where_the_old_one_ended() -> None:
    """What is lost over midnight belongs to the new day; the best of all time stays."""
    marks = drawdown.begun(Decimal(1000), DAY)
    marks = drawdown.advanced(marks, Decimal(900), ZERO, DAY)

    marks = drawdown.advanced(marks, Decimal(810), ZERO, NEXT)

    assert drawdown.daily_loss(marks, "start") == 10
    assert drawdown.total_loss(marks) == 19


def test_after_days_away_the_day_begins_now() -> None:
    """An old price is no yesterday's."""
    marks = drawdown.begun(Decimal(1000), DAY)

    marks = drawdown.advanced(marks, Decimal(900), ZERO, "2026-12-01")

    assert drawdown.daily_loss(marks, "start") == 0
    assert drawdown.total_loss(marks) == 10


def test_a_person_accepts_the_losses() -> None:
    """After re-arming they count from now."""
    marks = drawdown.advanced(drawdown.begun(Decimal(1000), DAY), Decimal(800), ZERO, DAY)

    marks = drawdown.rearmed(marks)

    assert (drawdown.daily_loss(marks, "start"), drawdown.total_loss(marks)) == (0, 0)


def test_a_day_begins_at_midnight_in_its_zone() -> None:
    """23:30 UTC is tomorrow in Berlin."""
    late = 1_795_390_200_000  # 2026-11-22 23:30 UTC

    assert drawdown.day_of(late, UTC) == DAY
    assert drawdown.day_of(late, ZoneInfo("Europe/Berlin")) == NEXT


def test_an_unknown_zone_is_named() -> None:
    """The sentence says what to write."""
    with pytest.raises(StartError, match=r"risk\.day_zone is 'Mars/Base'.*Europe/Berlin"):
        drawdown.zone_of("Mars/Base")


@given(
    st.lists(st.tuples(st.decimals("-0.3", "0.3", places=3), st.integers(-500, 500)), min_size=1, max_size=20)
)
def test_a_loss_is_what_trading_lost_whatever_flows(steps: list[tuple[Decimal, int]]) -> None:
    """The total loss equals that of the product of the growths, with flows in between."""
    equity, product, best = Decimal(100_000), Decimal(1), Decimal(1)
    marks = drawdown.begun(equity, DAY)
    for growth, flow in steps:
        equity = equity * (1 + growth) + flow
        product *= 1 + growth
        best = max(best, product)
        marks = drawdown.advanced(marks, equity, Decimal(flow), DAY)

    assert abs(drawdown.total_loss(marks) - (best - product) / best * 100) < Decimal("1e-9")
