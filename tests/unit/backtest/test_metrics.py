"""Figures equal empyrical's."""

import numpy as np
import pytest
from cryptobot.services.backtest.metrics import daily_returns, drawdown, figures
from cryptobot.services.data.columns import Columns

DAY = 86_400_000


def curve(days: int, seed: int = 1) -> tuple[Columns, np.ndarray]:
    """Hourly candles and an equity that wanders."""
    random = np.random.default_rng(seed)
    times = np.arange(days * 24, dtype=np.int64) * 3_600_000
    price = 100 * np.exp(np.cumsum(random.normal(0.0001, 0.01, len(times))))
    candles = Columns(times, price, price, price, price, price)
    return candles, 1000 * np.exp(np.cumsum(random.normal(0.0002, 0.004, len(times))))


@pytest.mark.parametrize("seed", range(5))
def test_figures_are_those_of_empyrical(seed: int) -> None:
    """Sharpe, Sortino, drawdown, volatility, annual return and Calmar agree with empyrical."""
    empyrical = pytest.importorskip("empyrical", reason="empyrical-reloaded is not installed")
    candles, equity = curve(200, seed)
    found = figures(candles, 0, equity, [], [])
    returns = daily_returns(candles.open_ms, equity)

    assert found["sharpe"] == pytest.approx(empyrical.sharpe_ratio(returns, annualization=365))
    assert found["sortino"] == pytest.approx(empyrical.sortino_ratio(returns, annualization=365))
    assert found["annual_return"] == pytest.approx(empyrical.annual_return(returns, annualization=365))
    assert found["annual_volatility"] == pytest.approx(
        empyrical.annual_volatility(returns, annualization=365)
    )
    assert found["total_return"] == pytest.approx(empyrical.cum_returns_final(returns))
    hourly = np.concatenate(([0.0], equity[1:] / equity[:-1] - 1))
    assert found["max_drawdown"] == pytest.approx(empyrical.max_drawdown(hourly))
    expected = found["annual_return"] / -found["max_drawdown"]
    assert found["calmar"] == pytest.approx(expected)


def test_a_day_ends_at_midnight_utc() -> None:
    """The return of a day goes from the last close of the day before to its own last close."""
    times = np.array([0, DAY // 2, DAY, DAY + DAY // 2, 2 * DAY], dtype=np.int64)

    assert pytest.approx(
        daily_returns(times, np.array([100.0, 110.0, 165.0, 220.0, 330.0])).tolist()
    ) == [0.1, 1.0, 0.5]


def test_drawdown_is_the_distance_from_the_height() -> None:
    """Each value is compared with the highest before it."""
    assert drawdown(np.array([2.0, 1.0, 4.0, 3.0])).tolist() == [0.0, -0.5, 0.0, -0.25]


def test_a_short_run_has_no_yearly_figures() -> None:
    """Ratios that need days are None when there are none."""
    candles, equity = curve(1)
    found = figures(candles, 0, equity[:24], [], [])

    assert found["sharpe"] is None
    assert found["win_rate"] is None
