"""T6, T7, T9-T12, T15, T21: what was filled is counted once, whatever order the news comes in."""

from dataclasses import replace
from decimal import Decimal

import aiohttp
import msgspec
import pytest
from cryptobot.bus.contracts.trade import AdoptDifferences, Fill, LedgerReport, Order
from cryptobot.configs.schema import DataSettings, PaperSettings, Settings, TradeSettings
from cryptobot.services.connectors.venue import VenueTrade
from cryptobot.services.trade import questions

RICH = Settings(
    paper=PaperSettings(candle_interval_s=3600.0, balances={"USDT": Decimal(10**9), "BTC": Decimal(0)}),
    trade=TradeSettings(
        request_timeout_s=1.0,
        reconcile_interval_s=2.0,
        max_order_value=Decimal(10**9),
        max_position_value=Decimal(10**9),
    ),
    data=DataSettings(stale_after_s=5.0),
)


def as_told(fill: Fill, **changes) -> VenueTrade:
    """The execution as the connector hands it over."""
    told = VenueTrade(
        id=fill.id,
        order_id="",
        client_id=fill.client_order_id,
        symbol=fill.symbol,
        side=fill.side,
        price=fill.price,
        amount=fill.amount,
        cost=fill.cost,
        fee=fill.fee,
        fee_currency=fill.fee_currency,
        maker=fill.maker,
        ts_ms=fill.ts_ms,
    )
    return replace(told, **changes)


async def test_fill_told_twice_counts_once(rig):
    """T6: a fill that comes twice by WebSocket and again by REST changes position, fee and result once."""
    rig.fault("duplicate-events", count=10)
    order = await rig.buy()
    rig.fault("close-sockets")
    assert (await rig.verify()).equal
    fills = await rig.fills()
    assert sum(fill.amount for fill in fills) == order.amount
    position = await rig.position()
    assert position.fees == sum(fill.fee * fill.price for fill in fills)
    assert len([m for m in rig.events if isinstance(m, Fill)]) == len(fills)


async def test_known_trade_id_with_another_amount_is_refused(rig):
    """T7: the same trade id with another quantity changes nothing and raises an alert."""
    await rig.buy()
    fills, position = await rig.fills(), await rig.position()
    rig.service._on_trade(as_told(fills[0], amount=fills[0].amount * 2, cost=fills[0].cost * 2))
    await rig.until(lambda: rig.alerts("other figures"))
    assert (await rig.fills(), await rig.position()) == (fills, position)
    assert (await rig.verify()).equal


async def test_told_filled_before_the_details(rig):
    """T9: an order that is told to be FILLED waits for the fill's details, then ends FILLED."""
    rig.fault("drop-events", count=20)
    rig.fault("error-before", "GET /api/v3/myTrades", count=3)
    reply = await rig.intend()
    await rig.state(reply.order_id, "ACCEPTED")
    assert await rig.fills() == []
    order = await rig.state(reply.order_id, "FILLED")
    assert order.filled == order.amount
    assert len(await rig.fills()) >= 1


async def test_details_that_never_come_are_flagged_not_guessed(rig, monkeypatch):
    """T9: when the exchange never lists the fill, the order ends flagged and no figure is made up."""
    monkeypatch.setattr(questions, "_QUESTION_PAUSES_S", (0.05,))

    async def nothing(symbol, since_ms=None, from_id=""):
        return []

    monkeypatch.setattr(rig.service._venue, "fetch_my_trades", nothing)
    rig.fault("drop-events", count=20)
    reply = await rig.intend()
    order = await rig.state(reply.order_id, "FILLED")
    assert (order.filled, order.cost) == (0, 0)
    assert order.reason.startswith("incomplete")
    assert rig.alerts("incomplete")


async def test_fill_after_the_cancel_is_booked_with_an_alert(rig):
    """T10: a fill after CANCELED updates the position, and an alert says so."""
    bought = await rig.buy()
    fill = (await rig.fills())[0]
    price = (rig.price * Decimal("0.7")).quantize(Decimal("0.01"))
    reply = await rig.intend(type_="limit", price=price)
    await rig.state(reply.order_id, "ACCEPTED")
    await rig.cancel(reply.order_id)
    await rig.state(reply.order_id, "CANCELED")
    before = (await rig.position()).amount
    rig.service._on_trade(
        as_told(fill, id="999999999", client_id=reply.order_id, amount=Decimal("0.004"), fee=Decimal(0))
    )
    await rig.until(lambda: rig.alerts("fill after the end"))
    order = await rig.order(reply.order_id)
    assert (order.state, order.filled) == ("CANCELED", Decimal("0.004"))
    assert (await rig.position()).amount == before + Decimal("0.004")
    assert bought.state == "FILLED"


async def test_overfill_is_recorded_and_the_remainder_is_never_negative(rig):
    """T11: fills beyond the order's quantity are all counted, with an alert; nothing is left over, not
    less.
    """
    await rig.buy()
    fill = (await rig.fills())[0]
    rig.service._on_trade(as_told(fill, id="999999999", fee=Decimal(0)))
    await rig.until(lambda: rig.alerts("overfill"))
    order = (await rig.orders())[0]
    assert order.filled == Decimal("0.02")
    assert order.remaining == 0


