"""How a portfolio is divided, against closed forms and scipy-free references."""

import sys
from decimal import Decimal

import numpy as np
import pytest
from cryptobot.configs.errors import RequestFailedError
from cryptobot.services.accounting.exact import total
from cryptobot.services.portfolio import weights
from hypothesis import given, settings
from hypothesis import strategies as st

RANDOM = np.random.default_rng(11)
SYMBOLS = ["A/USDT", "B/USDT", "C/USDT"]
ONE = Decimal(1)


def returns(count: int = 400) -> weights.Matrix:
    """A calm, a middling and a wild market, partly together."""
    common = RANDOM.normal(0, 0.01, (count, 1))
    return common * [0.5, 1.0, 1.5] + RANDOM.normal(0, 1, (count, 3)) * [0.005, 0.01, 0.03]


RETURNS = returns()


def chosen(method: str, most: str = "1", invested: str = "1") -> list[float]:
    found = weights.chosen(method, SYMBOLS, RETURNS, invested=Decimal(invested), max_weight=Decimal(most))
    assert list(found) == SYMBOLS
    return [float(weight) for weight in found.values()]


def test_equal_is_equal() -> None:
    """A third each; a fifth stays in cash."""
    assert chosen("equal", invested="0.8") == pytest.approx([0.8 / 3] * 3, abs=1e-5)


def test_inverse_volatility_by_hand() -> None:
    """One over the deviation, scaled."""
    inverse = 1 / RETURNS.std(axis=0, ddof=1)

    assert chosen("inverse-volatility") == pytest.approx(inverse / inverse.sum(), abs=1e-5)


def test_risk_parity_gives_equal_contributions() -> None:
    """Each market's part of the variance is a third."""
    pytest.importorskip("scipy")
    found = np.array(chosen("risk-parity"))
    covariance = np.cov(RETURNS, rowvar=False)
    contributions = found * (covariance @ found) / (found @ covariance @ found)

    assert contributions == pytest.approx([1 / 3] * 3, abs=1e-4)


def test_risk_parity_of_two_is_inverse_volatility() -> None:
    """Whatever their correlation (Maillard, Roncalli and Teiletche 2010, section 2.3)."""
    pytest.importorskip("scipy")
    pair = RETURNS[:, :2]
    found = weights.chosen("risk-parity", SYMBOLS[:2], pair, invested=ONE, max_weight=ONE)
    inverse = 1 / pair.std(axis=0)

    assert [float(one) for one in found.values()] == pytest.approx(inverse / inverse.sum(), abs=1e-5)


def test_minimum_variance_is_the_closed_form_where_that_is_long_only() -> None:
    """C^-1 1 / (1' C^-1 1) for markets that are hardly correlated."""
    pytest.importorskip("scipy")
    apart = RANDOM.normal(0, 1, (500, 3)) * [0.01, 0.02, 0.03]
    found = weights.chosen("minimum-variance", SYMBOLS, apart, invested=ONE, max_weight=ONE)
    raw = np.linalg.solve(np.cov(apart, rowvar=False), np.ones(3))

    assert (raw > 0).all()
    assert [float(one) for one in found.values()] == pytest.approx(raw / raw.sum(), abs=1e-4)


def test_minimum_variance_is_below_every_other_method() -> None:
    """It is what it is called."""
    pytest.importorskip("scipy")
    covariance = np.cov(RETURNS, rowvar=False)

    def variance(method: str) -> float:
        found = np.array(chosen(method))
        return float(found @ covariance @ found)

    least = variance("minimum-variance")
    assert all(least <= variance(each) + 1e-9 for each in ("equal", "inverse-volatility", "risk-parity"))


def test_a_largest_weight_is_kept() -> None:
    """What is cut goes to the others."""
    pytest.importorskip("scipy")
    for method in ("equal", "inverse-volatility", "risk-parity", "minimum-variance"):
        found = chosen(method, most="0.4")
        assert max(found) <= 0.4 + 1e-5
        assert sum(found) == pytest.approx(1)


@pytest.mark.parametrize(
    ("method", "symbols", "past", "most", "sentence"),
    [
        ("equal", [], RETURNS[:, :0], "1", "No markets are set"),
        ("equal", SYMBOLS, RETURNS, "0.2", "raise portfolio.max_weight"),
        ("inverse-volatility", SYMBOLS, RETURNS[:5], "1", "Only 5 returns"),
        ("inverse-volatility", SYMBOLS, RETURNS * [1, 0, 1], "1", "B/USDT did not move"),
    ],
)
def test_what_cannot_be_divided_is_said(
    method: str, symbols: list[str], past: weights.Matrix, most: str, sentence: str
) -> None:
    """One sentence each."""
    with pytest.raises(RequestFailedError, match=sentence):
        weights.chosen(method, symbols, past, invested=ONE, max_weight=Decimal(most))


def test_without_scipy_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The methods that need no optimiser go on working."""
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)

    with pytest.raises(RequestFailedError, match=r"pip install \"cryptobot\[portfolio\]\""):
        chosen("risk-parity")
    assert sum(chosen("inverse-volatility")) == pytest.approx(1)


@pytest.mark.parametrize(
    ("targets", "sentence"),
    [
        ({}, "No target weights are set"),
        ({"A/USDT": Decimal("0.7"), "B/USDT": Decimal("0.4")}, "they sum to 1.1"),
        ({"A/USDT": Decimal("-0.1")}, "zero or more each"),
    ],
)
def test_targets_that_are_no_weights_are_refused(targets: dict[str, Decimal], sentence: str) -> None:
    """Before anything is planned."""
    with pytest.raises(RequestFailedError, match=sentence):
        weights.given(targets)


@given(
    raw=st.lists(st.integers(1, 1000), min_size=2, max_size=8),
    cash=st.decimals("0", "0.9", places=2),
)
@settings(max_examples=50)
def test_weights_sum_exactly(raw: list[int], cash: Decimal) -> None:
    """To the last digit, whatever floats did."""
    symbols = [f"X{number}/USDT" for number in range(len(raw))]
    past = np.outer(np.resize([1.0, -1.0], 40), np.array(raw, dtype=float)) / 1e5
    found = weights.chosen("inverse-volatility", symbols, past, invested=1 - cash, max_weight=ONE)

    assert total(found.values()) == 1 - cash
    assert min(found.values()) >= 0
