"""A guard whose stop and target rest at the exchange together (OCO), and what becomes of the pair."""

from decimal import Decimal

import pytest
from cryptobot.bus.contracts.trade import Order, Protection, ProtectPosition
from cryptobot.services.trade import questions

CENT = Decimal("0.01")


async def protect(rig, **fields):
    asked = ProtectPosition(exchange="paper", symbol="BTC/USDT", actor="test", **fields)
    return await rig.client.request("trade", asked, Protection)


def guard(rig):
    return rig.service._protections.guards.get("BTC/USDT")


async def in_force(rig):
    """Sell orders that rest at the exchange, by type."""
    placed = await rig.exchange_orders()
    open_ = [order for order in placed if order["status"] in ("NEW", "PARTIALLY_FILLED")]
    return {order["type"]: order for order in open_ if order["side"] == "SELL"}


def move_price(rig, price, *, seller):
    """The market trades at a price, with more volume than anybody has."""
    volume, now = 10**12, rig.exchange.clock()
    rig.exchange.engine.step("BTCUSDT", int(price * 10**8), volume, seller, volume, 1, now)
    rig.exchange.desk.settle()


async def pair(rig, stop="0.6", target="1.6", amount="0.05"):
    """A position whose stop and target rest at the exchange."""
    await rig.buy(amount)
    lower = (rig.price * Decimal(stop)).quantize(CENT)
    upper = (rig.price * Decimal(target)).quantize(CENT)
    await protect(rig, stop_price=lower, take_profit=upper)
    await rig.until(lambda: guard(rig).target_leg)
    await rig.state(guard(rig).leg, "ACCEPTED")
    await rig.state(guard(rig).target_leg, "ACCEPTED")
    return lower, upper


async def test_stop_and_target_rest_at_the_exchange_as_one_list(rig):
    """T23: both legs are at the exchange, in one order list, for the same coins, bound once."""
    lower, upper = await pair(rig)
    found = await in_force(rig)
    assert Decimal(found["STOP_LOSS"]["stopPrice"]) == lower
    assert Decimal(found["LIMIT_MAKER"]["price"]) == upper
    assert len({order["orderListId"] for order in found.values()}) == 1
    coins = next(b for b in (await rig.portfolio()).balances if b.asset == "BTC")
    assert coins.used == Decimal(found["STOP_LOSS"]["origQty"])
    assert (await rig.verify()).equal


async def test_target_is_sold_by_the_exchange_while_trade_is_down(rig):
    """T23: with trade dead the exchange sells at the target and cancels the stop; trade books it at start."""
    market = rig.price
    await pair(rig, stop="0.5", target="1.6")
    target = rig.service._account.find(order_id=guard(rig).target_leg)
    await rig.kill_trade()
    move_price(rig, market * 2, seller=False)
    await rig.until_exchange_filled(target.client_order_id)
    await rig.start_trade()
    await rig.state(target.id, "FILLED")
    await rig.until(lambda: guard(rig) is None)
    assert await in_force(rig) == {}
    assert (await rig.position()).amount < Decimal("0.00001")
    assert (await rig.verify()).equal


async def test_triggered_stop_ends_the_target(rig):
    """T23: when the stop fires its sibling is gone at the exchange and in the books, and none comes again."""
    market = rig.price
    await pair(rig, stop="0.9", target="3")
    stop, target = guard(rig).leg, guard(rig).target_leg
    move_price(rig, market * Decimal("0.8"), seller=True)
    await rig.state(stop, "FILLED")
    await rig.state(target, "EXPIRED", "CANCELED")
    await rig.until(lambda: guard(rig) is None)
    assert await in_force(rig) == {}
    assert (await rig.verify()).equal


async def test_another_exit_takes_the_pair_away_and_leaves_a_stop_for_the_rest(rig):
    """T23: selling a part leaves one stop for what is left, never two and never a stray target."""
    await pair(rig)
    reply = await rig.intend("sell", amount=Decimal("0.02"))
    await rig.state(reply.order_id, "FILLED")
    await rig.verify()
    found = await in_force(rig)
    assert list(found) == ["STOP_LOSS"]
    held = (await rig.position()).amount
    assert held - Decimal("0.00001") < Decimal(found["STOP_LOSS"]["origQty"]) <= held
    assert guard(rig).take_profit is not None, "trade watches the target from now on"


