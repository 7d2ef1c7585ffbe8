"""Orders that are changed while they rest."""

from decimal import Decimal

import pytest
from cryptobot.bus.contracts.trade import AmendOrder, Order
from cryptobot.configs.errors import RequestFailedError
from cryptobot.services.connectors import venue as venues
from cryptobot.services.trade import questions

CENT = Decimal("0.01")


async def resting(rig, share="0.7", **fields):
    price = (rig.price * Decimal(share)).quantize(CENT)
    reply = await rig.intend(type_="limit", price=price, amount=Decimal("0.05"), **fields)
    return await rig.state(reply.order_id, "ACCEPTED")


async def amend(rig, order_id, **fields):
    return await rig.client.request("trade", AmendOrder(order_id=order_id, actor="test", **fields), Order)


async def working(rig):
    placed = await rig.exchange_orders()
    return [order for order in placed if order["status"] == "NEW"]


async def test_price_is_changed_in_one_step_of_the_exchange(rig):
    """The successor rests at the new price, the old order is cancelled, and there is never a third."""
    old = await resting(rig)
    wanted = (old.price * Decimal("0.95")).quantize(CENT)
    new = await amend(rig, old.id, price=wanted)
    assert (new.replaces, new.amount, new.price) == (old.id, old.amount, wanted)
    await rig.state(new.id, "ACCEPTED")
    await rig.state(old.id, "CANCELED")
    (rests,) = await working(rig)
    assert (Decimal(rests["price"]), rests["clientOrderId"]) == (wanted, new.client_order_id)
    cash = next(b for b in (await rig.portfolio()).balances if b.asset == "USDT")
    assert cash.used == wanted * old.amount


async def test_amount_is_changed(rig):
    """The successor rests with the new amount."""
    old = await resting(rig)
    new = await amend(rig, old.id, amount=Decimal("0.02"))
    await rig.state(new.id, "ACCEPTED")
    (rests,) = await working(rig)
    assert Decimal(rests["origQty"]) == Decimal("0.02")


async def test_limits_hold_for_the_successor(rig):
    """A price beyond the collar is denied, and the old order stays as it is."""
    old = await resting(rig)
    with pytest.raises(RequestFailedError, match="from the market"):
        await amend(rig, old.id, price=(old.price / 10).quantize(CENT))
    (rests,) = await working(rig)
    assert rests["clientOrderId"] == old.client_order_id


async def test_order_that_does_not_rest_is_not_amended(rig):
    """A filled order cannot be changed; the answer says what it is."""
    done = await rig.buy()
    with pytest.raises(RequestFailedError, match="FILLED"):
        await amend(rig, done.id, price=Decimal(1))


@pytest.mark.parametrize("kind", ["timeout-after", "error-before"])
async def test_amendment_of_unknown_outcome_ends_with_one_order(rig, kind, monkeypatch):
    """T2: an amendment without an answer is looked up; one order rests in the end, and we know which."""
    monkeypatch.setattr(questions, "SURE_AFTER_MS", 1_500)
    monkeypatch.setattr(questions, "_QUESTION_PAUSES_S", (0.1, 0.2, 0.3))
    old = await resting(rig)
    rig.fault(kind, "POST /api/v3/order/cancelReplace", seconds=1.5)
    new = await amend(rig, old.id, price=(old.price * Decimal("0.95")).quantize(CENT))
    await rig.state(new.id, "ACCEPTED", "REJECTED")
    (rests,) = await working(rig)
    known = [order.client_order_id for order in await rig.orders(open_only=True)]
    assert known == [rests["clientOrderId"]]


async def test_venue_that_cannot_replace_gets_a_cancel_first(rig, monkeypatch):
    """Where the venue has no such step the old order's end is awaited before its successor is sent."""
    capabilities = rig.service._parts.venue.capabilities
    without = {name: getattr(capabilities, name) for name in capabilities.__slots__} | {"amend": False}
    monkeypatch.setattr(rig.service._parts.venue, "capabilities", venues.Capabilities(**without))
    old = await resting(rig)
    new = await amend(rig, old.id, price=(old.price * Decimal("0.95")).quantize(CENT))
    await rig.state(old.id, "CANCELED")
    await rig.state(new.id, "ACCEPTED")
    (rests,) = await working(rig)
    assert rests["clientOrderId"] == new.client_order_id


async def test_amendment_that_was_never_sent_is_given_up_at_start(rig, monkeypatch):
    """Killed between the journal and the exchange the successor is REJECTED and the old order still rests."""
    old = await resting(rig)
    monkeypatch.setattr(rig.service._amendments, "_send", lambda old, new: None)
    new = await amend(rig, old.id, price=(old.price * Decimal("0.95")).quantize(CENT))
    await rig.kill_trade()
    await rig.start_trade()
    assert (await rig.order(new.id)).state == "REJECTED"
    assert (await rig.order(old.id)).state == "ACCEPTED"
    assert [order["clientOrderId"] for order in await working(rig)] == [old.client_order_id]


@pytest.mark.parametrize(("force", "state"), [("IOC", "EXPIRED"), ("FOK", "EXPIRED"), ("GTC", "ACCEPTED")])
async def test_time_in_force_is_kept_by_the_exchange(rig, force, state):
    """A limit order below the market rests as GTC and ends at once as IOC or FOK."""
    price = (rig.price * Decimal("0.8")).quantize(CENT)
    reply = await rig.intend(type_="limit", price=price, time_in_force=force)
    order = await rig.state(reply.order_id, state)
    assert (order.time_in_force, order.filled) == (force, 0)
    (there,) = [one for one in await rig.exchange_orders() if one["clientOrderId"] == order.client_order_id]
    assert (there["timeInForce"], there["status"]) == (force, "NEW" if force == "GTC" else "EXPIRED")


async def test_post_only_order_never_takes(rig):
    """A post-only buy above the market is refused by the exchange; below it rests."""
    above = await rig.intend(type_="limit", price=(rig.price * Decimal("1.2")).quantize(CENT), post_only=True)
    refused = await rig.state(above.order_id, "REJECTED")
    assert refused.filled == 0
    below = await rig.intend(type_="limit", price=(rig.price * Decimal("0.8")).quantize(CENT), post_only=True)
    resting = await rig.state(below.order_id, "ACCEPTED")
    there = {one["clientOrderId"]: one for one in await rig.exchange_orders()}
    assert there[resting.client_order_id]["type"] == "LIMIT_MAKER"
    assert refused.client_order_id not in there
