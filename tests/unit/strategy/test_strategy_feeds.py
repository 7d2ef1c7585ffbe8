"""Several markets and timeframes in one strategy: only finished candles are ever seen."""

from typing import Any

import numpy as np
import pytest
from cryptobot import CLOSE, Candle, Feed, Parameter, Strategy, cross_up, ema, highest, scheduled, sma
from cryptobot.configs.errors import StrategyError
from cryptobot.services.data.columns import Columns
from cryptobot.services.strategy.feeds import FeedKey
from cryptobot.services.strategy.graph import Live, Plan, due, pick
from cryptobot.services.strategy.series import finished, merged
from hypothesis import given, settings
from hypothesis import strategies as st

MINUTE = 60_000
LENGTHS = {"1m": 1, "3m": 3, "5m": 5, "15m": 15, "1h": 60}


class Many(Strategy):
    """Reads its own candles, longer ones, and another market."""

    leader = Parameter("ETH/USDT")
    length = Parameter("5m")
    slow = Feed(timeframe=length)
    other = Feed(leader)
    slow_close = slow.close
    trend = ema(3, slow.close)
    ceiling = highest(2, slow.high)
    rising = slow.close > slow.open
    ratio = sma(2, CLOSE / other.close)
    rise = cross_up(slow.close, 100.0)
    when = rise | (other.close > 100.0)


def candles(start: int, length: int, prices: list[float]) -> Columns:
    """Candles of `length` minutes from minute `start`, open at the price before."""
    close = np.array(prices)
    first = np.concatenate((close[:1], close[:-1]))
    times = (start + np.arange(len(prices), dtype=np.int64) * length) * MINUTE
    return Columns(
        times, first, np.maximum(first, close), np.minimum(first, close), close, np.ones(len(prices))
    )


def rows(columns: Columns) -> list[Candle]:
    names = ("open_ms", "open", "high", "low", "close", "volume")
    return [Candle(*row) for row in zip(*(getattr(columns, name).tolist() for name in names), strict=True)]


def plan_of(owner: type[Strategy], **given_values: Any) -> Plan:
    return Plan(owner, owner(given_values)._parameters, "1m", "BTC/USDT")


prices = st.lists(st.floats(50, 150).map(lambda value: round(value, 2)), min_size=1, max_size=80)


@st.composite
def worlds(draw: Any) -> tuple[str, Columns, dict[FeedKey, Columns]]:
    """Own minute candles and two feeds that begin, end and have holes where they like."""
    length = draw(st.sampled_from([name for name in LENGTHS if name != "1m"]))
    own = candles(draw(st.integers(0, 30)), 1, draw(prices))
    step = LENGTHS[length]
    slow = candles(draw(st.integers(0, 3)) * step, step, draw(prices))
    other = candles(draw(st.integers(0, 60)), 1, draw(prices))
    kept = np.array(draw(st.lists(st.booleans(), min_size=len(other), max_size=len(other))))
    other = Columns(
        *(getattr(other, name)[kept] for name in ("open_ms", "open", "high", "low", "close", "volume"))
    )
    return length, own, {FeedKey("BTC/USDT", length): slow, FeedKey("ETH/USDT", "1m"): other}


