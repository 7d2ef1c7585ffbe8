"""T1-T4, T8, T13, T14, T17: what is unknown stays unknown until the exchange answers."""

from decimal import Decimal

import pytest
from cryptobot.services.trade import questions

ORDER = "POST /api/v3/order"


@pytest.fixture
def sure_soon(monkeypatch):
    """Let an order be given up after 1.5 s instead of the full receive window."""
    monkeypatch.setattr(questions, "SURE_AFTER_MS", 1_500)
    monkeypatch.setattr(questions, "_QUESTION_PAUSES_S", (0.1, 0.2, 0.3))


async def used_cash(rig):
    return next(b for b in (await rig.portfolio()).balances if b.asset == "USDT").used


async def test_killed_between_send_and_acknowledgement(rig):
    """T1: after a restart the order is found by its client order id: one on the exchange, one in the
    database.
    """
    rig.fault("timeout-after", ORDER, seconds=1.5)
    reply = await rig.intend()
    await rig.state(reply.order_id, "SUBMITTED")
    await rig.kill_trade()
    await rig.start_trade()
    await rig.state(reply.order_id, "FILLED")
    placed = await rig.exchange_orders()
    assert [order["clientOrderId"] for order in placed] == [reply.order_id]
    assert [order.id for order in await rig.orders()] == [reply.order_id]
    assert (await rig.verify()).equal


async def test_submit_timed_out_but_accepted(rig):
    """T2: the order is not sent again; a query makes it known."""
    rig.fault("timeout-after", ORDER, seconds=1.5)
    price = (rig.price * Decimal("0.7")).quantize(Decimal("0.01"))
    rig.fault("drop-events", count=5)
    reply = await rig.intend(type_="limit", price=price)
    states = [(await rig.state(reply.order_id, "SUBMITTED")).state]
    states.append((await rig.state(reply.order_id, "ACCEPTED", "REJECTED")).state)
    assert states == ["SUBMITTED", "ACCEPTED"]
    assert len(await rig.exchange_orders()) == 1


async def test_submit_timed_out_and_never_arrived(rig, sure_soon):
    """T3: after a bounded number of queries it is REJECTED and its funds are free, once."""
    rig.fault("timeout-before", ORDER, seconds=1.5)
    price = (rig.price * Decimal("0.7")).quantize(Decimal("0.01"))
    reply = await rig.intend(type_="limit", price=price)
    await rig.state(reply.order_id, "SUBMITTED")
    assert await used_cash(rig) == price * Decimal("0.01")
    order = await rig.state(reply.order_id, "REJECTED")
    assert "does not know it" in order.reason
    assert await used_cash(rig) == 0
    assert await rig.exchange_orders() == []
    assert (await rig.verify()).equal


async def test_refused_order_is_not_retried(rig):
    """T4: an HTTP 4xx makes the order REJECTED, and it is sent once."""
    rig.fault("reject", ORDER)
    reply = await rig.intend()
    order = await rig.state(reply.order_id, "REJECTED")
    assert "insufficient balance" in order.reason
    assert rig.exchange.faults.struck == {"reject": 1}
    assert await rig.exchange_orders() == []


@pytest.mark.parametrize("kind", ["error-before", "error-after", "timeout-before", "timeout-after"])
async def test_failed_cancel_stays_pending_until_the_exchange_tells(rig, kind):
    """T4: after a failed cancel the order is PENDING_CANCEL, then what the exchange says."""
    price = (rig.price * Decimal("0.7")).quantize(Decimal("0.01"))
    reply = await rig.intend(type_="limit", price=price)
    await rig.state(reply.order_id, "ACCEPTED")
    rig.fault("drop-events", count=3)
    rig.fault(kind, "DELETE /api/v3/order", seconds=1.5)
    await rig.cancel(reply.order_id)
    assert (await rig.order(reply.order_id)).state == "PENDING_CANCEL"
    await rig.state(reply.order_id, "CANCELED")
    assert [order["status"] for order in await rig.exchange_orders()] == ["CANCELED"]
    assert await used_cash(rig) == 0


