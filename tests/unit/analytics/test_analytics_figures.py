"""Figures of analytics: equal to empyrical's on real prices, exact where they are money."""

import os
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptobot.bus.contracts.analytics import Performance
from cryptobot.bus.contracts.trade import Fill
from cryptobot.services.accounting import fund
from cryptobot.services.accounting.executions import Executions
from cryptobot.services.accounting.series import daily_returns
from cryptobot.services.analytics.attribution import contributions
from cryptobot.services.analytics.comparison import against
from cryptobot.services.analytics.groups import Regimes
from cryptobot.services.analytics.history import Point
from cryptobot.services.analytics.performance import Period, performance
from cryptobot.services.data.files import read_series

DATA = Path(os.environ.get("CRYPTOBOT_TEST_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))
SYMBOL, ETHER = "BTC/USDT", "ETH/USDT"
HOUR = 3_600_000
YEAR = {"period": "daily", "annualization": 365}
# 2024-01-01 00:00 UTC, a Monday.
BEGIN = 1_704_067_200_000


def _fill(number: int, side: str, amount: str, price: str, at_ms: int, **more: str) -> Fill:
    fee, symbol = Decimal(more.get("fee", "0")), more.get("symbol", SYMBOL)
    return Fill(
        id=str(number),
        order_id=f"o{number}",
        client_order_id=f"c{number}",
        exchange="paper",
        symbol=symbol,
        side=side,
        price=Decimal(price),
        amount=Decimal(amount),
        cost=Decimal(amount) * Decimal(price),
        fee=fee,
        fee_currency="USDT",
        maker=False,
        ts_ms=at_ms,
        source=more.get("source", "ema"),
    )


def _points(equity: list[str], flows: dict[int, str], prices: list[str], step_ms: int = HOUR) -> list[Point]:
    """Equity over time, with what was paid in at some of the moments."""
    found: list[Point] = []
    for at, (value, price) in enumerate(zip(equity, prices, strict=True)):
        flow, worth = Decimal(flows.get(at, "0")), Decimal(value)
        one = found[-1].fund.valued(worth, flow) if found else fund.begun(worth)
        market = {SYMBOL: Decimal(price)}
        found.append(Point(BEGIN + at * step_ms, "USDT", worth, flow, one.units, one.price, market))
    return found


def _executions(*fills: Fill) -> Executions:
    found = Executions(lambda asset, quote: None)
    found.take_all(fills)
    return found


def _real_closes() -> tuple[np.ndarray, np.ndarray]:
    path = DATA / "ohlcv" / "binance" / "ETH-USDT_1h_20220525-20260524.parquet"
    if not path.exists():
        pytest.skip(f"the recorded candles are not at {path}")
    columns = read_series(path).columns
    return columns.open_ms[:4000], columns.close[:4000]


def _account() -> tuple[np.ndarray, np.ndarray, np.ndarray, Performance]:
    """Half in the market, put back to half each candle, paying for it; and its performance."""
    times, closes = _real_closes()
    moves = np.concatenate(([0.0], closes[1:] / closes[:-1] - 1.0))
    equity = 1000.0 * np.cumprod(1.0 + 0.5 * moves - 0.00001)
    made = _points([f"{value:.10f}" for value in equity], {}, [repr(float(one)) for one in closes])
    points = [replace(one, ts_ms=int(when)) for when, one in zip(times, made, strict=True)]
    period = Period(from_ms=0, to_ms=int(times[-1]), points=points, benchmark=SYMBOL)
    return times, closes, equity, performance(period, _executions(), _free)


# Made by empyrical-reloaded 0.7.1 of the same returns with 365 days a year; it wants pandas and an old
# peewee, so it is not among the tests' dependencies. The test below asks the library where it can be had.
EMPYRICAL = {
    "total_return": -0.10317913553159341,
    "annual_return": -0.21180763024023952,
    "annual_volatility": 0.4621268848883075,
    "sharpe": -0.284956970538483,
    "sortino": -0.40348871347225446,
    "max_drawdown": -0.3230920217814454,
    "calmar": -0.6555644087786114,
    "alpha": -0.0871539202645506,
    "beta": 0.4999957717983694,
    "benchmark_sharpe": -0.08767873171505679,
    "benchmark_return": -0.20670413671339394,
    "information_ratio": -0.10963526077725208,
}


def test_figures_are_those_of_empyrical_on_real_prices() -> None:
    """Returns, ratios, drawdown, alpha and beta of recorded candles are those that empyrical gives."""
    found = _account()[3]
    told = {**found.figures, **found.against}
    assert {name: told[name] for name in EMPYRICAL} == pytest.approx(EMPYRICAL)


def test_figures_equal_the_installed_empyrical() -> None:
    """The same comparison with the library itself, where it is installed."""
    empyrical = pytest.importorskip("empyrical", exc_type=ImportError)
    times, closes, equity, found = _account()
    told = {**found.figures, **found.against}
    expected = _by_empyrical(empyrical, times, closes, equity)
    assert {name: told[name] for name in expected} == pytest.approx(expected)


def _by_empyrical(empyrical: Any, times: Any, closes: Any, equity: Any) -> dict[str, float]:
    returns, held = daily_returns(times, equity), daily_returns(times, closes)
    hourly = np.concatenate(([0.0], equity[1:] / equity[:-1] - 1.0))
    alpha, beta = empyrical.alpha_beta(returns, held, annualization=365)
    annual, worst = empyrical.annual_return(returns, **YEAR), empyrical.max_drawdown(hourly)
    return {
        "total_return": empyrical.cum_returns_final(returns),
        "annual_return": annual,
        "annual_volatility": empyrical.annual_volatility(returns, **YEAR),
        "sharpe": empyrical.sharpe_ratio(returns, annualization=365),
        "sortino": empyrical.sortino_ratio(returns, annualization=365),
        "max_drawdown": worst,
        "calmar": annual / -worst,
        "alpha": alpha,
        "beta": beta,
        "benchmark_sharpe": empyrical.sharpe_ratio(held, annualization=365),
        "benchmark_return": empyrical.cum_returns_final(held),
        "information_ratio": empyrical.excess_sharpe(returns, held) * np.sqrt(365),
    }


def test_money_paid_in_is_no_profit() -> None:
    """A deposit raises the equity, but neither profit nor return."""
    points = _points(["1000", "1100", "2100", "2310"], {2: "1000"}, ["1", "1", "1", "1"])
    found = performance(Period(from_ms=0, to_ms=BEGIN * 2, points=points, benchmark=""), _executions(), _free)
    assert (found.flows, found.profit) == (Decimal(1000), Decimal(310))
    assert found.figures["total_return"] == pytest.approx(1.1 * 1.1 - 1)


def test_contributions_and_the_rest_add_up_to_the_last_digit() -> None:
    """What strategies made, open positions included, and what nobody explains are the profit, exactly."""
    fills = [
        _fill(1, "buy", "1", "100.1", BEGIN + 1, fee="0.1001"),
        _fill(2, "buy", "2", "50", BEGIN + 2, symbol=ETHER, source="grid", fee="0.1"),
        _fill(3, "sell", "1", "110.7", BEGIN + 3, fee="0.1107"),
    ]
    found = contributions(fills, BEGIN, {}, {ETHER: Decimal("49.5")}, Decimal(1000), _free)
    by_name = {one.strategy: one for one in found}
    assert by_name["ema"].profit == Decimal("110.7") - Decimal("100.1") - Decimal("0.2108")
    assert by_name["grid"].profit == Decimal("-1.1")
    assert by_name["grid"].realised == 0
    assert [one.strategy for one in found] == ["ema", "grid"]


def test_what_was_made_before_the_period_does_not_count() -> None:
    """Of a position held over the beginning only the change since then counts."""
    fills = [_fill(1, "buy", "1", "100", BEGIN - 5), _fill(2, "sell", "1", "130", BEGIN + 5)]
    (one,) = contributions(fills, BEGIN, {SYMBOL: Decimal(120)}, {}, Decimal(1000), _free)
    assert one.profit == Decimal(10)
    assert one.part == pytest.approx(0.01)


def test_trades_are_grouped_by_who_where_and_when() -> None:
    """Each closed trade counts once in each kind of group; fees and volume are those of its fills."""
    fills = [
        _fill(1, "buy", "1", "100", BEGIN + 9 * HOUR, fee="1"),
        _fill(2, "sell", "1", "110", BEGIN + 10 * HOUR, fee="1"),
        _fill(3, "buy", "1", "100", BEGIN + 34 * HOUR, source="rsi"),
        _fill(4, "sell", "1", "90", BEGIN + 35 * HOUR, source="rsi"),
    ]
    points = _points(["1000"] * 40, {}, ["100"] * 40)
    period = Period(from_ms=BEGIN, to_ms=BEGIN + 40 * HOUR, points=points, benchmark=SYMBOL)
    found = performance(period, _executions(*fills), _free)
    strategies = {one.name: one for one in found.groups["strategy"]}
    assert (strategies["ema"].trades, strategies["ema"].profit, strategies["ema"].fees) == (1, 8, 2)
    assert (strategies["rsi"].wins, strategies["rsi"].profit, strategies["rsi"].volume) == (0, -10, 190)
    hours = {one.name: one.trades for one in found.groups["hour"] if one.trades}
    assert hours == {"10:00": 1, "11:00": 1}
    assert {one.name: one.trades for one in found.groups["weekday"]} == {"Mon": 1, "Tue": 1}
    assert found.figures["exposure"] == pytest.approx(2 / 39)
    assert found.figures["turnover"] == pytest.approx(0.4)
    assert found.figures["win_rate"] == 0.5


def test_regimes_know_rise_fall_calm_and_wild() -> None:
    """A steady rise is calm, a jagged fall behind it wild; before that nobody knows."""
    calm = [(at, 100.0 + at) for at in range(100)]
    wild = [(100 + at, 200.0 - at + (15.0 if at % 2 else -15.0)) for at in range(100)]
    regimes = Regimes({SYMBOL: calm + wild})
    assert regimes.at(SYMBOL, 5) == "unknown"
    assert regimes.at(SYMBOL, 90) == "rising, calm"
    assert regimes.at(SYMBOL, 198) == "falling, wild"
    assert regimes.at("XRP/USDT", 90) == "unknown"


def test_a_benchmark_that_stands_still_has_no_beta() -> None:
    """Where there is nothing to divide by, figures are None, not infinite."""
    found = against(np.array([0.1, -0.1, 0.2]), np.zeros(3), 0.2, np.ones(4))
    assert found["beta"] is None
    assert found["alpha"] is None
    assert found["excess_return"] == pytest.approx(0.2)


def test_a_short_period_has_no_yearly_figures() -> None:
    """Minutes of trading are not blown up to a year."""
    points = _points(["1000", "1001"], {}, ["1", "2"])
    found = performance(
        Period(from_ms=0, to_ms=BEGIN * 2, points=points, benchmark=SYMBOL), _executions(), _free
    )
    assert found.figures["sharpe"] is None
    assert found.figures["annual_return"] is None
    assert found.against["benchmark_return"] == pytest.approx(1.0)


def _free(_asset: str, _quote: str) -> None:
    return None
