"""T18, T20, T31: late news, tiny fills and dangerous keys, over the exchange's own sockets."""

import asyncio
from decimal import Decimal

import msgspec
import pytest
from cryptobot.bus import topics
from cryptobot.bus.contracts.service import Audit
from cryptobot.configs.errors import StartError
from cryptobot.configs.schema import DataSettings, PaperSettings, Settings, TradeSettings
from cryptobot.services.trade import money

PATIENT = Settings(
    paper=PaperSettings(candle_interval_s=0.5, request_weight_limit=0),
    trade=TradeSettings(request_timeout_s=5.0, reconcile_interval_s=60.0, price_collar_percent=Decimal(60)),
    data=DataSettings(stale_after_s=60.0),
)
OVERRIDDEN = msgspec.structs.replace(
    PATIENT, trade=msgspec.structs.replace(PATIENT.trade, allow_withdraw_keys=True)
)


async def test_older_news_after_newer_is_ignored(rig):
    """T18: the report of an order's birth that arrives after its end by cancel changes nothing."""
    price = (rig.price * Decimal("0.7")).quantize(Decimal("0.01"))
    heard = []
    original = rig.service._on_order
    rig.service._on_order = lambda news: (heard.append(news.status), original(news))
    rig.fault("delay-events", seconds=1.5)
    reply = await rig.intend(type_="limit", price=price)
    await rig.state(reply.order_id, "ACCEPTED")
    await rig.cancel(reply.order_id)
    ended = await rig.state(reply.order_id, "CANCELED")
    assert heard[-1] == "canceled"
    await rig.until(lambda: heard[-1] == "open")
    assert await rig.order(reply.order_id) == ended
    assert (await rig.verify()).equal


@pytest.mark.timeout(180)
@pytest.mark.parametrize("rig", [PATIENT], indirect=True)
async def test_ten_thousand_tiny_fills_are_exact(rig):
    """T20: 10,000 fills of 0.00000001, told by WebSocket, sum to the last digit in order, position and
    ledger.
    """
    number = 10_000
    price = (rig.price * Decimal("0.7")).quantize(Decimal("0.01"))
    reply = await rig.intend(type_="limit", price=price, amount=Decimal("0.1"))
    await rig.state(reply.order_id, "ACCEPTED")
    units, now = int(price * 10**8), rig.exchange.clock()
    for _ in range(number):
        rig.exchange.engine.trade("BTCUSDT", units, 1, True, now)
    rig.exchange.desk.settle()

    def counted():
        order = rig.service._account.find(order_id=reply.order_id)
        return order is not None and order.filled == Decimal("0.0001")

    await rig.until(counted, within_s=120)
    rows = rig.service._store.list_fills(None, None, 2 * number)
    assert len(rows) == number
    assert money.add(*(row.amount for row in rows)) == Decimal("0.0001")
    position = await rig.position()
    assert position.amount == Decimal("0.0001") - money.add(*(row.fee for row in rows))
    assert (await rig.verify()).equal


async def test_key_that_the_exchange_says_may_withdraw_is_refused(rig):
    """T31: asked over its socket the exchange says that the key may withdraw; trade does not start."""
    await rig.stop_trade()
    rig.fault("may-withdraw")
    with pytest.raises(StartError, match="may withdraw money"):
        await asyncio.wait_for(rig.start_trade(), 10)


@pytest.mark.parametrize("rig", [OVERRIDDEN], indirect=True)
async def test_override_of_a_dangerous_key_is_audited(rig):
    """T31: with trade.allow_withdraw_keys the service starts, and the override is in the sealed chain."""
    heard = []
    rig.client.subscribe(topics.AUDIT, Audit, lambda received: heard.append(received.message))
    await rig.stop_trade()
    rig.fault("may-withdraw")
    await rig.start_trade()
    await rig.until(lambda: any(audit.action == "override" for audit in heard))
    overrides = [row for row in rig.service._store.actions_of("paper") if row.action == "override"]
    assert [(row.actor, row.ok) for row in overrides] == [("settings", True)]


async def test_fill_whose_order_the_exchange_denies_for_a_while_is_booked_later(rig):
    """T12: a listed fill whose order is "not found" at first is not passed over: the books are equal in the
    end.
    """
    await rig.buy("0.01")
    rig.fault("not-found", "GET /api/v3/order", count=3)
    rig.fault("drop-events", count=4)
    await rig.exchange_call(
        "POST", "/api/v3/order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.02"
    )
    await rig.until(lambda: rig.service._account.position("BTC/USDT").amount > Decimal("0.029"))
    assert (await rig.verify()).equal
    assert rig.alerts("orphan") == []
    assert sum(fill.amount for fill in await rig.fills()) == Decimal("0.03")


async def test_lost_news_of_an_end_is_found_by_the_comparison(rig):
    """T17: an order that ended at the exchange without our hearing of it is asked for and ends here too."""
    price = (rig.price * Decimal("0.7")).quantize(Decimal("0.01"))
    reply = await rig.intend(type_="limit", price=price)
    order = await rig.state(reply.order_id, "ACCEPTED")
    rig.fault("drop-events", count=1)
    await rig.exchange_call(
        "DELETE", "/api/v3/order", symbol="BTCUSDT", origClientOrderId=order.client_order_id
    )
    ended = await rig.state(reply.order_id, "CANCELED")
    (there,) = await rig.exchange_orders()
    assert (there["clientOrderId"], there["status"], ended.filled) == (ended.client_order_id, "CANCELED", 0)
    assert (await rig.verify()).equal