async def test_fill_before_acknowledgement(rig):
    """T8: a fill that arrives before the answer to the submit is counted; the order ends FILLED."""
    rig.fault("timeout-after", ORDER, seconds=1.5)
    reply = await rig.intend()
    order = await rig.state(reply.order_id, "FILLED")
    assert order.filled == Decimal("0.01")
    assert len(await rig.fills()) == 1
    assert (await rig.verify()).equal


async def test_fills_missed_while_down_are_booked_once(rig):
    """T13: what was filled while the process was down is booked at start; a second restart adds nothing."""
    await rig.buy("0.05")
    around = {"buy": Decimal("0.998"), "sell": Decimal("1.002")}
    replies = [
        await rig.intend(side, "limit", price=(rig.price * factor).quantize(Decimal("0.01")))
        for side, factor in around.items()
    ]
    await rig.state(replies[-1].order_id, "ACCEPTED", "FILLED")
    await rig.kill_trade()
    filled = await rig.until_exchange_filled(*(reply.order_id for reply in replies))
    await rig.start_trade()
    await rig.state(filled, "FILLED")
    first = (await rig.fills(), (await rig.position()).amount, (await rig.position()).realised_pnl)
    await rig.stop_trade()
    await rig.start_trade()
    position = await rig.position()
    assert (await rig.fills(), position.amount, position.realised_pnl) == first
    assert (await rig.verify()).equal


async def test_warm_restart_makes_no_events(rig):
    """T14: a restart with a position that matches the exchange produces no order, fill or position event."""
    await rig.buy()
    await rig.verify()
    await rig.stop_trade()
    rig.events.clear()
    await rig.start_trade()
    assert (await rig.verify()).equal
    assert rig.events == []


async def test_not_found_once_is_not_the_end(rig):
    """T17: an order that the exchange does not find at first is asked for again and stays alive."""
    rig.fault("drop-events", count=5)
    rig.fault("not-found", "GET /api/v3/order", count=2)
    rig.fault("timeout-after", ORDER, seconds=1.5)
    price = (rig.price * Decimal("0.7")).quantize(Decimal("0.01"))
    reply = await rig.intend(type_="limit", price=price)
    order = await rig.state(reply.order_id, "ACCEPTED", "REJECTED")
    assert order.state == "ACCEPTED"
    assert rig.exchange.faults.struck["not-found"] == 2


async def test_exchange_away_is_not_the_end(rig):
    """T17: while the exchange cannot be reached open orders stay as they are."""
    price = (rig.price * Decimal("0.5")).quantize(Decimal("0.01"))
    reply = await rig.intend(type_="limit", price=price)
    await rig.state(reply.order_id, "ACCEPTED")
    await rig.stop_exchange()
    await rig.until(lambda: rig.alerts("out-of-step"))
    assert (await rig.order(reply.order_id)).state == "ACCEPTED"
    await rig.start_exchange()
    await rig.until(lambda: rig.service._reconciler.in_step)
    assert (await rig.order(reply.order_id)).state == "ACCEPTED"
    assert (await rig.verify()).equal


async def test_an_intent_whose_order_is_only_in_the_database_makes_no_second_one(rig):
    """T2: asked again long after, accepted or denied, the intent gives the order that it made, unchanged."""
    made = await rig.intend(intent_id="old", amount=Decimal("0.01"))
    await rig.state(made.order_id, "FILLED")
    denied = await rig.intend(intent_id="small", amount=Decimal("0.0000001"))
    before = await rig.order(made.order_id)
    rig.service._account._finished.clear()
    again = await rig.intend(intent_id="old", amount=Decimal("0.02"))
    assert again == made
    rig.service._account._finished.clear()
    assert await rig.intend(intent_id="small", amount=Decimal("0.01")) == denied
    assert await rig.order(made.order_id) == before
    assert len(await rig.exchange_orders()) == 1
    assert (await rig.verify()).equal