@pytest.mark.parametrize("rig", [RICH], indirect=True)
async def test_partial_fill_then_cancel(rig):
    """T12: the filled part stays at its volume-weighted price, the rest is released."""
    reply = await rig.intend(type_="limit", amount=Decimal(200), price=rig.price + 1)
    await rig.state(reply.order_id, "PARTIALLY_FILLED")
    await rig.cancel(reply.order_id)
    order = await rig.state(reply.order_id, "CANCELED")
    fills = [fill for fill in await rig.fills() if fill.order_id == order.id]
    assert 0 < order.filled < 200
    assert order.filled == sum(fill.amount for fill in fills)
    assert order.cost == sum(fill.price * fill.amount for fill in fills)
    assert abs(order.average * order.filled - order.cost) < Decimal("1e-9")
    cash = next(b for b in (await rig.portfolio()).balances if b.asset == "USDT")
    assert cash.used == 0
    assert (await rig.verify()).equal


async def test_order_placed_by_hand_is_adopted(rig):
    """T15: an order of the user's own is adopted as external, counted, and left alone."""
    price = (rig.price * Decimal("0.7")).quantize(Decimal("0.01"))
    await rig.exchange_call(
        "POST", "/api/v3/order", symbol="BTCUSDT", side="BUY", type="LIMIT",
        timeInForce="GTC", quantity="0.5", price=str(price),
    )  # fmt: skip
    await rig.until(lambda: any(isinstance(m, Order) and m.source == "external" for m in rig.events))
    order = (await rig.orders(open_only=True))[0]
    assert (order.source, order.state, order.intent_id) == ("external", "ACCEPTED", "")
    cash = next(b for b in (await rig.portfolio()).balances if b.asset == "USDT")
    assert cash.used == price * Decimal("0.5")
    assert (await rig.verify()).equal
    assert (await rig.exchange_orders())[0]["status"] == "NEW"


async def test_fill_of_an_order_placed_by_hand_is_counted(rig):
    """T15: what the user buys by hand is in the position and in the ledger."""
    await rig.exchange_call(
        "POST", "/api/v3/order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.5"
    )
    await rig.until(lambda: any(isinstance(m, Fill) for m in rig.events))
    assert (await rig.verify()).equal
    fills = await rig.fills()
    assert (await rig.position()).amount == Decimal("0.5") - sum(fill.fee for fill in fills)


async def test_fee_in_the_base_asset_leaves_less_to_sell(rig):
    """T21: after a fee in coins the position is what was bought less the fee, and selling it all is
    filled.
    """
    await rig.buy("0.1")
    fill_fees = sum(fill.fee for fill in await rig.fills())
    position = await rig.position()
    assert fill_fees > 0
    assert position.amount == Decimal("0.1") - fill_fees
    reply = await rig.intend("sell", amount=Decimal("0.1"), reduce_only=True)
    sold = await rig.state(reply.order_id, "FILLED")
    assert sold.amount <= position.amount
    assert (await rig.verify()).equal


async def test_fill_events_carry_every_figure(rig):
    """A fill on the bus is what the database lists: nothing is lost on the way."""
    await rig.buy()
    told = [m for m in rig.events if isinstance(m, Fill)]
    assert msgspec.to_builtins(told[::-1]) == msgspec.to_builtins(await rig.fills())


async def deposit(rig, amount):
    """Money from outside, as another of the user's programs would send it."""
    url = f"{rig.exchange.rest_url}/paper/deposits"
    body = msgspec.json.encode({"asset": "USDT", "amount": amount})
    headers = {"X-MBX-APIKEY": rig.exchange.api_key}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=body, headers=headers) as answer,
    ):
        assert answer.status == 200, await answer.text()


async def test_deposit_is_booked_as_it_comes(rig):
    """A deposit and a withdrawal change the ledger, not the position, and the books stay equal."""
    await deposit(rig, "250.5")
    await rig.until(lambda: rig.service._account.total("USDT") == Decimal("10250.5"))
    await deposit(rig, "-50")
    await rig.until(lambda: rig.service._account.total("USDT") == Decimal("10200.5"))
    assert (await rig.verify()).equal
    assert (await rig.portfolio()).positions == []


async def test_deposit_while_down_is_told_and_adopted_by_a_person(rig):
    """What came while trade was down is a difference with an alert, until a person adopts it."""
    await rig.stop_trade()
    await deposit(rig, "100")
    await rig.start_trade()
    await rig.until(lambda: rig.alerts("differs"))
    assert not (await rig.verify()).equal
    asked = AdoptDifferences(actor="me", reason="a deposit of mine")
    assert (await rig.client.request("trade", asked, LedgerReport, timeout_s=15.0)).equal
    assert (await rig.verify()).equal
    assert any(alert.recovered for alert in rig.alerts("ledger"))
