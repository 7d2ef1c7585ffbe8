"""Equity in units: flows are neither profit nor loss."""

from decimal import Decimal

from cryptobot.services.accounting import fund
from cryptobot.services.accounting.fund import Fund
from hypothesis import given
from hypothesis import strategies as st

MONEY = st.decimals(min_value="0.01", max_value="1000000", places=2)
CLOSE = Decimal("1e-18")


def test_a_deposit_changes_units_not_their_price() -> None:
    """1000 become 1100 by trading, then 500 come: the price stays 1.1."""
    begun = fund.begun(Decimal(1000)).valued(Decimal(1100))

    after = begun.valued(Decimal(1600), flow=Decimal(500))

    assert begun.price == after.price == Decimal("1.1")
    assert abs(after.units * after.price - 1600) < CLOSE
    assert after.growth_since(Decimal(1)) == Decimal("0.1")


def test_a_withdrawal_is_no_loss() -> None:
    """Half of the money goes; a unit costs what it cost."""
    after = fund.begun(Decimal(1000)).valued(Decimal(500), flow=Decimal(-500))

    assert (after.price, after.units) == (1, 500)


def test_an_emptied_account_goes_on_at_its_old_price() -> None:
    """All is withdrawn, later new money comes: the past return stays."""
    lost = fund.begun(Decimal(1000)).valued(Decimal(900))

    emptied = lost.valued(Decimal(0), flow=Decimal(-900))
    refilled = emptied.valued(Decimal(300), flow=Decimal(300))

    assert refilled.price == Decimal("0.9")
    assert abs(refilled.units * refilled.price - 300) < CLOSE


def test_a_drawdown_is_a_percentage_and_never_negative() -> None:
    """From 2 to 1.5 is 25 %; a gain is none."""
    assert fund.drawdown(Decimal("1.5"), Decimal(2)) == 25
    assert fund.drawdown(Decimal(3), Decimal(2)) == 0


@given(start=MONEY, flows=st.lists(st.tuples(MONEY, st.decimals("-0.5", "1", places=3)), max_size=8))
def test_the_price_is_the_product_of_the_growth(start: Decimal, flows: list[tuple[Decimal, Decimal]]) -> None:
    """Whatever is paid in between, the price of a unit grows as the trading did."""
    now, equity, product = fund.begun(start), start, Decimal(1)
    for paid_in, growth in flows:
        equity = equity * (1 + growth) + paid_in
        product *= 1 + growth
        now = now.valued(equity, flow=paid_in)

    assert isinstance(now, Fund)
    assert abs(now.price / product - 1) < Decimal("1e-12")
    assert abs(now.units * now.price / equity - 1) < Decimal("1e-12")
