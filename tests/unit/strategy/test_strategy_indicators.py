"""Indicators: the column form and the streaming form are one, and both are TA-Lib's."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from cryptobot.services.data.columns import Columns
from cryptobot.services.strategy import declare
from cryptobot.services.strategy.graph import Live, Plan, pick
from cryptobot.services.strategy.lines import (
    CLOSE,
    HIGH,
    LOW,
    VOLUME,
    Node,
    cross_down,
    cross_up,
    every,
    line,
)
from hypothesis import given, settings
from hypothesis import strategies as st

STEPS = declare.stochastic(5, 3)
DECLARED: dict[str, Node] = {
    "sma": declare.sma(7),
    "ema": declare.ema(5),
    "rma": declare.rma(5),
    "rsi": declare.rsi(6),
    "true_range": declare.true_range(),
    "atr": declare.atr(6),
    "stddev": declare.stddev(9),
    "zscore": declare.zscore(6),
    "upper": declare.bollinger(8, 1.5).upper,
    "macd": declare.macd(4, 9, 3).macd,
    "macd_signal": declare.macd(4, 9, 3).signal,
    "macd_histogram": declare.macd(4, 9, 3).histogram,
    "highest": declare.highest(6),
    "lowest": declare.lowest(13),
    "channel": declare.donchian(5).middle,
    "roc": declare.roc(3),
    "vwap": declare.vwap(4),
    "stochastic": STEPS.d,
    "average_of_holes": declare.ema(3, STEPS.k),
    "wilder_of_holes": declare.rma(3, declare.zscore(4, CLOSE)),
    "rsi_of_average": declare.rsi(4, declare.sma(3)),
    "macd_of_holes": declare.macd(3, 6, 2, STEPS.k).signal,
    "shifted": (HIGH - LOW).shift(2) * 2 / VOLUME,
    "up": cross_up(declare.ema(2), declare.ema(5)),
    "down": cross_down(CLOSE, line(100.0)),
    "either": (declare.sma(3) < CLOSE) | ~(CLOSE >= 99) & every("3m"),
}


def columns_of(closes: list[float], seed: int = 1) -> Columns:
    """Minute candles around the closes given."""
    random = np.random.default_rng(seed)
    close = np.array(closes)
    before = np.concatenate(([close[0]], close[:-1])) if len(close) else close
    reach = random.integers(0, 3, len(close)) * 0.5
    return Columns(
        np.arange(len(close), dtype=np.int64) * 60_000,
        before,
        np.maximum(before, close) + reach,
        np.minimum(before, close) - reach,
        close,
        random.integers(0, 4, len(close)).astype(float),
    )


def candles_of(columns: Columns) -> list[SimpleNamespace]:
    names = ("open_ms", "open", "high", "low", "close", "volume")
    rows = zip(*(getattr(columns, name).tolist() for name in names), strict=True)
    return [SimpleNamespace(**dict(zip(names, row, strict=True))) for row in rows]


def both_forms(declared: dict[str, Node], columns: Columns) -> list[tuple[str, list, list]]:
    owner = type("Declared", (), dict(declared))
    plan = Plan(owner, {}, "1m")
    vector = plan.columns(columns)
    live = Live(plan)
    streamed: dict[str, list] = {name: [] for name in declared}
    for candle in candles_of(columns):
        live.push(candle)
        for name, node in declared.items():
            streamed[name].append(live.value(node))
    return [
        (name, pick(vector, plan.place(node)).tolist(), streamed[name]) for name, node in declared.items()
    ]


def bits(values: list) -> list:
    return ["nan" if value != value else value for value in values]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(80, 120), min_size=1, max_size=60), st.integers(0, 5))
def test_streaming_equals_columns_to_the_bit_on_prices_with_ties(ticks: list[int], seed: int) -> None:
    """Both forms of every indicator give the same bits on prices full of ties and flat stretches."""
    for name, vector, streamed in both_forms(DECLARED, columns_of([tick / 1.0 for tick in ticks], seed)):
        assert bits(vector) == bits(streamed), name


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=60))
def test_streaming_equals_columns_to_the_bit_on_any_price(closes: list[float]) -> None:
    """Both forms of every indicator give the same bits on prices of any size."""
    for name, vector, streamed in both_forms(DECLARED, columns_of(closes)):
        assert bits(vector) == bits(streamed), name


def test_a_value_never_depends_on_later_candles() -> None:
    """Cutting the history after any candle leaves all values up to it unchanged."""
    columns = columns_of((100 + np.cumsum(np.random.default_rng(3).normal(size=120))).tolist())
    whole = {name: vector for name, vector, _ in both_forms(DECLARED, columns)}
    for length in (1, 2, 17, 60, 119):
        for name, vector, _ in both_forms(DECLARED, columns.first(length)):
            assert bits(vector) == bits(whole[name][:length]), (name, length)


def test_window_kinds_do_not_depend_on_where_history_begins() -> None:
    """Averages, deviations and extremes over a window are the same bits from any start before the window."""
    windowed = {name: DECLARED[name] for name in ("sma", "stddev", "highest", "lowest", "upper", "vwap")}
    columns = columns_of((100 + np.cumsum(np.random.default_rng(4).normal(size=200))).tolist())
    late = Columns(*(getattr(columns, name)[90:] for name in columns.__slots__))
    whole = {name: vector for name, vector, _ in both_forms(windowed, columns)}
    for name, vector, _ in both_forms(windowed, late):
        assert vector[30:] == whole[name][120:], name


def test_lookback_is_where_values_begin() -> None:
    """The stated lookback of each line is the index of its first value."""
    columns = columns_of((100 + np.cumsum(np.random.default_rng(5).normal(size=80))).tolist())
    columns.volume[:] = 1.0
    plan = Plan(type("Declared", (), dict(DECLARED)), {}, "1m")
    vector = plan.columns(columns)
    for name, node in DECLARED.items():
        values = pick(vector, plan.place(node))
        if values.dtype == np.float64 and "holes" not in name:
            assert plan.lookback_of(node) == int(np.flatnonzero(values == values)[0]), name


def test_equal_declarations_are_computed_once() -> None:
    """Two declarations of the same indicator share one computation."""
    plan = Plan(type("Declared", (), {"one": declare.ema(5), "two": declare.ema(5)}), {}, "1m")

    assert [step.kind for step in plan.steps] == ["close", "ema"]


TALIB = {
    "sma": (declare.sma(20), lambda t, h, low, c: t.SMA(c, 20)),
    "ema": (declare.ema(20), lambda t, h, low, c: t.EMA(c, 20)),
    "rsi": (declare.rsi(14), lambda t, h, low, c: t.RSI(c, 14)),
    "atr": (declare.atr(14), lambda t, h, low, c: t.ATR(h, low, c, 14)),
    "true_range": (declare.true_range(), lambda t, h, low, c: t.TRANGE(h, low, c)),
    "stddev": (declare.stddev(20), lambda t, h, low, c: t.STDDEV(c, 20)),
    "upper": (declare.bollinger(20, 2.0).upper, lambda t, h, low, c: t.BBANDS(c, 20, 2.0, 2.0)[0]),
    "lower": (declare.bollinger(20, 2.0).lower, lambda t, h, low, c: t.BBANDS(c, 20, 2.0, 2.0)[2]),
    "macd": (declare.macd().macd, lambda t, h, low, c: t.MACD(c)[0]),
    "macd_signal": (declare.macd().signal, lambda t, h, low, c: t.MACD(c)[1]),
    "macd_histogram": (declare.macd().histogram, lambda t, h, low, c: t.MACD(c)[2]),
    "highest": (declare.highest(10), lambda t, h, low, c: t.MAX(h, 10)),
    "lowest": (declare.lowest(10), lambda t, h, low, c: t.MIN(low, 10)),
    "roc": (declare.roc(10), lambda t, h, low, c: t.ROC(c, 10)),
    "stochastic": (declare.stochastic(14, 3).d, lambda t, h, low, c: t.STOCHF(h, low, c, 14, 3)[1]),
}


@pytest.mark.parametrize("name", TALIB)
def test_values_are_those_of_talib(name: str) -> None:
    """Each indicator agrees with TA-Lib, the first value's place included."""
    talib = pytest.importorskip("talib", reason="TA-Lib is not installed")
    closes = 20_000 * np.exp(np.cumsum(np.random.default_rng(6).normal(scale=0.01, size=500)))
    columns = columns_of(closes.tolist())
    node, reference = TALIB[name]
    plan = Plan(type("Declared", (), {"line": node}), {}, "1m")
    ours = pick(plan.columns(columns), plan.place(node))
    theirs = reference(talib, columns.high, columns.low, columns.close)
    if name in ("stochastic",):
        ours = np.where(
            np.arange(500) < 15, math.nan, ours
        )  # TA-Lib starts all its outputs with the last one

    np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-6)
