"""One triggers the other (OTO), and one triggers a pair (OTOCO)."""

from typing import Any

import pytest
from cryptobot.services.paper.orders import NewOrder, Order, OrderList, RefusedError
from cryptobot.services.paper.units import parse

SYMBOL = "BTCUSDT"


def request(side: str, kind: str, price: str = "0", stop: str = "0", amount: str = "1") -> NewOrder:
    return NewOrder(SYMBOL, side, kind, quantity=parse(amount), price=parse(price), stop_price=parse(stop))


def after(desk: Any, working: NewOrder, *pending: NewOrder) -> tuple[OrderList, list[Order]]:
    """Place a list; its orders, the working one first."""
    placed = desk.engine.lists.place_after("ann", working, pending, "", desk.now_ms)
    desk.engine.lists.work_due(desk.now_ms)
    return placed, [desk.engine.changes.orders[number] for number in placed.order_ids]


def bracket(desk: Any) -> tuple[OrderList, list[Order]]:
    """Buy at 990; then sell at 1100, or below 950. One coin pays the fee in coins, so less is sold."""
    return after(
        desk,
        request("BUY", "LIMIT", "990"),
        request("SELL", "LIMIT_MAKER", "1100", amount="0.9"),
        request("SELL", "STOP_LOSS", stop="950", amount="0.9"),
    )


def test_pending_orders_hold_nothing_and_trade_nothing(desk: Any) -> None:
    """Only the working order binds money; the others wait even where they would trade at once."""
    placed, (working, *pending) = bracket(desk)
    assert (placed.kind, placed.working_id) == ("OTO", working.order_id)
    assert [order.status for order in pending] == ["PENDING_NEW", "PENDING_NEW"]
    assert desk.locked("ann", "BTC") == 0
    desk.assert_exact()


def test_the_pair_begins_when_the_entry_is_filled_whole(desk: Any) -> None:
    """A part is not enough; then both rest and share their coins."""
    _, (working, target, stop) = bracket(desk)
    desk.move("990", volume="0.4", depth="0")
    assert (working.status, target.status) == ("PARTIALLY_FILLED", "PENDING_NEW")
    desk.move("989", depth="0")
    assert (working.status, target.status, stop.status) == ("FILLED", "NEW", "NEW")
    assert desk.locked("ann", "BTC") == parse("0.9")
    desk.assert_exact()


def test_the_stop_of_a_bracket_ends_its_target(desk: Any) -> None:
    """After its entry a bracket is an OCO: one leg trades, the other expires, the list is done."""
    placed, (_, target, stop) = bracket(desk)
    desk.move("989", depth="0")
    desk.move("940")
    assert (target.status, stop.status, placed.status) == ("EXPIRED", "FILLED", "ALL_DONE")
    assert desk.locked("ann", "BTC") == 0
    desk.assert_exact()


def test_cancelling_the_entry_ends_those_that_wait(desk: Any) -> None:
    """All orders of the list are gone and nothing is bound."""
    placed, (working, *pending) = bracket(desk)
    desk.engine.cancel(working, desk.now_ms)
    assert [order.open for order in (working, *pending)] == [False, False, False]
    assert placed.status == "ALL_DONE"
    assert desk.locked("ann", "USDT") == 0
    desk.assert_exact()


def test_an_entry_that_takes_at_once_starts_its_follower_at_once(desk: Any) -> None:
    """A marketable working order is filled while it is placed, and the pending one rests then."""
    _, (working, follower) = after(
        desk, request("BUY", "LIMIT", "1100"), request("SELL", "LIMIT", "1200", amount="0.9")
    )
    assert (working.status, follower.status) == ("FILLED", "NEW")
    desk.assert_exact()


def test_a_follower_without_coins_is_rejected(desk: Any) -> None:
    """What it needs must be there when its time comes; nothing is bound by half."""
    _, (working, follower) = after(
        desk, request("BUY", "LIMIT", "1100"), request("SELL", "LIMIT", "1200", amount="500")
    )
    assert (working.status, follower.status) == ("FILLED", "REJECTED")
    assert desk.locked("ann", "BTC") == 0
    desk.assert_exact()


def test_a_list_that_cannot_be_placed_leaves_no_trace(desk: Any) -> None:
    """Too little money for the working order: refused, and nothing waits."""
    with pytest.raises(RefusedError, match="insufficient"):
        after(desk, request("BUY", "LIMIT", "990", amount="5000"), request("SELL", "LIMIT", "1200"))
    assert desk.engine.open_orders == {}
    assert desk.engine.lists.open == {}
