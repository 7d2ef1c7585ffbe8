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


async def test_immediate_or_cancel_that_finds_nothing_expires(rig):
    """An IOC order away from the market ends EXPIRED, unfilled, and binds nothing."""
    price = (rig.price * Decimal("0.8")).quantize(Decimal("0.01"))
    reply = await rig.intend(type_="limit", price=price, time_in_force="IOC")
    order = await rig.state(reply.order_id, "EXPIRED", "CANCELED")
    assert order.filled == 0
    assert all(balance.used == 0 for balance in (await rig.portfolio()).balances)


async def test_fill_or_kill_fills_whole_or_not_at_all(rig):
    """A FOK order at a price that crosses is filled whole."""
    price = (rig.price * Decimal("1.1")).quantize(Decimal("0.01"))
    reply = await rig.intend(type_="limit", price=price, time_in_force="FOK")
    order = await rig.state(reply.order_id, "FILLED")
    assert order.filled == order.amount


async def test_post_only_that_would_cross_is_refused(rig):
    """A post-only order never takes: the exchange refuses one that would, and it is not sent again."""
    price = (rig.price * Decimal("1.1")).quantize(Decimal("0.01"))
    reply = await rig.intend(type_="limit", price=price, post_only=True)
    await rig.state(reply.order_id, "REJECTED")
    assert await rig.fills() == []


async def test_stop_order_waits_for_its_price(rig):
    """A stop-loss order is accepted and rests, and a cancel ends it."""
    await rig.buy("0.05")
    stop = (rig.price * Decimal("0.7")).quantize(Decimal("0.01"))
    reply = await rig.intend("sell", "stop_loss", amount=Decimal("0.02"), stop_price=stop)
    order = await rig.state(reply.order_id, "ACCEPTED")
    assert order.stop_price == stop
    await rig.cancel(reply.order_id)
    await rig.state(reply.order_id, "CANCELED")
    assert (await rig.verify()).equal
