"""Value at risk and expected shortfall against scipy and a reference by hand."""

import numpy as np
import pytest
from cryptobot.services.risk import tails

stats = pytest.importorskip("scipy.stats")
RANDOM = np.random.default_rng(7)


def test_historical_figures_by_hand() -> None:
    """Losses 1..100 at 95 %: the five worst are 96..100; VaR is the next one, ES their mean."""
    found = tails.historical(np.arange(1.0, 101.0), 0.95)

    assert found == (95.0, 98.0)


def test_a_tail_that_is_no_whole_number_counts_a_part() -> None:
    """30 losses at 95 %: a tail of 1.5 outcomes is (30 + 29 / 2) / 1.5."""
    found = tails.historical(np.arange(1.0, 31.0), 0.95)

    assert found is not None
    assert found[0] == 29.0
    assert found[1] == pytest.approx((30 + 0.5 * 29) / 1.5)


def test_historical_value_at_risk_is_an_order_statistic_of_scipy() -> None:
    """The lower quantile of the losses, as numpy's inverted_cdf of the upper tail tells it."""
    losses = RANDOM.standard_t(4, 999)

    found = tails.historical(losses, 0.99)

    assert found is not None
    assert found[0] == pytest.approx(np.quantile(losses, 0.99, method="inverted_cdf"))


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99, 0.995])
def test_normal_figures_equal_scipy(confidence: float) -> None:
    """VaR is the quantile; ES is the mean beyond it, by scipy's integration."""
    at_risk, shortfall = tails.normal(0.3, 2.0, confidence)
    loss = stats.norm(loc=-0.3, scale=2.0)

    assert at_risk == pytest.approx(loss.ppf(confidence))
    assert shortfall == pytest.approx(loss.expect(lb=loss.ppf(confidence), conditional=True), rel=1e-6)


def test_parametric_figures_come_from_mean_and_deviation() -> None:
    """Two assets, one held twice: the same as scipy's normal of the portfolio's own series."""
    returns = RANDOM.normal(0.001, 0.02, (250, 2))
    values = np.array([1000.0, 2000.0])
    series = returns @ values

    found = tails.parametric(returns, values, 0.95, 4)

    expected = stats.norm.ppf(0.95) * series.std(ddof=1) * 2 - 4 * series.mean()
    assert found is not None
    assert found[0] == pytest.approx(expected)


def test_historical_comes_near_to_parametric_for_normal_returns() -> None:
    """Two estimates of one distribution."""
    returns = RANDOM.normal(0, 0.02, (20_000, 1))
    values = np.array([1000.0])

    one = tails.historical(tails.losses(returns, values, 1), 0.95)
    other = tails.parametric(returns, values, 0.95, 1)

    assert one is not None
    assert one == pytest.approx(other, rel=0.05)


def test_losses_of_a_longer_horizon_compound() -> None:
    """Two candles of +10 % are +21 %: a loss of minus 21."""
    found = tails.losses(np.array([[0.1], [0.1]]), np.array([100.0]), 2)

    assert found == pytest.approx([-21.0])


def test_too_few_outcomes_say_nothing() -> None:
    """19 are not enough."""
    assert tails.historical(np.arange(19.0), 0.95) is None
    assert tails.parametric(np.zeros((19, 1)), np.array([1.0]), 0.95, 1) is None
