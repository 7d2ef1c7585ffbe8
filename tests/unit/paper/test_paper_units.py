"""Money as whole numbers."""

from decimal import Decimal

import pytest
from cryptobot.services.paper import units
from cryptobot.services.paper.rules import for_pair
from hypothesis import given
from hypothesis import strategies as st

amounts = st.integers(-(10**18), 10**18)


@given(amounts)
def test_text_and_number_are_inverse(amount: int) -> None:
    """Every amount has one text, which Decimal reads alike."""
    assert units.parse(units.text(amount)) == amount
    assert Decimal(units.text(amount)) * units.UNIT == amount


@pytest.mark.parametrize("text", ["", ".", "1e3", "1,5", "½", "1.2.3", "--1", " 1", "+1", "nan", "٣"])
def test_other_texts_are_no_amounts(text: str) -> None:
    """Only digits and one point."""
    with pytest.raises(ValueError, match="not a decimal number"):
        units.parse(text)


def test_nine_decimals_are_too_many() -> None:
    """Unless the ninth is a zero."""
    assert units.parse("0.123456780") == 12_345_678
    with pytest.raises(units.PrecisionError):
        units.parse("0.123456789")


@given(st.integers(1, 10**13))
def test_a_price_times_an_amount_never_has_nine_decimals(price: int) -> None:
    """Tick and step of every market fit together, so that values are exact."""
    rules = for_pair("AAA", "BBB", price)

    assert rules.tick * rules.step % units.UNIT == 0