@settings(max_examples=150, deadline=None)
@given(worlds())
def test_no_unfinished_candle_is_ever_seen(world: tuple[str, Columns, dict[FeedKey, Columns]]) -> None:
    """What a strategy sees on a candle stays the same when all that closes later is changed or removed."""
    length, own, others = world
    plan = plan_of(Many, length=length)
    whole = plan.columns(own, others=others)
    for at in {0, len(own) // 2, len(own) - 1}:
        closes = int(own.open_ms[at]) + MINUTE
        cut = {
            key: _changed_after(columns, closes, LENGTHS[key.timeframe] * MINUTE)
            for key, columns in others.items()
        }
        early = plan.columns(own.first(at + 1), others=cut)
        for node in plan.named.values():
            now, then = (pick(values, plan.place(node))[: at + 1] for values in (whole, early))
            np.testing.assert_array_equal(now, then)


def _changed_after(columns: Columns, closes: int, length_ms: int) -> Columns:
    """The same candles up to a moment; those that close after it cost ten thousand."""
    late = columns.open_ms + length_ms > closes
    changed = [
        np.where(late, 1e4, getattr(columns, name)) for name in ("open", "high", "low", "close", "volume")
    ]
    return Columns(columns.open_ms, *changed)


@settings(max_examples=150, deadline=None)
@given(worlds())
def test_candle_by_candle_is_equal_to_columns(world: tuple[str, Columns, dict[FeedKey, Columns]]) -> None:
    """The live form, fed in the order of closes, gives the same values to the bit, and wakes as often."""
    length, own, others = world
    plan = plan_of(Many, length=length)
    whole = plan.columns(own, others=others)
    live = Live(plan)
    series = {plan.own: own, **others}
    keys, shown = list(series), [rows(columns) for columns in series.values()]
    assert plan.wakes is not None
    for number, index in zip(*(part.tolist() for part in merged(series)), strict=True):
        candle = shown[number][index]
        if number:
            live.push_other(keys[number], candle)
            continue
        assert live.push(candle) == bool(pick(whole, plan.wakes)[index])
        for name, node in plan.named.items():
            np.testing.assert_equal(live.value(node), pick(whole, plan.place(node))[index], err_msg=name)


def test_a_longer_candle_is_seen_from_its_close_on() -> None:
    """Five-minute candles of minutes 0-4 and 5-9 are seen on the one-minute candles 4 and 9, not before."""
    own, slow = candles(0, 1, [1.0] * 11), candles(0, 5, [10.0, 20.0])

    at = finished(own.open_ms, MINUTE, slow.open_ms, 5 * MINUTE)

    assert at.tolist() == [-1, -1, -1, -1, 0, 0, 0, 0, 0, 1, 1]


def test_a_crossing_of_longer_candles_is_true_once() -> None:
    """It is true on the own candle on which the longer one is first seen, not on all until the next."""
    plan = plan_of(Many)
    slow, other = candles(0, 5, [90.0, 110.0, 120.0]), candles(0, 1, [100.0] * 15)
    others = {FeedKey("BTC/USDT", "5m"): slow, FeedKey("ETH/USDT", "1m"): other}
    rise = pick(plan.columns(candles(0, 1, [1.0] * 15), others=others), plan.place(Many.rise))

    assert np.flatnonzero(rise).tolist() == [9]


def test_own_candles_come_last_of_one_moment() -> None:
    """In a merged stream the strategy's own candle follows all others that close with it."""
    series = {
        FeedKey("BTC/USDT", "1m"): candles(0, 1, [1.0] * 5),
        FeedKey("BTC/USDT", "5m"): candles(0, 5, [1.0]),
    }

    numbers, indices = merged(series)

    assert numbers.tolist() == [0, 0, 0, 0, 1, 0]
    assert indices.tolist() == [0, 1, 2, 3, 0, 4]


def test_lookbacks_are_told_for_each_series() -> None:
    """A plan says how many candles of each feed its lines need, and how many own ones that takes."""
    plan = plan_of(Many)

    assert {FeedKey("BTC/USDT", "5m"): 2, FeedKey("ETH/USDT", "1m"): 0} == plan.lookbacks
    assert plan.lookback == 15


def test_a_feed_of_the_own_series_is_the_own_series() -> None:
    """A feed whose parameters name the strategy's own market and timeframe is no further series."""

    class Same(Strategy):
        again = Feed("BTC/USDT", "1m")
        line = sma(2, again.close)

    assert plan_of(Same).feeds == ()


def test_an_unknown_length_of_a_feed_is_told() -> None:
    """A timeframe that cannot be is refused when the plan is made."""
    with pytest.raises(Exception, match="'5 minutes' is no length of a candle"):
        plan_of(Many, length="5 minutes")


class Scheduled(Strategy):
    """Calls on schedules beside a signal."""

    when = CLOSE > 100.0

    @scheduled("15m")
    def look(self) -> None:
        """Four times an hour."""

    @scheduled("5m")
    def glance(self) -> None:
        """Twelve times an hour."""


def test_schedules_wake_beside_the_signal() -> None:
    """The strategy is woken when its signal is true or a schedule is due; `due` says which methods are."""
    plan = plan_of(Scheduled)
    own = candles(0, 1, [50.0, 101.0, 50.0, 50.0, 50.0, 50.0])
    assert plan.wakes is not None and plan.called is not None
    results = plan.columns(own)

    assert np.flatnonzero(pick(results, plan.wakes)).tolist() == [1, 4]
    assert np.flatnonzero(pick(results, plan.called)).tolist() == [1]
    assert due(plan.schedules, 4 * MINUTE, MINUTE) == ["glance"]
    assert due(plan.schedules, 14 * MINUTE, MINUTE) == ["look", "glance"]


@pytest.mark.parametrize(("back", "told"), [(-1, "would look ahead"), (0, "")])
def test_there_is_no_way_to_shift_into_the_future(back: int, told: str) -> None:
    """A negative shift is refused when the plan is made, also by way of a parameter."""

    class Shifts(Strategy):
        places = Parameter(back)
        line = CLOSE.shift(places)

    if not told:
        assert plan_of(Shifts).lookback == 0
        return
    with pytest.raises(StrategyError, match=told):
        plan_of(Shifts)
