"""T23, T24: a guarded position has one stop at the exchange, never none and never two."""

from decimal import Decimal

import pytest
from cryptobot.bus.contracts.base import Done
from cryptobot.bus.contracts.trade import EndProtection, Protection, ProtectPosition
from cryptobot.configs.errors import RequestFailedError
from cryptobot.services.trade import questions

CENT = Decimal("0.01")


async def protect(rig, **fields):
    asked = ProtectPosition(exchange="paper", symbol="BTC/USDT", actor="test", **fields)
    return await rig.client.request("trade", asked, Protection)


async def stops(rig):
    """Stop orders in force at the exchange."""
    placed = await rig.exchange_orders()
    return [order for order in placed if order["type"] == "STOP_LOSS" and order["status"] == "NEW"]


async def guarded(rig, amount="0.05", stop="0.6", **more):
    await rig.buy(amount)
    protection = await protect(rig, stop_price=(rig.price * Decimal(stop)).quantize(CENT), **more)
    await rig.state(protection.stop_order_id, "ACCEPTED")
    return protection


def guard(rig):
    return rig.service._protections.guards.get("BTC/USDT")


async def test_stop_rests_on_the_exchange(rig):
    """A protected position has a stop of its whole sellable amount at the exchange itself."""
    await guarded(rig)
    (stop,) = await stops(rig)
    held = (await rig.position()).amount
    assert held - Decimal("0.00001") < Decimal(stop["origQty"]) <= held


async def test_stop_survives_a_restart_and_stays_one(rig):
    """After kill and restart the same single stop is in force and is still watched."""
    await guarded(rig)
    before = await stops(rig)
    await rig.kill_trade()
    await rig.start_trade()
    await rig.verify()
    assert await stops(rig) == before
    assert guard(rig) is not None


async def test_closing_the_position_ends_the_stop(rig):
    """T23: selling the position cancels its stop, and none is placed again."""
    await guarded(rig)
    reply = await rig.intend("sell", amount=Decimal(1), reduce_only=True)
    await rig.state(reply.order_id, "FILLED")
    await rig.until(lambda: guard(rig) is None)
    assert await stops(rig) == []
    assert (await rig.verify()).equal


async def test_partial_exit_resizes_the_stop(rig):
    """T23: after a part was sold the stop covers what is left."""
    await guarded(rig)
    reply = await rig.intend("sell", amount=Decimal("0.02"))
    await rig.state(reply.order_id, "FILLED")
    await rig.verify()
    (stop,) = await stops(rig)
    held = (await rig.position()).amount
    assert held - Decimal("0.00001") < Decimal(stop["origQty"]) <= held


async def test_target_sells_a_part_and_resizes_the_stop(rig):
    """T23: a partial take-profit sells that part and the stop shrinks with the position."""
    await rig.buy("0.05")
    market = rig.price
    protection = await protect(
        rig, stop_price=(market * Decimal("0.6")).quantize(CENT), take_profit=market * 2,
        take_profit_amount=Decimal("0.02"),
    )  # fmt: skip
    await rig.state(protection.stop_order_id, "ACCEPTED")
    rig.service._protections.on_price("BTC/USDT", market * 2)
    await rig.until(lambda: rig.service._account.position("BTC/USDT").amount < Decimal("0.031"))
    await rig.verify()
    (stop,) = await stops(rig)
    assert Decimal("0.0299") < Decimal(stop["origQty"]) < Decimal("0.03")


async def test_triggered_stop_closes_the_position(rig):
    """T23: when the stop fires the position is closed and nothing is placed again."""
    await rig.buy("0.05")
    await protect(rig, trailing_percent=Decimal("0.2"))
    await rig.until(lambda: guard(rig) is None, within_s=40)
    assert (await rig.position()).amount < Decimal("0.00001")
    assert await stops(rig) == []
    assert (await rig.verify()).equal


async def test_refused_stop_leads_to_an_emergency_exit(rig):
    """T24: when the exchange refuses the stop the position is closed at once, with an alert."""
    await rig.buy("0.05")
    rig.fault("reject", "POST /api/v3/order")
    await protect(rig, stop_price=(rig.price * Decimal("0.6")).quantize(CENT))
    await rig.until(lambda: rig.alerts("unprotected"))
    await rig.until(lambda: guard(rig) is None)
    assert (await rig.position()).amount < Decimal("0.00001")


