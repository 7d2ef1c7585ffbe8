"""The trade process under kill -9, with everything real."""

import asyncio
import os
import random
import time
from decimal import Decimal

import pytest
from cryptobot.bus.contracts.trade import ListOrders, Orders

ORDER = "POST /api/v3/order"
FAULTS = (
    ("timeout-before", ORDER, 1.5),
    ("timeout-after", ORDER, 1.5),
    ("error-before", ORDER, 0.0),
    ("error-after", ORDER, 0.0),
    ("slow", ORDER, 0.5),
    ("not-found", "GET /api/v3/order", 0.0),
    ("duplicate-events", "", 0.0),
    ("reorder-events", "", 0.0),
    ("drop-events", "", 0.0),
    ("delay-events", "", 0.5),
    ("close-sockets", "", 0.0),
)


async def agree(platform, intents):
    """Exchange, journal, ledger and positions tell the same, to the last digit, and each intent made one
    order.
    """
    orders = await platform.settled()
    report = await platform.verify()
    assert report.equal, report
    theirs = {order["clientOrderId"]: order for order in await platform.exchange_orders()}
    ours = {order.client_order_id: order for order in orders.values()}
    assert set(orders) == set(intents)
    assert set(theirs) <= set(ours), "the exchange has an order that the journal does not know"
    for client_id, order in ours.items():
        if client_id not in theirs:
            assert order.state in ("REJECTED", "CANCELED"), order
            assert order.filled == 0
            continue
        assert order.filled == Decimal(theirs[client_id]["executedQty"]), order
        assert order.cost == Decimal(theirs[client_id]["cummulativeQuoteQty"]), order
    fills = (await platform.fills()).fills
    assert len({fill.id for fill in fills}) == len(fills)
    assert sum(fill.amount for fill in fills) == sum(order.filled for order in orders.values())


async def test_killed_while_orders_are_under_way(platform):
    """T1: trade is killed with orders in flight; after its restart each exists once, here and there."""
    await platform.start_all()
    await platform.fault("timeout-after", ORDER, count=3, seconds=2)
    intents = [f"flight:{number}" for number in range(6)]
    for intent in intents:
        await platform.intend(intent)
    await platform.exchange_has(len(intents))
    platform.kill("trade")
    platform.start("trade")
    await platform.ready("trade")
    await agree(platform, intents)
    assert len(await platform.exchange_orders()) == len(intents)
    await platform.close()


async def storm(platform, seconds, seed):
    """Trade while faults and kills come at random; then everything must agree."""
    dice = random.Random(seed)
    await platform.start_all()
    intents, kills, end_s = [], 0, time.monotonic() + seconds
    while time.monotonic() < end_s:
        intents.append(f"storm:{len(intents)}")
        side = dice.choice(("buy", "buy", "sell"))
        await platform.intend(intents[-1], side=side)
        chance = dice.random()
        if chance < 0.10:
            await platform.fault(*dice.choice(FAULTS)[:2], seconds=1.0)
        elif chance < 0.14:
            victim = dice.choice(("trade", "trade", "paper", "data", "bus"))
            platform.kill(victim)
            platform.start(victim)
            kills += 1
        await asyncio.sleep(dice.uniform(0, 0.1))
    await platform.no_faults()
    await platform.ready("trade", "data")
    await platform.entries_pass()
    denied = await _denied(platform)
    await agree(platform, [intent for intent in intents if intent not in denied])
    assert kills > 0
    await platform.close()


async def _denied(platform):
    listed = await platform.ask("trade", ListOrders(limit=10_000), Orders)
    return {order.intent_id for order in listed.orders if order.state == "DENIED"}


@pytest.mark.timeout(240)
async def test_short_storm_loses_and_doubles_nothing(platform):
    """Twelve seconds of random kills and faults: exchange, journal, ledger and positions agree."""
    await storm(platform, 12, seed=7)


@pytest.mark.slow
@pytest.mark.timeout(1500)
async def test_ten_minute_storm_loses_and_doubles_nothing(platform):
    """Ten minutes of random kills and faults; STORM_S and STORM_SEED change length and dice."""
    await storm(platform, float(os.environ.get("STORM_S", "600")), int(os.environ.get("STORM_SEED", "1")))
