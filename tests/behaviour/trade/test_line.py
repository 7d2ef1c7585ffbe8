"""The line from a wish to a booked fill."""

from decimal import Decimal


async def test_market_buy_is_filled_and_the_ledger_equals_the_exchange(rig):
    """An intent becomes a filled order, a fill, a position, and a ledger that equals the venue's balances."""
    order = await rig.buy("0.05")
    assert order.filled == order.amount == Decimal("0.05")
    fills = await rig.fills()
    assert sum(fill.amount for fill in fills) == Decimal("0.05")
    assert (await rig.position()).amount == Decimal("0.05") - sum(fill.fee for fill in fills)
    report = await rig.verify()
    assert report.equal, report
    assert (report.orders, report.open_orders, report.unknown_orders) == (1, 0, 0)


async def test_round_trip_realises_profit_or_loss(rig):
    """Selling all that was bought makes the position flat and its realised result equals the change of
    cash.
    """
    bought = await rig.buy("0.05")
    held = (await rig.position()).amount
    reply = await rig.intend("sell", amount=held)
    sold = await rig.state(reply.order_id, "FILLED")
    position = await rig.position()
    left = held - sold.filled
    assert position.amount == left
    portfolio = await rig.portfolio()
    cash = next(balance for balance in portfolio.balances if balance.asset == "USDT")
    assert cash.total < 10000 + sold.cost - bought.cost
    assert (await rig.verify()).equal


async def test_limit_order_rests_reserves_and_is_cancelled(rig):
    """A limit order binds its value until it is cancelled, then all of it is free again."""
    price = (rig.price * Decimal("0.8")).quantize(Decimal("0.01"))
    reply = await rig.intend(type_="limit", amount=Decimal("0.1"), price=price)
    await rig.state(reply.order_id, "ACCEPTED")
    cash = next(b for b in (await rig.portfolio()).balances if b.asset == "USDT")
    assert cash.used == price * Decimal("0.1")
    await rig.cancel(reply.order_id)
    await rig.state(reply.order_id, "CANCELED")
    cash = next(b for b in (await rig.portfolio()).balances if b.asset == "USDT")
    assert (cash.used, cash.free) == (0, 10000)


async def test_cash_is_turned_into_an_amount(rig):
    """An intent in cash buys for at most that much."""
    reply = await rig.intend(cash=Decimal("500"))
    order = await rig.state(reply.order_id, "FILLED")
    assert Decimal("480") < order.cost < Decimal("510")


async def test_same_intent_is_the_same_order_for_ever(rig):
    """A repeated intent gives the first order again, also after a restart; nothing more is sent (T5)."""
    first = await rig.intend(intent_id="once")
    await rig.state(first.order_id, "FILLED")
    again = await rig.intend(intent_id="once")
    await rig.stop_trade()
    await rig.start_trade()
    later = await rig.intend(intent_id="once")
    assert first.order_id == again.order_id == later.order_id
    assert len(await rig.exchange_orders()) == 1
