"""One order and its news, in any order (T7-T12, T18)."""

from decimal import Decimal

from cryptobot.services.trade import order as orders
from cryptobot.services.trade.order import Concern, FillRecord, OrderRecord
from cryptobot.services.trade.states import TERMINAL, Event, State
from hypothesis import given, settings
from hypothesis import strategies as st

AMOUNT = Decimal(10)


def made(state=State.SUBMITTED):
    return OrderRecord(
        id="a", client_order_id="a", exchange="x", symbol="A/B", side="buy", type="limit",
        amount=AMOUNT, price=Decimal(2), state=state,
    )  # fmt: skip


def fill(number, amount, price="2"):
    return FillRecord(
        id=str(number), order_id="a", exchange="x", symbol="A/B", side="buy", price=Decimal(price),
        amount=Decimal(amount), cost=Decimal(price) * Decimal(amount), fee=Decimal(0), fee_currency="B",
        maker=True, ts_ms=number,
    )  # fmt: skip


def told(order, status, filled="0", told_ms=0):
    return orders.apply_told(
        order, status=status, filled=Decimal(filled), exchange_order_id="7", told_ms=told_ms
    )


def test_older_snapshot_is_ignored():
    """T18: what the venue said earlier does not undo what it said later."""
    order = made()
    told(order, "canceled", told_ms=20)
    assert not told(order, "open", told_ms=10).changed
    assert order.state is State.CANCELED


def test_open_after_an_end_at_the_same_moment_is_ignored():
    """T18: of two stories of one millisecond the one that goes further counts."""
    order = made()
    told(order, "canceled", told_ms=20)
    assert not told(order, "open", told_ms=20).changed


def test_smaller_filled_amount_is_older():
    """T18: a cumulative amount never shrinks."""
    order = made()
    orders.apply_fill(order, fill(1, "6"))
    told(order, "open", filled="6", told_ms=5)
    assert not told(order, "open", filled="4", told_ms=5).changed


def test_end_waits_for_the_fills_that_it_speaks_of():
    """T9: a cancel with a filled part ends the order when that part is counted."""
    order = made()
    told(order, "canceled", filled="4", told_ms=5)
    assert order.state is State.ACCEPTED and order.awaits_fills
    orders.apply_fill(order, fill(1, "4"))
    assert order.state is State.CANCELED


def test_rejected_order_that_shows_up_is_alive():
    """What was taken for rejected and is there after all is followed again, and somebody hears of it."""
    order = made(State.REJECTED)
    assert told(order, "open").concerns == [Concern.BACK_FROM_REJECTED]
    assert order.state is State.ACCEPTED


def test_average_is_volume_weighted():
    """T12: the average weighs prices by amounts."""
    order = made(State.ACCEPTED)
    orders.apply_fill(order, fill(1, "1", "10"))
    orders.apply_fill(order, fill(2, "3", "20"))
    assert order.average == Decimal("17.5")


NEWS = st.lists(
    st.one_of(
        st.tuples(st.just("fill"), st.integers(1, 6)),
        st.tuples(
            st.just("told"),
            st.sampled_from(["open", "closed", "canceled", "expired", "rejected"]),
            st.integers(0, 12),
            st.integers(0, 9),
        ),
        st.tuples(st.just("move"), st.sampled_from(list(Event))),
        st.tuples(st.just("give up")),
    ),
    max_size=25,
)


@settings(max_examples=400, deadline=None)
@given(NEWS)
def test_no_order_of_news_breaks_an_order(news):
    """Whatever comes in whatever order: every fill is counted, nothing is negative, an end stays an end."""
    order, counted = made(), Decimal(0)
    for number, item in enumerate(news):
        before = order.state
        if item[0] == "fill":
            orders.apply_fill(order, fill(number, item[1]))
            counted += item[1]
        elif item[0] == "told":
            told(order, item[1], filled=str(item[2]), told_ms=item[3])
        elif item[0] == "move":
            own = item[1] in (Event.ASK_CANCEL, Event.REJECT)
            if own and order.filled == 0 and orders.can(order, item[1]):
                orders.move(order, item[1], now_ms=number)
        else:
            orders.give_up_on_details(order)
        assert order.filled == counted
        assert order.remaining == max(AMOUNT - counted, Decimal(0))
        assert order.reserved_quote >= 0
        if before is State.FILLED:
            assert order.state is State.FILLED
        if before in TERMINAL and order.state not in TERMINAL:
            assert before is State.REJECTED
        if order.state is State.FILLED:
            assert max(order.filled, order.told_filled) >= AMOUNT


@settings(max_examples=200, deadline=None)
@given(
    st.permutations(
        [
            ("fill", 1, 4),
            ("fill", 2, 6),
            ("told", "open", 0, 1),
            ("told", "open", 4, 2),
            ("told", "closed", 10, 3),
        ]
    )
)
def test_same_news_in_any_order_ends_the_same(news):
    """T8, T9: fills and reports of one order may overtake each other; it ends FILLED with the same
    figures.
    """
    order = made()
    for item in news:
        if item[0] == "fill":
            orders.apply_fill(order, fill(item[1], item[2]))
        else:
            told(order, item[1], filled=str(item[2]), told_ms=item[3])
    assert (order.state, order.filled, order.cost) == (State.FILLED, AMOUNT, Decimal(20))
