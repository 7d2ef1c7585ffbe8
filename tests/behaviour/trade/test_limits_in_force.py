"""T16, T19, T22, T25-T28, T30, T31: what must not be sent is not sent."""

import asyncio
from decimal import Decimal

import pytest
from cryptobot.bus.contracts.trade import SetTradingState, TradingState
from cryptobot.configs.errors import RequestFailedError, StartError
from cryptobot.configs.schema import DataSettings, PaperSettings, Settings, TradeSettings
from cryptobot.services.connectors.paper import PaperVenue
from cryptobot.services.connectors.venue import KeyPermissions
from cryptobot.services.trade import limits

SLOW = Settings(
    paper=PaperSettings(candle_interval_s=0.5, request_weight_limit=0),
    trade=TradeSettings(
        request_timeout_s=1.0,
        max_orders_per_10s=5,
        max_open_orders=100,
        price_collar_percent=Decimal(60),
        reconcile_interval_s=60.0,
    ),
    data=DataSettings(stale_after_s=1.0),
)


async def set_state(rig, state, actor="person", **more):
    request = SetTradingState(state=state, reason="test", actor=actor, **more)
    return await rig.client.request("trade", request, TradingState)


async def test_no_entries_while_the_exchange_cannot_be_compared_with(rig):
    """T16: after a failed comparison entries are denied and the position is kept; then they pass again."""
    await rig.buy()
    before = await rig.position()
    rig.fault("error-before", "GET /api/v3/openOrders", count=1000)
    await rig.until(lambda: rig.alerts("out-of-step"))
    denied = await rig.intend()
    assert (denied.accepted, denied.code) == (False, "not_reconciled")
    assert (await rig.position()).amount == before.amount
    rig.exchange.faults.clear()
    await rig.until(lambda: rig.service._reconciler.in_step)
    assert (await rig.intend()).accepted


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"amount": Decimal("0.000001")}, "amount_too_small"),
        ({"amount": Decimal("0.00001")}, "value_too_small"),
        ({"amount": Decimal("10000")}, "amount_too_large"),
        ({"amount": Decimal("100")}, "max_order_value"),
        ({"amount": Decimal("0.01"), "type_": "limit", "price": Decimal("1")}, "value_too_small"),
        ({"amount": Decimal("5"), "type_": "limit", "price": Decimal("10")}, "price_collar"),
        ({"amount": Decimal("0.01"), "type_": "limit", "price": Decimal("0")}, "bad_price"),
        ({"amount": Decimal("0.01"), "type_": "limit"}, "bad_order"),
        ({"amount": Decimal("0.01"), "cash": Decimal("5"), "type_": "limit"}, "bad_order"),
        ({"amount": Decimal("0.01"), "side": "hold"}, "bad_order"),
        ({"amount": Decimal("1"), "side": "sell"}, "insufficient_funds"),
    ],
)
async def test_what_the_exchange_would_refuse_is_denied_with_a_code(rig, fields, code):
    """T19: an order that cannot be is denied with a code and never sent."""
    reply = await rig.intend(**fields)
    assert (reply.accepted, reply.code) == (False, code), reply
    assert reply.reason
    assert await rig.exchange_orders() == []


async def test_price_and_amount_are_rounded_to_the_safe_side(rig):
    """T19: a buy pays no more and takes no more than was asked for."""
    price = (rig.price * Decimal("0.7")).quantize(Decimal("0.01")) + Decimal("0.007")
    reply = await rig.intend(type_="limit", amount=Decimal("0.0123456789"), price=price)
    order = await rig.state(reply.order_id, "ACCEPTED")
    assert order.amount == Decimal("0.01234")
    assert order.price == price - Decimal("0.007")


async def test_reduce_only_never_flips_the_position(rig):
    """T22: a reduce-only order larger than the position sells the position and no more."""
    await rig.buy("0.05")
    held = (await rig.position()).amount
    reply = await rig.intend("sell", amount=Decimal("3"), reduce_only=True)
    order = await rig.state(reply.order_id, "FILLED")
    assert order.amount <= held
    assert (await rig.position()).amount >= 0
    nothing = await rig.intend("buy", amount=Decimal("3"), reduce_only=True)
    assert nothing.code == "nothing_to_reduce"