async def test_refused_emergency_exits_are_told_once_and_when_it_is_over(rig):
    """T24: stop and exit refused again and again are one alert, and one more when the position is safe."""
    await rig.buy("0.05")
    rig.fault("reject", "POST /api/v3/order", count=6)
    await protect(rig, stop_price=(rig.price * Decimal("0.6")).quantize(CENT))
    await rig.until(lambda: any(alert.recovered for alert in rig.alerts("unprotected")))
    first, last = rig.alerts("unprotected")
    assert (first.severity, first.recovered) == ("critical", False)
    assert (last.severity, last.recovered) == ("info", True)
    assert "it took 3 tries" in last.detail
    held = (await rig.position()).amount
    assert held < Decimal("0.00001") or len(await stops(rig)) == 1


async def test_trailing_stop_is_replaced_and_is_always_one(rig):
    """T24: as the price rises the stop is moved in one step of the exchange; there is exactly one
    throughout.
    """
    await rig.buy("0.05")
    market = rig.price
    rig.silence_prices()
    protection = await protect(rig, trailing_percent=Decimal(30))
    await rig.state(protection.stop_order_id, "ACCEPTED")
    for step in range(1, 5):
        rig.service._protections.on_price("BTC/USDT", market * (100 + step) / 100)
        wanted = guard(rig).stop_price

        def moved(wanted=wanted):
            leg = rig.service._account.find(order_id=guard(rig).leg)
            return leg.stop_price == wanted and leg.state.value == "ACCEPTED"

        await rig.until(moved)
        (stop,) = await stops(rig)
        assert Decimal(stop["stopPrice"]) == wanted
    rig.service._protections.on_price("BTC/USDT", market)
    assert guard(rig).stop_price == wanted


@pytest.mark.parametrize("kind", ["timeout-after", "timeout-before", "error-after", "error-before"])
async def test_replacement_of_unknown_outcome_ends_with_one_stop(rig, kind, monkeypatch):
    """T24: a replacement without an answer is looked up, and one stop is in force in the end."""
    monkeypatch.setattr(questions, "SURE_AFTER_MS", 1_500)
    monkeypatch.setattr(questions, "_QUESTION_PAUSES_S", (0.1, 0.2, 0.3))
    await guarded(rig)
    rig.fault(kind, "POST /api/v3/order/cancelReplace", seconds=1.5)
    wanted = (rig.price * Decimal("0.7")).quantize(CENT)
    await protect(rig, stop_price=wanted)

    def settled():
        leg = rig.service._account.find(order_id=guard(rig).leg)
        return leg.stop_price == wanted and leg.state.value == "ACCEPTED"

    await rig.until(settled, within_s=40)
    (stop,) = await stops(rig)
    assert Decimal(stop["stopPrice"]) == wanted


async def test_stop_that_the_exchange_cancels_is_placed_again(rig):
    """A stop that vanished by itself is put back."""
    first = await guarded(rig)
    rig.fault("cancel-orders")
    await rig.state(first.stop_order_id, "CANCELED")
    await rig.until(lambda: guard(rig).leg != first.stop_order_id)
    await rig.state(guard(rig).leg, "ACCEPTED")
    assert len(await stops(rig)) == 1


async def test_protection_can_be_ended(rig):
    """Without its guard the position stays and the stop goes."""
    await guarded(rig)
    asked = EndProtection(exchange="paper", symbol="BTC/USDT", actor="test")
    await rig.client.request("trade", asked, Done)
    await rig.verify()
    assert await stops(rig) == []
    assert (await rig.position()).amount > Decimal("0.04")


async def test_ending_a_guard_in_the_middle_of_a_lost_replacement_leaves_no_stop_and_no_exit_behind(
    rig, monkeypatch
):
    """T24: a guard ended while nobody knows which of two stops is in force ends both, and exits that waited
    for its coins are sent.
    """
    monkeypatch.setattr(questions, "SURE_AFTER_MS", 1_500)
    monkeypatch.setattr(questions, "_QUESTION_PAUSES_S", (0.1, 0.2, 0.3))
    first = await guarded(rig)
    rig.fault("error-before", "POST /api/v3/order/cancelReplace")
    await protect(rig, stop_price=(rig.price * Decimal("0.7")).quantize(CENT))
    await rig.until(lambda: guard(rig).leg != first.stop_order_id)
    lost = guard(rig).leg
    exit_ = await rig.intend("sell", amount=Decimal("0.01"))
    assert (await rig.order(exit_.order_id)).state == "PENDING"
    asked = EndProtection(exchange="paper", symbol="BTC/USDT", actor="test")
    await rig.client.request("trade", asked, Done)
    assert (await rig.portfolio()).protections == []
    with pytest.raises(RequestFailedError, match="not protected"):
        await rig.client.request("trade", asked, Done)
    await rig.state(exit_.order_id, "FILLED")
    await rig.state(lost, "REJECTED")
    await rig.state(first.stop_order_id, "CANCELED")
    assert guard(rig) is None
    assert await stops(rig) == []
    assert (await rig.verify()).equal


