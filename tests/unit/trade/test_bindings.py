"""The running sums of what open orders bind, beside adding up all orders."""

from decimal import Decimal

from cryptobot.services.connectors.venue import Market
from cryptobot.services.trade import money
from cryptobot.services.trade.bindings import Bindings
from cryptobot.services.trade.order import OrderRecord
from cryptobot.services.trade.states import State
from hypothesis import given
from hypothesis import strategies as st

MARKET = Market(symbol="A/B", base="A", quote="B", tick=Decimal("0.01"), step=Decimal("0.01"))
STATES = (State.PENDING, State.SUBMITTED, State.ACCEPTED, State.PENDING_CANCEL, State.FILLED, State.CANCELED)
NEWS = st.tuples(
    st.sampled_from("wxyz"),
    st.sampled_from(("buy", "sell")),
    st.sampled_from(STATES),
    st.integers(0, 10),
    st.booleans(),
)


def order(name: str, side: str, state: State, filled: int) -> OrderRecord:
    return OrderRecord(
        id=name, client_order_id=name, exchange="x", symbol="A/B", side=side, type="limit",
        amount=Decimal(10), price=Decimal("2.50"), state=state, filled=Decimal(filled),
    )  # fmt: skip


@given(st.lists(NEWS, max_size=30))
def test_running_sums_equal_adding_up_all_open_orders(news):
    """After any news the sums are those of the newest state of each open order."""
    bindings, newest = Bindings(), {}
    for name, side, state, filled, leads in news:
        newest[name] = (order(name, side, state, filled), leads)
        bindings.take(newest[name][0], MARKET, leads=leads)
    live = [(one, leads) for one, leads in newest.values() if one.is_open]
    leading = [one for one, leads in live if leads]
    assert bindings.buying("A/B") == money.add(*(one.reserved_quote for one, _ in live))
    assert bindings.used("A") == money.add(*(one.reserved_base for one in leading))
    assert bindings.used("B") == money.add(*(one.reserved_quote for one in leading))
    for side in ("buy", "sell"):
        of_side = [one.remaining for one in leading if one.side == side]
        assert bindings.closing("A/B", side) == money.add(*of_side)


def test_what_every_order_gave_back_leaves_nothing():
    """Ended orders leave sums of zero, whatever digits they had."""
    bindings = Bindings()
    bindings.take(order("w", "buy", State.ACCEPTED, 3), MARKET, leads=True)
    assert bindings.used("B") == Decimal("17.5")
    bindings.take(order("w", "buy", State.CANCELED, 3), MARKET, leads=False)
    assert (bindings.used("B"), bindings.buying("A/B")) == (0, 0)


def test_orders_of_an_unknown_market_bind_no_asset_but_count_as_closing():
    """Before the venue's markets are known, only what the order itself says is summed."""
    bindings = Bindings()
    bindings.take(order("w", "sell", State.ACCEPTED, 4), None, leads=True)
    assert (bindings.closing("A/B", "sell"), bindings.used("A")) == (6, 0)