async def test_target_that_is_filled_in_part_leaves_a_stop_for_the_rest(rig):
    """T24: the exchange ends the stop when the target trades; what is left of the target becomes a stop."""
    _, upper = await pair(rig, target="1.2")
    rig.silence_prices()
    part = 10**6  # 0.01 BTC trade at the target, then nothing more
    rig.exchange.engine.trade("BTCUSDT", int(upper * 10**8), part, False, rig.exchange.clock())
    rig.exchange.desk.settle()

    def one_stop():
        leg = rig.service._account.find(order_id=guard(rig).leg) if guard(rig) else None
        return leg is not None and leg.state.value == "ACCEPTED" and not guard(rig).target_leg

    await rig.until(one_stop)
    assert "LIMIT_MAKER" not in await in_force(rig)


async def test_refused_pair_is_followed_by_the_stop_alone(rig):
    """T24: when the exchange refuses the pair the stop rests alone and trade watches the target."""
    rig.fault("reject", "POST /api/v3/orderList/oco")
    await rig.buy("0.05")
    lower = (rig.price * Decimal("0.6")).quantize(CENT)
    await protect(rig, stop_price=lower, take_profit=rig.price * 2)
    await rig.until(lambda: guard(rig).leg and not guard(rig).target_leg)
    await rig.state(guard(rig).leg, "ACCEPTED")
    assert list(await in_force(rig)) == ["STOP_LOSS"]


@pytest.mark.parametrize("kind", ["timeout-after", "timeout-before", "error-after", "error-before"])
async def test_pair_of_unknown_outcome_ends_with_one_stop(rig, kind, monkeypatch):
    """T24: a pair without an answer is looked up, and exactly one stop is in force in the end."""
    monkeypatch.setattr(questions, "SURE_AFTER_MS", 1_500)
    monkeypatch.setattr(questions, "_QUESTION_PAUSES_S", (0.1, 0.2, 0.3))
    rig.fault(kind, "POST /api/v3/orderList/oco", seconds=1.5)
    await rig.buy("0.05")
    lower = (rig.price * Decimal("0.6")).quantize(CENT)
    await protect(rig, stop_price=lower, take_profit=rig.price * 2)

    def stands():
        leg = rig.service._account.find(order_id=guard(rig).leg)
        return leg is not None and leg.state.value == "ACCEPTED"

    await rig.until(stands)
    await rig.until(lambda: not any(o.outcome_unknown for o in rig.service._account.orders.values()))
    found = await in_force(rig)
    assert Decimal(found["STOP_LOSS"]["stopPrice"]) == lower
    assert (await rig.verify()).equal


async def test_pair_survives_a_kill(rig):
    """After kill and restart the same pair is in force and is still watched."""
    await pair(rig)
    before = await in_force(rig)
    await rig.kill_trade()
    await rig.start_trade()
    await rig.verify()
    assert await in_force(rig) == before
    assert guard(rig).target_leg


async def test_bracket_of_a_market_entry_is_one_pair(rig):
    """An entry that is filled in several parts gets one pair for all of it, not one for its first part."""
    stop, target = (rig.price * Decimal("0.6")).quantize(CENT), (rig.price * 2).quantize(CENT)
    await protect(rig, stop_price=stop, take_profit=target, entry_intent_id="entry")
    reply = await rig.intend(intent_id="entry", amount=Decimal("0.3"))
    await rig.state(reply.order_id, "FILLED")
    await rig.until(lambda: guard(rig) is not None and guard(rig).target_leg)
    await rig.state(guard(rig).leg, "ACCEPTED")
    found = await in_force(rig)
    assert set(found) == {"STOP_LOSS", "LIMIT_MAKER"}
    held = (await rig.position()).amount
    assert held - Decimal("0.00001") < Decimal(found["STOP_LOSS"]["origQty"]) <= held
    sent = [m for m in rig.events if isinstance(m, Order) and m.type == "stop_loss" and m.state == "PENDING"]
    assert len(sent) == 1
