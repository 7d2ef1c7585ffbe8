"""How a recorded candle becomes steps, and steps become candles."""

from cryptobot.services.paper.klines import INTERVALS, Candles, Kline, close_time, open_time
from cryptobot.services.paper.recording import Bar, bundled
from cryptobot.services.paper.walk import steps, taken, walk
from hypothesis import given
from hypothesis import strategies as st

CENT, STEP = 1_000_000, 1_000
prices = st.integers(1, 2_000_000)


@st.composite
def bars(draw: st.DrawFn) -> Bar:
    """A candle with prices on the tick and any volume."""
    four = sorted(draw(st.tuples(prices, prices, prices, prices)))
    first, last = draw(st.sampled_from([(1, 2), (2, 1), (1, 1), (0, 3), (3, 0)]))
    volume = draw(st.integers(0, 10**7)) * STEP
    return Bar(0, four[first] * CENT, four[3] * CENT, four[0] * CENT, four[last] * CENT, volume, volume * 7)


@given(bars(), st.integers(4, 40), prices)
def test_the_steps_of_a_candle_are_the_candle(bar: Bar, count: int, before: int) -> None:
    """First is open, last is close, extremes are reached and not passed, volumes add up exactly."""
    ticks = walk(bar, count, CENT, STEP, before * CENT)

    assert len(ticks) == count
    assert (ticks[0].price, ticks[-1].price) == (bar.open, bar.close)
    assert (max(t.price for t in ticks), min(t.price for t in ticks)) == (bar.high, bar.low)
    assert sum(t.volume for t in ticks) == bar.volume
    assert sum(t.quote_volume for t in ticks) == bar.quote_volume
    assert all(t.volume >= 0 and t.volume % STEP == 0 for t in ticks)


@given(bars(), st.integers(4, 40), prices)
def test_buyers_are_counted_without_walking(bar: Bar, count: int, before: int) -> None:
    """The closed form agrees with the steps."""
    ticks = walk(bar, count, CENT, STEP, before * CENT)

    buys = [t for t in ticks if not t.seller]
    told = (sum(t.volume > 0 for t in ticks), sum(t.volume for t in buys), sum(t.quote_volume for t in buys))
    assert taken(bar, count, STEP, before * CENT) == told


def test_the_nearer_extreme_comes_first() -> None:
    """A candle that opens near its low goes there first."""
    bar = Bar(0, 102 * CENT, 120 * CENT, 100 * CENT, 110 * CENT, 0, 0)

    seen = [t.price for t in walk(bar, 20, CENT, STEP, 0)]

    assert seen.index(100 * CENT) < seen.index(120 * CENT)


def test_steps_follow_the_length_of_a_candle() -> None:
    """Ten a second between four and six hundred."""
    assert [steps(ms) for ms in (10, 200, 1000, 60_000, 3_600_000)] == [4, 4, 10, 600, 600]


def test_candles_of_all_intervals_follow_from_the_steps() -> None:
    """Fed with steps or with whole candles, every interval comes out alike."""
    recording, by_step, by_bar = bundled(), Candles(), Candles()
    begin = 1_700_000_000_000
    for number in range(400):
        bar, at = recording[number], begin + number * 1000
        before = recording[number - 1].close if number else 0
        for index, tick in enumerate(walk(bar, 10, CENT, STEP, before)):
            by_step.tick(at + index * 100, tick.price, tick.volume, tick.quote_volume, not tick.seller)
        by_bar.merge(_kline(at, bar, before))

    for name in INTERVALS:
        assert list(by_step.series[name].all()) == list(by_bar.series[name].all())


def _kline(at: int, bar: Bar, before: int) -> Kline:
    made = Kline(at, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.quote_volume)
    made.trades, made.taker_volume, made.taker_quote = taken(bar, 10, STEP, before)
    return made


def test_intervals_open_and_close_as_binances_do() -> None:
    """Weeks begin on Monday, months on their first day."""
    time_ms = 1_700_000_000_123  # Tuesday 2023-11-14 22:13:20 UTC

    opens = {name: open_time(name, time_ms) for name in INTERVALS}

    assert opens["1s"] == 1_700_000_000_000
    assert opens["1h"] == 1_699_999_200_000
    assert opens["1d"] == 1_699_920_000_000
    assert opens["1w"] == 1_699_833_600_000
    assert opens["1M"] == 1_698_796_800_000
    assert close_time("1M", opens["1M"]) == 1_701_388_799_999
    assert close_time("1m", opens["1m"]) == opens["1m"] + 59_999
