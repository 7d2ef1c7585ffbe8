"""Figures equal empyrical's."""

from decimal import Decimal

import numpy as np
import pytest
from cryptobot.services.accounting.series import daily_returns, drawdown
from cryptobot.services.backtest.books import Books
from cryptobot.services.backtest.metrics import figures
from cryptobot.services.data.columns import Columns

DAY = 86_400_000
NONE = Books(Decimal(1000), {"": Decimal(0)}, list)


def curve(days: int, seed: int = 1) -> tuple[Columns, np.ndarray]:
    """Hourly candles and an equity that wanders."""
    random = np.random.default_rng(seed)
    times = np.arange(days * 24, dtype=np.int64) * 3_600_000
    price = 100 * np.exp(np.cumsum(random.normal(0.0001, 0.01, len(times))))
    candles = Columns(times, price, price, price, price, price)
    return candles, 1000 * np.exp(np.cumsum(random.normal(0.0002, 0.004, len(times))))


# Sharpe, Sortino, annual return and volatility, total return, worst drawdown of `curve(200, seed)`, made by
# empyrical-reloaded 0.7.1 with 365 days a year. It is not installed here: it holds peewee back at 3.17.3.
EMPYRICAL = [
    (6.209216160332131, 11.57445968235073, 11.481819572604808, 0.4221486888107984, 2.987495623798812,
     -0.11992119428989727),
    (3.5774179631942076, 5.98232299113346, 2.555440619868574, 0.3746349295189625, 1.0038232603722594,
     -0.148363342221606),
    (7.880645391075418, 15.85968775095124, 19.0736103224252, 0.39178841641795614, 4.1732967531496294,
     -0.09694222765075568),
    (4.782710538365195, 8.44195695795675, 4.916897477711139, 0.3882192584056857, 1.6488979654326887,
     -0.1336538921492365),
    (7.226577839013272, 14.28037525632062, 13.032388493874862, 0.37650259950313486, 3.2517259147808666,
     -0.11900163316131987),
]  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_figures_are_those_of_empyrical(seed: int) -> None:
    """Sharpe, Sortino, yearly return and volatility, total return and drawdown agree with empyrical."""
    candles, equity = curve(200, seed)
    found = figures(candles, 0, equity, NONE)
    names = ("sharpe", "sortino", "annual_return", "annual_volatility", "total_return", "max_drawdown")

    assert EMPYRICAL[seed] == pytest.approx(tuple(found[name] for name in names))
    assert found["annual_return"] / -found["max_drawdown"] == pytest.approx(found["calmar"])


def test_a_day_ends_at_midnight_utc() -> None:
    """The return of a day goes from the last close of the day before to its own last close."""
    times = np.array([0, DAY // 2, DAY, DAY + DAY // 2, 2 * DAY], dtype=np.int64)

    assert pytest.approx(daily_returns(times, np.array([100.0, 110.0, 165.0, 220.0, 330.0])).tolist()) == [
        0.1,
        1.0,
        0.5,
    ]


def test_drawdown_is_the_distance_from_the_height() -> None:
    """Each value is compared with the highest before it."""
    assert drawdown(np.array([2.0, 1.0, 4.0, 3.0])).tolist() == [0.0, -0.5, 0.0, -0.25]


def test_a_short_run_has_no_yearly_figures() -> None:
    """Ratios that need days are None when there are none."""
    candles, equity = curve(1)
    found = figures(candles, 0, equity[:24], NONE)

    assert found["sharpe"] is None
    assert found["win_rate"] is None


@pytest.mark.parametrize("seed", range(5, 9))
def test_figures_are_those_of_the_installed_empyrical(seed: int) -> None:
    """The same comparison with the library itself, where it is installed (without its dependencies)."""
    empyrical = pytest.importorskip("empyrical")
    candles, equity = curve(120, seed)
    found = figures(candles, 0, equity, NONE)
    returns = daily_returns(candles.open_ms, equity)
    year = {"period": "daily", "annualization": 365}

    assert found["sharpe"] == pytest.approx(empyrical.sharpe_ratio(returns, annualization=365))
    assert found["sortino"] == pytest.approx(empyrical.sortino_ratio(returns, annualization=365))
    assert found["annual_return"] == pytest.approx(empyrical.annual_return(returns, **year))
    assert found["annual_volatility"] == pytest.approx(empyrical.annual_volatility(returns, **year))
    assert found["total_return"] == pytest.approx(empyrical.cum_returns_final(returns))