async def test_halted_denies_orders_and_lets_cancels_pass(rig):
    """T25: HALTED survives a restart, denies every order, lets cancels pass, and a person re-arms it."""
    price = (rig.price * Decimal("0.7")).quantize(Decimal("0.01"))
    resting = await rig.intend(type_="limit", price=price)
    await rig.state(resting.order_id, "ACCEPTED")
    await set_state(rig, "HALTED")
    assert (await rig.intend()).code == "halted"
    await rig.stop_trade()
    await rig.start_trade()
    assert (await rig.intend()).code == "halted"
    await rig.cancel(resting.order_id)
    await rig.state(resting.order_id, "CANCELED")
    with pytest.raises(RequestFailedError, match="by a person"):
        await set_state(rig, "ACTIVE", actor="service:risk")
    await set_state(rig, "ACTIVE")
    assert (await rig.intend()).accepted


async def test_reducing_lets_only_reducing_orders_pass(rig):
    """T25: REDUCING denies a buy and lets the position be sold."""
    await rig.buy("0.05")
    await set_state(rig, "REDUCING")
    assert (await rig.intend()).code == "reducing"
    sold = await rig.intend("sell", amount=Decimal("0.02"))
    await rig.state(sold.order_id, "FILLED")


async def test_halt_can_cancel_and_flatten(rig):
    """The kill switch cancels what rests and sells what is held."""
    await rig.buy("0.05")
    price = (rig.price * Decimal("0.7")).quantize(Decimal("0.01"))
    resting = await rig.intend(type_="limit", price=price)
    await rig.state(resting.order_id, "ACCEPTED")
    await set_state(rig, "HALTED", cancel_orders=True, flatten=True)
    await rig.state(resting.order_id, "CANCELED")
    await rig.until(lambda: rig.service._account.position("BTC/USDT").amount < Decimal("0.00001"))
    assert (await rig.verify()).equal


@pytest.mark.parametrize("rig", [SLOW], indirect=True)
async def test_burst_stays_within_the_rate_and_cancels_go_first(rig):
    """T26: of a burst no more than the limit is sent within ten seconds; a cancel overtakes what waits."""
    price = (rig.price * Decimal("0.7")).quantize(Decimal("0.01"))
    replies = [await rig.intend(type_="limit", price=price) for _ in range(8)]
    await rig.state(replies[4].order_id, "ACCEPTED")
    assert len(await rig.exchange_orders()) == 5
    await rig.cancel(replies[0].order_id)
    await rig.state(replies[0].order_id, "CANCELED")
    assert len(await rig.exchange_orders()) == 5
    assert rig.alerts("over-rate")
    await rig.cancel(replies[7].order_id)
    assert "before it was sent" in (await rig.order(replies[7].order_id)).reason


async def test_clock_that_is_off_is_measured_and_used(rig):
    """T27: with the exchange's clock 5 s off orders are filled, and an alert says how to mend the clock."""
    rig.fault("clock-skew", seconds=5)
    order = await rig.buy()
    assert order.state == "FILLED"
    await rig.stop_trade()
    await rig.start_trade()
    assert rig.alerts("clock")
    rig.exchange.faults.clear()
    assert (await rig.buy()).state == "FILLED"


@pytest.mark.parametrize("rig", [SLOW], indirect=True)
async def test_no_entries_on_a_stale_price(rig):
    """T28: when no price came for a while entries are denied; what reduces passes."""
    await rig.buy("0.05")
    rig.silence_prices()
    known = rig.service._account.prices["BTC/USDT"]
    await rig.until(lambda: rig.service._account._clock() - known.heard_s > 1.0)
    assert (await rig.intend()).code == "stale_price"
    assert (await rig.intend("sell", amount=Decimal("0.02"))).accepted


async def test_limit_that_breaks_fails_closed(rig, monkeypatch):
    """T30: when a limit's own check raises the order is denied, until it works again."""

    def broken(subject):
        raise ZeroDivisionError("no")

    monkeypatch.setattr(limits, "RULES", (broken,))
    assert (await rig.intend()).code == "check_failed"
    monkeypatch.undo()
    assert (await rig.intend()).accepted


async def test_key_that_may_withdraw_is_refused(rig, monkeypatch):
    """T31: trade does not start on a key that may withdraw, and says what to do."""

    async def may_withdraw(self):
        return KeyPermissions(trade=True, withdraw=True)

    await rig.stop_trade()
    monkeypatch.setattr(PaperVenue, "fetch_permissions", may_withdraw)
    with pytest.raises(StartError, match="may withdraw money"):
        await asyncio.wait_for(rig.start_trade(), 10)