async def test_guard_that_is_being_ended_goes_on_ending_after_a_restart(rig, monkeypatch):
    """T24: trade killed between the wish to end a guard and the end of its stop finishes it at its start."""
    monkeypatch.setattr(questions, "_QUESTION_PAUSES_S", (0.1, 0.2, 0.3))
    first = await guarded(rig)
    rig.fault("timeout-before", "DELETE /api/v3/order", seconds=1.5)
    asked = EndProtection(exchange="paper", symbol="BTC/USDT", actor="test")
    await rig.client.request("trade", asked, Done)
    await rig.kill_trade()
    assert len(await stops(rig)) == 1
    await rig.start_trade()
    await rig.state(first.stop_order_id, "CANCELED")
    await rig.until(lambda: guard(rig) is None)
    assert await stops(rig) == []


async def test_stop_that_turns_up_without_a_guard_is_cancelled(rig):
    """T24: a stop that the exchange accepted unheard, of a guard that was forgotten, does not stay."""
    first = await guarded(rig)
    protections = rig.service._protections
    protections._forget(guard(rig))
    protections.on_order(rig.service._account.find(order_id=first.stop_order_id))
    await rig.state(first.stop_order_id, "CANCELED")
    assert await stops(rig) == []


async def test_protection_that_makes_no_sense_is_refused(rig):
    """Without a position, or with a stop above the market, nothing is placed."""
    with pytest.raises(RequestFailedError, match="no position"):
        await protect(rig, stop_price=Decimal(1))
    await rig.buy("0.05")
    with pytest.raises(RequestFailedError, match="not below the market"):
        await protect(rig, stop_price=rig.price * 2)


async def test_bracket_guards_its_entry_from_the_first_fill(rig):
    """A guard asked for before its entry waits, and the stop rests as soon as the entry is filled."""
    await rig.buy("0.01")
    dust = await rig.intend("sell", amount=Decimal(1), reduce_only=True)
    await rig.state(dust.order_id, "FILLED")
    stop = (rig.price * Decimal("0.6")).quantize(CENT)
    waiting = await protect(rig, stop_price=stop, take_profit=rig.price * 2, entry_intent_id="entry")
    assert (waiting.state, waiting.stop_order_id) == ("WAITING", "")
    reply = await rig.intend(intent_id="entry", amount=Decimal("0.05"))
    await rig.state(reply.order_id, "FILLED")
    await rig.until(lambda: guard(rig) is not None and guard(rig).leg != "")
    await rig.state(guard(rig).leg, "ACCEPTED")
    (placed,) = await stops(rig)
    assert Decimal(placed["stopPrice"]) == stop


async def test_bracket_of_an_entry_that_never_fills_is_forgotten(rig):
    """When the entry is cancelled unfilled its guard ends, over a restart too, and no stop was placed."""
    price = (rig.price * Decimal("0.7")).quantize(CENT)
    reply = await rig.intend(type_="limit", intent_id="entry", price=price)
    await rig.state(reply.order_id, "ACCEPTED")
    await protect(rig, stop_price=price / 2, entry_intent_id="entry")
    await rig.stop_trade()
    await rig.start_trade()
    assert guard(rig).state == "WAITING"
    await rig.cancel(reply.order_id)
    await rig.state(reply.order_id, "CANCELED")
    await rig.until(lambda: guard(rig) is None)
    assert await stops(rig) == []


async def test_stop_that_the_guard_lost_sight_of_is_taken_away(rig):
    """T24: a stop that is none of the guard's is cancelled before another is placed; one is in force."""
    first = await guarded(rig)
    guard(rig).leg = ""
    rig.service._protections.align("BTC/USDT")
    await rig.state(first.stop_order_id, "CANCELED")
    await rig.until(lambda: guard(rig) is not None and guard(rig).leg)
    await rig.state(guard(rig).leg, "ACCEPTED")
    assert len(await stops(rig)) == 1
    assert (await rig.position()).amount > Decimal("0.04")
