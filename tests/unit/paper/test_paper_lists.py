"""One cancels the other."""

from typing import Any

import pytest
from cryptobot.services.paper.orders import NewOrder, Order, OrderList, RefusedError
from cryptobot.services.paper.units import parse

SYMBOL = "BTCUSDT"


Leg = tuple[str, str, str]


def oco(desk: Any, side: str, above: Leg, below: Leg) -> tuple[OrderList, list[Order]]:
    """Place an OCO for one coin; a leg is (type, price, stop price)."""
    legs = [
        NewOrder(SYMBOL, side, kind, quantity=parse("1"), price=parse(price), stop_price=parse(stop))
        for kind, price, stop in (above, below)
    ]
    placed = desk.engine.lists.place("ann", legs[0], legs[1], "", desk.now_ms)
    return placed, [desk.engine.open_orders[number] for number in placed.order_ids]


def bracket(desk: Any) -> tuple[OrderList, list[Order]]:
    """Sell at 1100, or below 950."""
    return oco(desk, "SELL", ("LIMIT_MAKER", "1100", "0"), ("STOP_LOSS_LIMIT", "940", "950"))


def test_a_selling_pair_holds_its_coins_once(desk: Any) -> None:
    """Ten coins are enough for ten such pairs, not for twenty orders."""
    for _ in range(5):
        bracket(desk)

    assert desk.locked("ann", "BTC") == parse("5")
    desk.assert_exact()


def test_when_the_limit_trades_the_stop_expires(desk: Any) -> None:
    """The list is done, and nothing is locked."""
    placed, (limit, stop) = bracket(desk)

    desk.move("1100", seller=False)

    assert (limit.status, stop.status, placed.status) == ("FILLED", "EXPIRED", "ALL_DONE")
    assert desk.locked("ann", "BTC") == 0
    desk.assert_exact()


def test_when_the_limit_trades_a_part_the_stop_is_gone(desk: Any) -> None:
    """As on Binance: the rest of the limit order stays."""
    placed, (limit, stop) = bracket(desk)

    desk.move("1100", volume="0.4", seller=False, depth="0")

    assert (limit.status, stop.status, placed.status) == ("PARTIALLY_FILLED", "EXPIRED", "EXECUTING")
    desk.assert_exact()


def test_when_the_stop_is_triggered_the_limit_expires_and_the_stop_sells(desk: Any) -> None:
    """What the limit order held is what the stop sells."""
    placed, (limit, stop) = bracket(desk)

    desk.move("950")

    assert (limit.status, stop.status, placed.status) == ("EXPIRED", "FILLED", "ALL_DONE")
    desk.assert_exact()


def test_cancelling_one_cancels_both(desk: Any) -> None:
    """And the money is free."""
    placed, (limit, stop) = bracket(desk)

    desk.engine.cancel(stop, desk.now_ms)

    assert (limit.status, stop.status, placed.status) == ("CANCELED", "CANCELED", "ALL_DONE")
    assert desk.locked("ann", "BTC") == 0


def test_a_buying_pair_holds_what_the_dearer_leg_needs(desk: Any) -> None:
    """1060 for the stop's limit, not 900 + 1060."""
    _, (limit, stop) = oco(desk, "BUY", ("STOP_LOSS_LIMIT", "1060", "1050"), ("LIMIT_MAKER", "900", "0"))
    assert desk.locked("ann", "USDT") == parse("1060")

    desk.move("1050", seller=False)

    assert (limit.status, stop.status) == ("EXPIRED", "FILLED")
    assert desk.locked("ann", "USDT") == 0
    desk.assert_exact()


def test_prices_must_stand_around_the_market(desk: Any) -> None:
    """Nothing is placed when they do not."""
    with pytest.raises(RefusedError, match="relationship of the prices"):
        oco(desk, "SELL", ("LIMIT_MAKER", "1100", "0"), ("STOP_LOSS_LIMIT", "1010", "1005"))
    assert desk.engine.open_orders == {}
