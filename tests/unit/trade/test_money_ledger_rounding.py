"""Exact arithmetic, balanced entries, and the market's grid."""

from decimal import Decimal, Inexact

import pytest
from cryptobot.services.connectors.venue import Market
from cryptobot.services.trade import ids, ledger, money, rounding
from cryptobot.services.trade.ledger import Entry, Posting, UnbalancedEntryError
from cryptobot.services.trade.order import FillRecord
from hypothesis import given
from hypothesis import strategies as st

MARKET = Market(
    symbol="BTC/USDT", base="BTC", quote="USDT", tick=Decimal("0.05"), step=Decimal("0.00003"),
)  # fmt: skip
POSITIVE = st.decimals("0.00001", "1000000", places=8)


def test_sums_beyond_28_digits_stay_exact():
    """Python's own sum would round here."""
    assert money.add(Decimal(10**30), Decimal("1e-8")) == Decimal("1000000000000000000000000000000.00000001")


def test_what_cannot_be_exact_raises():
    """A product too long to keep is an error, not a rounded figure."""
    with pytest.raises(Inexact):
        money.multiply(Decimal("1." + "3" * 150), Decimal("1." + "3" * 150))


def test_entry_that_does_not_balance_is_refused():
    """Nothing is booked that makes money out of nothing."""
    with pytest.raises(UnbalancedEntryError, match="does not balance"):
        ledger.balanced(Entry("k", 1, (Posting("a", "USD", Decimal(1)),)))


@given(
    st.sampled_from(["buy", "sell"]), POSITIVE, POSITIVE, POSITIVE, st.sampled_from(["BTC", "USDT", "BNB"])
)
def test_every_fill_balances_per_asset(side, amount, price, fee, currency):
    """Base, quote and fee each sum to zero over the accounts, in whatever asset the fee is."""
    fill = FillRecord(
        id="1", order_id="o", exchange="x", symbol="BTC/USDT", side=side, price=price, amount=amount,
        cost=money.multiply(price, amount), fee=fee, fee_currency=currency, maker=False, ts_ms=1,
    )  # fmt: skip
    entry = ledger.fill_entry(fill, "BTC", "USDT")
    for asset in {"BTC", "USDT", currency}:
        assert money.add(*(p.amount for p in entry.postings if p.asset == asset)) == 0


@given(POSITIVE)
def test_rounding_goes_to_the_safe_side(value):
    """T19: amounts and buy prices go down, sell prices up, each by less than one step, onto the grid."""
    amount = rounding.amount(MARKET, value)
    buy, sell = rounding.price(MARKET, "buy", value), rounding.price(MARKET, "sell", value)
    assert 0 <= value - amount < MARKET.step and amount % MARKET.step == 0
    assert 0 <= value - buy < MARKET.tick and buy % MARKET.tick == 0
    assert 0 <= sell - value < MARKET.tick and sell % MARKET.tick == 0


@given(st.text(min_size=1, max_size=200), st.text(min_size=1, max_size=30))
def test_client_order_ids_are_legal_and_the_same_each_time(intent, exchange):
    """Any intent id gives an id that Binance takes, always the same."""
    made = ids.client_order_id(exchange, intent)
    assert ids.CLIENT_ORDER_ID.match(made)
    assert made == ids.client_order_id(exchange, intent)
