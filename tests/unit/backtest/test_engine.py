"""The rules of filling (docs/backtest.md), one test each."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from cryptobot.configs.errors import SettingsError, StrategyError

Play = Callable[..., Any]


def fills(result: Any) -> list[tuple[int, int, Decimal, Decimal]]:
    return [(done.index, done.sign, done.price, done.amount) for done in result.outcome.executions]


def test_a_market_order_fills_at_the_next_open(play: Play) -> None:
    """Decided on a close, filled at the open of the candle after it."""
    bars = [(10, 12, 9, 11), (13, 15, 12, 14), (16, 17, 15, 16)]
    result = play(bars, {0: lambda self: self.buy(1), 1: lambda self: self.close()})

    assert fills(result) == [(1, 1, Decimal(13), Decimal(1)), (2, -1, Decimal(16), Decimal(1))]
    assert Decimal(1003) == result.final_equity


def test_an_order_of_the_last_candle_never_fills(play: Play, flat_bars: Any) -> None:
    """There is no open after the last candle."""
    result = play(flat_bars(10, 10, 10), {2: lambda self: self.buy(1)})

    assert fills(result) == []


def test_amounts_are_rounded_down_to_the_lot(play: Play, flat_bars: Any) -> None:
    """A size between two steps becomes the smaller one; less than one step is refused."""
    plan = {0: lambda self: self.buy(cash=10), 1: lambda self: self.buy("0.009")}
    result = play(flat_bars(3, 3, 3), plan)

    assert [(1, 1, Decimal(3), Decimal("3.33"))] == fills(result)
    assert result.outcome.refused == 1


def test_fees_are_taken_on_both_sides_exactly(play: Play, flat_bars: Any) -> None:
    """A round trip at one price costs both fees, to the last digit."""
    plan = {0: lambda self: self.buy("1.23"), 1: lambda self: self.close()}
    result = play(flat_bars(100.1, 100.1, 100.1), plan, fee=Decimal("0.0007"))

    assert Decimal(1000) - 2 * Decimal("1.23") * Decimal("100.1") * Decimal("0.0007") == result.final_equity
    assert result.trades[0].pnl_net == result.final_equity - 1000


def test_an_order_beyond_the_money_is_refused(play: Play, flat_bars: Any) -> None:
    """A buy whose value and fee exceed the free money does nothing and is counted."""
    result = play(flat_bars(10, 10, 10), {0: lambda self: self.buy(100)}, fee=Decimal("0.001"))

    assert (fills(result), result.outcome.refused) == ([], 1)


def test_slippage_worsens_market_orders(play: Play, flat_bars: Any) -> None:
    """Buys fill higher and sells lower by the fraction given."""
    plan = {0: lambda self: self.buy(1), 1: lambda self: self.close()}
    result = play(flat_bars(100, 100, 100), plan, slippage=Decimal("0.01"))

    assert [Decimal(101), Decimal(99)] == [done.price for done in result.outcome.executions]


def test_a_limit_waits_until_its_price_is_reached(play: Play) -> None:
    """A resting buy fills at its limit on the first candle that reaches it, not before."""
    bars = [(10, 10, 10, 10), (10, 11, 9.5, 10), (10, 10, 9, 9.5), (9, 9, 9, 9)]
    result = play(bars, {0: lambda self: self.buy(1, limit=9)})

    assert [(2, 1, Decimal(9), Decimal(1))] == fills(result)


def test_a_limit_that_the_open_has_passed_fills_at_the_open(play: Play) -> None:
    """A gap beyond the limit gives the better price."""
    bars = [(10, 10, 10, 10), (8, 9, 7, 8), (8, 8, 8, 8)]
    result = play(bars, {0: lambda self: self.buy(1, limit=9)})

    assert [(1, 1, Decimal(8), Decimal(1))] == fills(result)


def test_limits_fill_in_the_order_of_the_path(play: Play) -> None:
    """The nearer extreme comes first: with the low nearer, the buy fills before the sell above it."""
    bars = [(10, 10, 10, 10), (10, 10, 10, 10), (10, 14, 9, 12), (12, 12, 12, 12)]
    plan = {
        0: lambda self: self.buy(1),
        1: lambda self: (self.sell(1, limit=13), self.buy(1, limit=9)),
    }
    near_low = play(bars, plan)
    bars[2] = (10, 11, 5, 6)
    near_high = play(bars, {**plan, 1: lambda self: (self.sell(1, limit=11), self.buy(1, limit=6))})

    assert [fill[:2] for fill in fills(near_low)] == [(1, 1), (2, 1), (2, -1)]
    assert [fill[:2] for fill in fills(near_high)] == [(1, 1), (2, -1), (2, 1)]


def test_maker_fee_is_for_resting_orders(play: Play) -> None:
    """A limit pays the maker's fee, a market order the taker's."""
    bars = [(10, 10, 10, 10)] * 4
    plan = {0: lambda self: self.buy(1), 1: lambda self: self.buy(1, limit=10)}
    result = play(bars, plan, fee=Decimal("0.01"), maker_fee=Decimal("0.001"))

    assert [Decimal("0.1"), Decimal("0.01")] == [done.fee for done in result.outcome.executions]


def test_cancel_takes_resting_orders_back(play: Play) -> None:
    """After cancel() nothing of before fills."""
    bars = [(10, 10, 10, 10), (10, 10, 9.5, 10), (10, 10, 5, 10), (10, 10, 5, 10)]
    result = play(bars, {0: lambda self: self.buy(1, limit=9), 1: lambda self: self.cancel()})

    assert fills(result) == []


def test_fills_are_told_at_the_close_of_their_candle(play: Play, flat_bars: Any) -> None:
    """on_fill runs before on_candle of the candle that the fill happened in."""
    result = play(flat_bars(10, 11, 12), {0: lambda self: self.buy(1)})

    assert [(1, "buy", Decimal(11))] == result.strategy.state["fills"]


def test_partial_sales_make_one_trade(play: Play, flat_bars: Any) -> None:
    """A trade lasts from flat to flat; its prices are averages."""
    plan = {0: lambda self: self.buy(2), 1: lambda self: self.sell(1), 2: lambda self: self.close()}
    result = play(flat_bars(10, 10, 20, 30, 30), plan)
    (trade,) = result.trades

    assert (1, 3, Decimal(2)) == (trade.entry_bar, trade.exit_bar, trade.qty)
    assert (Decimal(10), Decimal(25), Decimal(30)) == (trade.entry_price, trade.exit_price, trade.pnl_net)


def test_a_strategy_that_raises_is_told_with_its_line(play: Play, flat_bars: Any) -> None:
    """The author's error becomes one sentence with file and line."""
    with pytest.raises(StrategyError, match=r"conftest\.py, line \d+: ZeroDivisionError"):
        play(flat_bars(1, 1), {0: lambda self: 1 / 0})


def test_too_few_candles_are_told(play: Play, flat_bars: Any) -> None:
    """Data that are all warm-up are refused with the way out."""
    with pytest.raises(SettingsError, match="--warmup"):
        play(flat_bars(1, 1), {}, warmup=1000)


def test_no_decision_falls_into_the_warm_up(play: Play, flat_bars: Any) -> None:
    """The first candle decided on is the one whose index is the warm-up's length."""
    called = []
    play(flat_bars(*[1.0] * 6), dict.fromkeys(range(6), called.append), warmup=3)

    assert len(called) == 3
