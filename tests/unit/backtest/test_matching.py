"""Brackets, stops, partial fills, latency, filters and funding (docs/backtest.md), one test each."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
from cryptobot.services.backtest.run import Surroundings

Play = Callable[..., Any]


def fills(result: Any) -> list[tuple[int, int, Decimal, Decimal]]:
    return [(done.index, done.sign, done.price, done.amount) for done in result.outcome.executions]


def test_a_stop_sells_where_the_price_falls_to_it(play: Play) -> None:
    """The stop of a bracket fills at its price when the path crosses it, and the target goes with it."""
    bars = [(10, 10, 10, 10), (10, 11, 9.5, 10), (10, 10, 8, 8.5), (8, 20, 8, 20)]
    result = play(bars, {0: lambda self: self.buy(1, stop=9, take=15)})

    assert fills(result) == [(1, 1, Decimal(10), Decimal(1)), (2, -1, Decimal(9), Decimal(1))]


def test_a_target_sells_where_the_price_rises_to_it(play: Play) -> None:
    """The target fills at its price, and the stop goes with it."""
    bars = [(10, 10, 10, 10), (10, 11, 9.5, 10), (10, 16, 10, 16), (8, 8, 8, 8)]
    result = play(bars, {0: lambda self: self.buy(1, stop=9, take=15)})

    assert fills(result)[1:] == [(2, -1, Decimal(15), Decimal(1))]


def test_after_a_gap_a_stop_sells_at_the_open(play: Play) -> None:
    """A stop that the open has passed gets what the market gives."""
    bars = [(10, 10, 10, 10), (10, 10, 10, 10), (7, 8, 6, 8)]
    result = play(bars, {0: lambda self: self.buy(1, stop=9)})

    assert fills(result)[1:] == [(2, -1, Decimal(7), Decimal(1))]


def test_a_bracket_works_in_the_candle_of_its_entry(play: Play) -> None:
    """Stop before target where both lie as far from the open."""
    bars = [(10, 10, 10, 10), (10, 12, 8, 10), (10, 10, 10, 10)]
    result = play(bars, {0: lambda self: self.buy(1, stop=9, take=11)})

    assert fills(result) == [(1, 1, Decimal(10), Decimal(1)), (1, -1, Decimal(9), Decimal(1))]


def test_legs_end_with_the_position(play: Play, flat_bars: Any) -> None:
    """What closes the position takes its stop and target away; cancel() leaves them."""
    bars = [*flat_bars(10, 10, 10, 10), (10, 20, 5, 10)]
    closed = play(bars, {0: lambda self: self.buy(1, stop=9, take=11), 2: lambda self: self.close()})
    kept = play(bars, {0: lambda self: self.buy(1, stop=9, take=11), 2: lambda self: self.cancel()})

    assert [fill[:2] for fill in fills(closed)] == [(1, 1), (3, -1)]
    assert [fill[:2] for fill in fills(kept)] == [(1, 1), (4, -1)]
    assert closed.outcome.refused == 0


def test_a_stop_order_buys_where_the_price_rises_to_it(play: Play) -> None:
    """A trigger above the market waits for a breakout."""
    bars = [(10, 10, 10, 10), (10, 11, 9, 10), (10, 13, 10, 12), (12, 12, 12, 12)]
    result = play(bars, {0: lambda self: self.buy(1, trigger=12)})

    assert fills(result) == [(2, 1, Decimal(12), Decimal(1))]


def test_volume_bounds_fills_and_the_rest_goes_on(play: Play, flat_bars: Any) -> None:
    """A market order takes its share of each candle until it is whole."""
    result = play(
        flat_bars(10, 10, 10, 10, 10), {0: lambda self: self.buy("1.2")}, volume_share=Decimal("0.5")
    )

    assert [fill[3] for fill in fills(result)] == [Decimal("0.5"), Decimal("0.5"), Decimal("0.2")]


def test_latency_lets_an_open_pass(play: Play, flat_bars: Any) -> None:
    """An order that arrives after an open waits for the next one."""
    plan = {0: lambda self: self.buy(1)}

    assert fills(play(flat_bars(10, 11, 12), plan, latency_ms=1))[0][:3] == (2, 1, Decimal(12))


def test_limits_keep_to_the_tick(play: Play) -> None:
    """A buy is rounded down, a sell up: never to a worse price."""
    bars = [(10, 10, 10, 10)] * 2 + [(10, 13, 8, 10)] * 2
    plan = {
        0: lambda self: self.buy(1),
        1: lambda self: (self.buy(1, limit="9.99"), self.sell(1, limit="12.01")),
    }
    result = play(bars, plan, tick=Decimal("0.5"))

    assert [fill[2] for fill in fills(result)] == [Decimal(10), Decimal("9.5"), Decimal("12.5")]


def test_small_orders_are_refused(play: Play, flat_bars: Any) -> None:
    """The venue's smallest value holds."""
    result = play(flat_bars(10, 10, 10), {0: lambda self: self.buy("0.4")}, min_value=Decimal(5))

    assert (fills(result), result.outcome.refused) == ([], 1)


def test_a_limit_through_the_market_pays_the_takers_fee(play: Play) -> None:
    """Who crosses the market on arrival is no maker."""
    bars = [(10, 10, 10, 10)] * 3
    result = play(
        bars, {0: lambda self: self.buy(1, limit=11)}, fee=Decimal("0.01"), maker_fee=Decimal("0.001")
    )

    assert [done.fee for done in result.outcome.executions] == [Decimal("0.10")]


def test_an_amended_order_rests_at_its_new_price(play: Play) -> None:
    """amend() takes the old one back."""
    bars = [(10, 10, 10, 10), (10, 10, 9.5, 10), (10, 10, 7, 10)]
    plan = {
        0: lambda self: self.buy(1, limit=9),
        1: lambda self: self.amend(self.orders[0], limit=8),
    }

    assert fills(play(bars, plan)) == [(2, 1, Decimal(8), Decimal(1))]


def test_funding_is_paid_by_who_holds(play: Play, flat_bars: Any) -> None:
    """At each funding time the value of the position times the rate leaves the money."""
    around = Surroundings(funding=(np.array([180_000], dtype=np.int64), np.array([0.01])))
    result = play(flat_bars(100, 100, 100, 100, 100), {0: lambda self: self.buy(1)}, around=around)

    assert result.final_equity == Decimal(999)
