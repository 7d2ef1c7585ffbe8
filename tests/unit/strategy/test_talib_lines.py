"""TA-Lib's functions as lines: prefix-stable, independent of where the history begins, of TA-Lib's value."""

import sys

import numpy as np
import pytest
from cryptobot import CLOSE, HIGH, LOW, Parameter, Strategy, sma, talib
from cryptobot.configs.errors import StrategyError
from cryptobot.services.data.columns import Columns
from cryptobot.services.strategy import talib_lines
from cryptobot.services.strategy.graph import Live, Plan, pick
from cryptobot.services.strategy.values import Candle

library = pytest.importorskip("talib", reason="TA-Lib is not installed")
EDGELESS = ("ACOS", "ASIN")
"""Not defined for prices: NaN in both."""
LENGTH, LATER = 640, 37


def usable(name: str) -> bool:
    try:
        known = talib_lines._known(name)
    except StrategyError:
        return False
    return "periods" not in known.inputs


NAMES = [name for name in library.get_functions() if usable(name)]


def prices() -> dict[str, np.ndarray]:
    dice = np.random.default_rng(3)
    close = 100 * np.exp(np.cumsum(dice.normal(0, 0.01, LENGTH)))
    first = np.concatenate((close[:1], close[:-1]))
    high = np.maximum(first, close) * (1 + dice.random(LENGTH) * 0.005)
    low = np.minimum(first, close) * (1 - dice.random(LENGTH) * 0.005)
    return {"open": first, "high": high, "low": low, "close": close, "volume": dice.random(LENGTH) * 100 + 1}


PRICES = prices()


def several(result):
    return result if isinstance(result, tuple) else (result,)


@pytest.mark.parametrize("name", NAMES)
def test_a_line_of_talib_is_stable_and_is_talibs(name):
    """Streamed, as a prefix and from a later beginning each value has the same bits; it is TA-Lib's own."""
    known = talib_lines._known(name)
    arguments = (name, *known.defaults.values())
    inputs = [PRICES[one] for one in known.inputs]
    warm, cut = talib_lines.lookback(*arguments), LENGTH - 5
    whole = several(talib_lines.columns(arguments, *inputs))
    prefix = several(talib_lines.columns(arguments, *(one[:cut] for one in inputs)))
    later = several(talib_lines.columns(arguments, *(one[LATER:] for one in inputs)))
    stream = talib_lines.Streamed(*arguments)
    pushed = [several(stream.push(*row)) for row in zip(*inputs, strict=True)][-30:]
    theirs = several(getattr(library, name)(*inputs, **known.defaults))
    for number, column in enumerate(whole):
        assert np.isnan(column[:warm]).all()
        np.testing.assert_array_equal(column[:cut], prefix[number])
        np.testing.assert_array_equal(column[LATER + warm :], later[number][warm:])
        np.testing.assert_array_equal(column[-30:], [row[number] for row in pushed])
        if name not in EDGELESS and warm < LENGTH:
            reference = np.asarray(theirs[number], dtype=float)[warm:]
            scale = np.nanstd(reference) or 1.0
            np.testing.assert_allclose(column[warm:], reference, rtol=1e-4, atol=1e-4 * scale)


class Borrows(Strategy):
    """Declares lines of TA-Lib."""

    period = Parameter(14, low=2, high=50)
    strength = talib("adx", timeperiod=period)
    histogram = talib("MACD", output="macdhist", fastperiod=5, slowperiod=9)
    line = talib("MACD", fastperiod=5, slowperiod=9)
    together = talib("CORREL", HIGH, LOW, timeperiod=10)
    smooth = talib("EMA", sma(3), timeperiod=4)
    when = strength > 20.0


def test_declared_lines_live_are_those_of_the_columns():
    """In a strategy, with parameters, several outputs, lines of lines and a warm-up that is known."""
    plan = Plan(Borrows, {"period": 7, "fraction": 1.0}, "1m")
    table = Columns(np.arange(LENGTH, dtype=np.int64) * 60_000, *PRICES.values())
    columns = plan.columns(table)
    assert plan.lookback == max(plan.lookback_of(node) for node in plan.named.values())
    assert plan.lookback < LENGTH
    live = Live(plan)
    for row in range(LENGTH):
        live.push(Candle(row * 60_000, *(float(one[row]) for one in PRICES.values())))
        if row > LENGTH - 20:
            seen = live.attributes()
            for name, node in plan.named.items():
                expected = pick(columns, plan.place(node))[row]
                assert seen[name] == expected, name
    macd = [step for step in plan.steps if step.kind == "talib" and step.arguments[0] == "MACD"]
    assert len(macd) == 1, "both outputs come of one computation"


@pytest.mark.parametrize(
    ("declare", "sentence"),
    [
        (lambda: talib("OBV"), "OBV depends on everything since the first candle"),
        (lambda: talib("MAXINDEX"), "gives a place in the history"),
        (lambda: talib("NONE"), "TA-Lib has no function 'NONE'"),
        (lambda: talib("RSI", period=3), "RSI has no parameter period; it takes timeperiod"),
        (lambda: talib("MACD", output="hist"), "MACD has no output 'hist'; it gives macd, "),
        (lambda: talib("CORREL", CLOSE), r"CORREL reads 2 lines \(high, low\)"),
        (lambda: talib("MAVP"), "MAVP needs a line for periods"),
    ],
)  # fmt: skip
def test_what_talib_cannot_be_asked_for_is_said_in_a_sentence(declare, sentence):
    """A wrong declaration fails where it stands."""
    with pytest.raises(StrategyError, match=sentence):
        declare()


def test_parameters_that_talib_refuses_are_told():
    """A period of one is none for an RSI: the plan names function and cause."""

    class Wrong(Strategy):
        line = talib("RSI", timeperiod=1)

    with pytest.raises(StrategyError, match="talib RSI"):
        Plan(Wrong, {"fraction": 1.0}, "1m")


def test_without_talib_one_sentence_says_what_to_install(monkeypatch):
    """A strategy that declares such a line says how to get it."""
    talib_lines._known.cache_clear()
    monkeypatch.setitem(sys.modules, "talib", None)
    with pytest.raises(StrategyError, match=r'pip install "cryptobot\[talib\]"'):
        talib("ADX")
