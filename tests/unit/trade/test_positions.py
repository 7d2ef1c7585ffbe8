"""Positions and profit, by average and by FIFO."""

from decimal import Decimal

import pytest
from cryptobot.services.trade import positions
from cryptobot.services.trade.order import FillRecord
from cryptobot.services.trade.positions import PositionRecord
from hypothesis import given
from hypothesis import strategies as st


def fill(side, amount, price, fee="0", currency="USD"):
    amount, price = Decimal(amount), Decimal(price)
    return FillRecord(
        id="1", order_id="o", exchange="x", symbol="BTC/USD", side=side, price=price, amount=amount,
        cost=amount * price, fee=Decimal(fee), fee_currency=currency, maker=False, ts_ms=1,
    )  # fmt: skip


def booked(*fills, fee_price=None):
    position = PositionRecord(exchange="x", symbol="BTC/USD")
    for one in fills:
        positions.book(position, one, "BTC", "USD", fee_price)
    return position


def test_average_and_fifo_differ_when_prices_differ():
    """Selling one of two realises against the mean, or against the first."""
    position = booked(fill("buy", 1, 100), fill("buy", 1, 200), fill("sell", 1, 300))
    assert (position.realised, position.realised_fifo) == (150, 200)
    assert (position.amount, position.cost) == (1, 150)


def test_fee_in_quote_makes_the_position_dearer():
    """A fee in quote is part of the cost, and of the proceeds of a sale."""
    position = booked(fill("buy", 1, 100, "2"), fill("sell", 1, 110, "3"))
    assert (position.amount, position.cost, position.realised, position.fees) == (0, 0, 5, 5)


def test_fee_in_base_makes_the_position_smaller():
    """T21: what was bought less the fee is what can be sold."""
    position = booked(fill("buy", 1, 100, "0.001", "BTC"))
    assert (position.amount, position.cost) == (Decimal("0.999"), 100)
    assert position.fees == Decimal("0.1")


def test_fee_in_a_third_asset_counts_at_its_price():
    """A fee in another coin counts in quote when its price is known, and not at all when it is not."""
    assert booked(fill("buy", 1, 100, "0.5", "BNB"), fee_price=Decimal(4)).cost == 102
    assert booked(fill("buy", 1, 100, "0.5", "BNB")).cost == 100


def test_selling_more_than_is_held_turns_the_position():
    """What goes beyond the position opens one of the other sign, at the price of that fill."""
    position = booked(fill("buy", 1, 100), fill("sell", 3, 120), fill("buy", 2, 110))
    assert position.amount == 0
    assert position.realised == position.realised_fifo == 40


def test_unrealised_is_value_less_cost():
    """An open position is worth its market price."""
    assert booked(fill("buy", 2, 100)).unrealised(Decimal(130)) == 60


FILLS = st.lists(
    st.tuples(st.sampled_from(["buy", "sell"]), st.integers(1, 10**6), st.integers(1, 10**7)), max_size=30
)


@given(FILLS)
def test_money_is_conserved(trades):
    """Realised profit plus what the open part cost is what went in and out, exactly, both ways of
    counting.
    """
    fills = [
        fill(side, Decimal(amount).scaleb(-5), Decimal(price).scaleb(-2)) for side, amount, price in trades
    ]
    position = booked(*fills)
    flow = sum((one.cost if one.side == "sell" else -one.cost for one in fills), Decimal(0))
    assert position.realised - position.cost == flow
    assert position.realised_fifo - sum(lot.cost for lot in position.lots) == flow
    assert position.amount == sum(lot.amount for lot in position.lots)


@pytest.mark.parametrize("count", [10_000])
def test_ten_thousand_tiny_fills_sum_exactly(count):
    """T20: 10,000 fills of 0.00000001 make 0.0001, to the last digit."""
    position = booked(*[fill("buy", "0.00000001", "3735.01")] * count)
    assert position.amount == Decimal("0.0001")
    assert position.cost == Decimal("0.373501")
