"""Two strategies on one market: each has its own position and its own trades."""

from decimal import Decimal

import pytest
from cryptobot.bus.contracts.trade import Fill
from cryptobot.services.accounting.exact import total
from cryptobot.services.accounting.executions import Executions
from cryptobot.services.accounting.subpositions import SubPositions
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs


def fill(
    number: int, source: str, side: str, amount: str, price: str, fee: str = "0", fee_in: str = "USDT"
) -> Fill:
    quantity, each = Decimal(amount), Decimal(price)
    return Fill(
        id=str(number),
        order_id=f"o{number}",
        client_order_id=f"o{number}",
        exchange="paper",
        symbol="BTC/USDT",
        side=side,
        price=each,
        amount=quantity,
        cost=quantity * each,
        fee=Decimal(fee),
        fee_currency=fee_in,
        maker=False,
        ts_ms=number * 1000,
        source=source,
    )


def test_each_source_has_its_own_position() -> None:
    """A buys 1 at 100, B buys 2 at 110; A sells its own at 120."""
    subs = SubPositions()
    subs.take(fill(1, "a", "buy", "1", "100"))
    subs.take(fill(2, "b", "buy", "2", "110"))

    closed = subs.take(fill(3, "a", "sell", "1", "120"))

    assert [(one.owner, one.profit) for one in closed] == [("a", 20)]
    assert (subs.of("b", "BTC/USDT").amount, subs.of("b", "BTC/USDT").average) == (2, 110)
    assert subs.held("BTC/USDT") == 2


def test_a_stop_at_the_venue_closes_whoever_holds() -> None:
    """The stop's order belongs to no strategy: the oldest coins go first."""
    subs = SubPositions()
    subs.take(fill(1, "a", "buy", "1", "100"))
    subs.take(fill(2, "b", "buy", "1", "110"))

    closed = subs.take(fill(3, "protection", "sell", "2", "90"), stopped=True)

    assert [(one.owner, one.profit, one.stopped) for one in closed] == [("a", -10, True), ("b", -20, True)]
    assert subs.held("BTC/USDT") == 0


def test_the_crumb_that_a_fee_in_coins_leaves_ends_a_trade() -> None:
    """0.999 arrived, 0.9985 can be sold: that closes the trade, and the crumb waits for the next one."""
    subs = SubPositions()
    subs.take(fill(1, "a", "buy", "1", "100", "0.001", "BTC"))

    closed = subs.take(fill(2, "a", "sell", "0.9985", "100"))

    assert [one.owner for one in closed] == ["a"]
    assert subs.of("a", "BTC/USDT").amount == Decimal("0.0005")


def test_partial_exits_are_one_trade() -> None:
    """Half at a gain, half at a loss: one trade, with the sum."""
    subs = SubPositions()
    subs.take(fill(1, "a", "buy", "2", "100"))

    assert subs.take(fill(2, "a", "sell", "1", "130")) == []
    closed = subs.take(fill(3, "a", "sell", "1", "80"))

    assert [one.profit for one in closed] == [10]


def test_coins_from_elsewhere_belong_to_nobody() -> None:
    """More is sold than was bought through us: that part is no trade of anybody."""
    subs = SubPositions()

    assert subs.take(fill(1, "a", "sell", "1", "100")) == []
    assert subs.held("BTC/USDT") == 0


def test_a_fee_in_another_asset_is_valued_when_its_price_is_known() -> None:
    """Paid in BNB at 600."""
    known = SubPositions(lambda asset, quote: Decimal(600) if (asset, quote) == ("BNB", "USDT") else None)
    unknown = SubPositions()
    for subs in (known, unknown):
        subs.take(fill(1, "a", "buy", "1", "100", "0.01", "BNB"))

    assert known.of("a", "BTC/USDT").cost == 106
    assert unknown.of("a", "BTC/USDT").cost == 100


def test_old_fills_may_be_forgotten_while_positions_stay() -> None:
    """A service that only looks at what is recent does not grow for ever; a late fill is counted as well."""
    executions = Executions(lambda asset, quote: None, keep=10)
    for number in range(1, 100):
        assert executions.take(fill(number, "a", "buy" if number % 2 else "sell", "1", "100"))
    assert not executions.take(fill(99, "a", "buy", "1", "100"))
    assert executions.take(structs.replace(fill(95, "b", "buy", "3", "100"), id="late"))

    assert len(executions.fills) <= 20
    assert len(executions.trades) <= 30
    assert executions.positions.held("BTC/USDT") == 4


def test_a_late_fill_takes_its_place_in_time() -> None:
    """Bought before it was sold, told after."""
    executions = Executions(lambda asset, quote: None)
    executions.take(fill(2, "a", "sell", "1", "120"))

    executions.take(fill(1, "a", "buy", "1", "100"))

    assert [trade.profit for trade in executions.trades] == [20]


STEP = st.tuples(
    st.sampled_from(["a", "b", "protection"]),
    st.sampled_from(["buy", "sell"]),
    st.integers(1, 50),
    st.integers(1, 1000),
)


@given(st.lists(STEP, max_size=30))
@pytest.mark.filterwarnings("error")
def test_nothing_is_lost_between_the_owners(steps: list[tuple[str, str, int, int]]) -> None:
    """What all hold, what they paid and earned, adds up to what was bought and sold, to the last digit."""
    subs, held, bought, sold_of_ours = SubPositions(), Decimal(0), Decimal(0), Decimal(0)
    for number, (source, side, amount, price) in enumerate(steps):
        quantity = Decimal(amount)
        if side == "buy":
            held, bought = held + quantity, bought + quantity * price
        else:
            ours = min(quantity, held)
            held, sold_of_ours = held - ours, sold_of_ours + ours * price
        subs.take(fill(number, source, side, str(amount), str(price)))

    positions = subs.all.values()
    assert subs.held("BTC/USDT") == held
    assert all(one.amount >= 0 for one in positions)
    realised = total(one.realised for one in positions)
    assert abs(realised + bought - total(one.cost for one in positions) - sold_of_ours) < Decimal("1e-15")
