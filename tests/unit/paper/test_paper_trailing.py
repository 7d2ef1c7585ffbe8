"""Trailing stops as Binance describes them: the scenarios of its documentation, price by price."""

import msgspec
import pytest
from cryptobot.services.paper.orders import NewOrder, Order, RefusedError
from cryptobot.services.paper.units import parse

SCENARIOS = {
    "a stop-loss buy follows from its stop price on": (
        "BUY", "STOP_LOSS_LIMIT", "1125", "1100", 500, ["925", "1100", "1125", "1150", "1050"], "1102.5",
    ),
    "a stop-loss sell follows from its stop price on": (
        "SELL", "STOP_LOSS_LIMIT", "950", "975", 1000, ["1037.5", "975", "925", "1025"], "922.5",
    ),
    "a take-profit buy remembers the lowest price": (
        "BUY", "TAKE_PROFIT_LIMIT", "962.5", "950", 850, ["1050", "950", "925", "975", "950"], "1003.63",
    ),
    "a take-profit sell remembers the highest price": (
        "SELL", "TAKE_PROFIT_LIMIT", "1025", "1050", 750, ["1037.5", "975", "1050", "1125", "1100", "1162.5"],
        "1075.31",
    ),
    "without a stop price it follows from the price it finds": (
        "SELL", "STOP_LOSS_LIMIT", "975", "0", 700, ["1050", "987.5", "1137.5"], "1057.87",
    ),
}  # fmt: skip


def trail(desk, side, kind, price, stop, delta, **more):
    request = NewOrder(
        "BTCUSDT", side, kind, quantity=parse("0.1"), price=parse(price), stop_price=parse(stop),
        trailing_delta=delta, **more,
    )  # fmt: skip
    desk.now_ms += 1
    return desk.engine.place("ann", request, desk.now_ms)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_trailing_stop_is_triggered_by_the_price_that_documentation_names(desk, name):
    """None of the prices before it triggers the order; that one does, and not a cent earlier."""
    side, kind, price, stop, delta, way, last = SCENARIOS[name]
    order = trail(desk, side, kind, price, stop, delta)
    for step in way:
        desk.move(step, volume="0")
        assert order.waiting, step
    short = parse(last) + (parse("0.01") if side == "SELL" else -parse("0.01"))
    desk.engine.step("BTCUSDT", short, 0, True, parse("400"), 7, desk.now_ms + 1)
    assert order.waiting
    desk.move(last, volume="0")
    assert order.triggered
    desk.assert_exact()


def test_a_trailing_stop_at_the_market_sells_what_it_holds(desk):
    """STOP_LOSS with trailingDelta: followed up, sold on the way down, all money accounted for."""
    request = NewOrder("BTCUSDT", "SELL", "STOP_LOSS", quantity=parse("1"), trailing_delta=100)
    order = desk.engine.place("ann", request, desk.now_ms)
    desk.move("1200")
    desk.move("1189")
    assert (order.waiting, order.extreme) == (True, parse("1200"))
    desk.move("1188")
    assert order.status == "FILLED"
    desk.assert_exact()


def test_a_buy_that_trails_pays_for_what_the_book_asks(desk):
    """STOP_LOSS BUY without any price holds money at the last price and takes the rest when triggered."""
    request = NewOrder("BTCUSDT", "BUY", "STOP_LOSS", quantity=parse("1"), trailing_delta=200)
    order = desk.engine.place("ann", request, desk.now_ms)
    assert desk.locked("ann", "USDT") == parse("1000")
    desk.move("900")
    desk.move("1500")
    assert order.status == "FILLED"
    assert order.executed_quote > parse("1400")
    desk.assert_exact()


@pytest.mark.parametrize("delta", [9, 2001])
def test_a_delta_outside_of_the_filter_is_refused(desk, delta):
    """TRAILING_DELTA allows 10 to 2,000 basis points."""
    with pytest.raises(RefusedError, match="TRAILING_DELTA") as caught:
        trail(desk, "SELL", "STOP_LOSS_LIMIT", "900", "0", delta)
    assert caught.value.code == -1013


def test_what_it_remembers_is_stored_with_the_order(desk):
    """A new best price changes the stored order, so that a restart goes on from there."""
    order = trail(desk, "SELL", "STOP_LOSS_LIMIT", "900", "0", 1000)
    desk.engine.take_changes()
    desk.move("1300", volume="0")
    stored = desk.engine.take_changes().orders[order.order_id]
    again = msgspec.json.decode(msgspec.json.encode(stored), type=Order)
    assert (again.extreme, again.trailing_delta, again.waiting) == (parse("1300"), 1000, True)


def test_an_order_written_before_trailing_stops_is_read(desk):
    """The fields that are new have defaults: a file of an older version opens."""
    body = msgspec.to_builtins(desk.place("ann", "BUY", "LIMIT", "0.1", price="900"))
    for name in ("trailing_delta", "extreme", "trailing_ms"):
        del body[name]
    old = msgspec.json.decode(msgspec.json.encode(body), type=Order)
    assert (old.trailing_delta, old.extreme, old.trailing_ms) == (0, 0, -1)
