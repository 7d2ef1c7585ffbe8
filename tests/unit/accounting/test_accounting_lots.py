"""Which coins were sold, and what they had cost."""

from decimal import Decimal

import pytest
from cryptobot.services.accounting.exact import total
from cryptobot.services.accounting.lots import METHODS, Lot, Method, Pool
from hypothesis import given
from hypothesis import strategies as st


def pool(method: Method) -> Pool:
    """1 at 100, 1 at 300, 1 at 200."""
    found = Pool(method)
    for number, cost in enumerate((100, 300, 200)):
        found.add(Lot(str(number), number * 1000, Decimal(1), Decimal(cost)))
    return found


@pytest.mark.parametrize(("method", "cost"), [("fifo", 100), ("lifo", 200), ("hifo", 300), ("average", 200)])
def test_each_method_sells_its_own_coins(method: Method, cost: int) -> None:
    """One coin sold for 400."""
    (sold,) = pool(method).remove("s", Decimal(1), Decimal(400), 9000)

    assert (sold.cost, sold.gain) == (cost, 400 - cost)


def test_a_sale_over_several_lots_shares_its_proceeds() -> None:
    """1.5 coins for 600: 400 for the first lot, 200 for half of the second."""
    found = pool("fifo").remove("s", Decimal("1.5"), Decimal(600), 9000)

    assert [(one.lot, one.amount, one.proceeds, one.cost) for one in found] == [
        ("0", 1, 400, 100),
        ("1", Decimal("0.5"), 200, 150),
    ]


def test_coins_from_nowhere_have_no_known_cost() -> None:
    """More is sold than ever came: the rest is told, and no gain is invented."""
    found = pool("fifo").remove("s", Decimal(4), Decimal(400), 9000)

    assert (found[-1].origin, found[-1].amount, found[-1].proceeds) == ("unknown", 1, 100)
    assert found[-1].gain is None


def test_a_withdrawal_takes_lots_without_proceeds() -> None:
    """It is no sale."""
    (gone,) = pool("fifo").remove("w", Decimal(1), None, 9000)

    assert (gone.cost, gone.proceeds, gone.gain) == (100, None, None)


def test_a_deposit_of_unknown_cost_is_not_averaged() -> None:
    """Coins whose cost nobody knows stay apart."""
    found = pool("average")
    found.add(Lot("d", 4000, Decimal(1), None, "deposit"))

    costs = [one.cost for one in found.remove("s", Decimal(4), Decimal(400), 9000)]

    assert costs == [200, 200, 200, None]


MOVES = st.lists(st.tuples(st.integers(-40, 40), st.integers(1, 10_000)), max_size=25)


@given(st.sampled_from(METHODS), MOVES)
def test_cost_is_neither_made_nor_lost(method: Method, moves: list[tuple[int, int]]) -> None:
    """Whatever the method: cost in = cost out + cost left; amounts and proceeds likewise, to the digit."""
    found, cost_in, proceeds_in = Pool(method), Decimal(0), Decimal(0)
    gone = []
    for number, (thirds, money) in enumerate(moves):
        amount = Decimal(abs(thirds)) / 7
        if thirds > 0:
            found.add(Lot(str(number), number, amount, Decimal(money)))
            cost_in += money
        elif thirds < 0:
            gone += found.remove(str(number), amount, Decimal(money), number)
            proceeds_in += money

    known = [one for one in gone if one.lot]
    left = [lot.cost for lot in found.lots if lot.cost is not None]
    assert total([*(one.cost for one in known if one.cost is not None), *left]) == cost_in
    assert total(one.proceeds for one in gone if one.proceeds is not None) == proceeds_in
    arrived = total(Decimal(thirds) / 7 for thirds, _ in moves if thirds > 0)
    assert total([*(one.amount for one in known), found.amount]) == arrived
