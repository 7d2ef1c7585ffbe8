"""Time-weighted and money-weighted returns, against references by hand and scipy."""

from decimal import Decimal

import pytest
from cryptobot.services.portfolio import performance
from cryptobot.services.portfolio.performance import Point

DAY = 86_400_000


def point(day: float, equity: str, price: str, flow: str = "0") -> Point:
    return Point(int(day * DAY), Decimal(equity), Decimal(flow), Decimal(price))


def test_a_deposit_is_no_profit() -> None:
    """1000 grow to 1100, 1000 come, nothing more happens: 100 earned, 10 % time-weighted."""
    points = [point(0, "1000", "1"), point(1, "2100", "1.1", "1000"), point(2, "2100", "1.1")]

    found = performance.figures(points)

    assert found is not None
    assert (found.profit, found.deposited, found.withdrawn) == (100, 1000, 0)
    assert found.time_weighted == 10
    assert found.annual_time_weighted is None


def test_without_flows_both_returns_are_the_same() -> None:
    """1000 to 1210."""
    found = performance.figures([point(0, "1000", "1"), point(365, "1210", "1.21")])

    assert found is not None
    assert found.time_weighted == 21
    assert found.money_weighted is not None
    assert float(found.money_weighted) == pytest.approx(21)
    assert found.annual_time_weighted is not None
    assert float(found.annual_time_weighted) == pytest.approx(21)


def test_money_that_came_before_a_loss_weighs_more() -> None:
    """Up 50 % with 1000, down 20 % with 10,000: trading made 20 %, the money lost."""
    points = [point(0, "1000", "1"), point(50, "11500", "1.5", "10000"), point(100, "9200", "1.2")]

    found = performance.figures(points)

    assert found is not None
    assert found.time_weighted == 20
    assert found.profit == -1800
    assert found.money_weighted is not None
    assert found.money_weighted < 0


def test_the_money_weighted_return_solves_its_equation() -> None:
    """scipy's root of the same present values."""
    optimize = pytest.importorskip("scipy.optimize")
    points = [
        point(0, "1000", "1"),
        point(20, "1500", "1", "400"),
        point(70, "900", "1", "-700"),
        point(100, "1234", "1"),
    ]
    expected = optimize.brentq(lambda g: 1000 * g + 400 * g**0.8 - 700 * g**0.3 - 1234, 0.1, 10)

    found = performance.money_weighted(points)

    assert found is not None
    assert float(found) == pytest.approx(expected - 1, abs=1e-9)


def test_a_total_loss_and_a_single_point_have_their_answers() -> None:
    """Nothing left is -100 %; one point is no span."""
    found = performance.figures([point(0, "1000", "1"), point(40, "0", "0")])

    assert found is not None
    assert found.time_weighted == -100
    assert found.annual_time_weighted == -100
    assert performance.figures([point(0, "1000", "1")]) is None
