"""The trade process under kill -9, with everything real."""

import asyncio
import os
import random
import time
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal

import pytest
from cryptobot.bus.contracts.base import Done
from cryptobot.bus.contracts.trade import (
    EndProtection,
    GetPortfolio,
    LedgerReport,
    ListOrders,
    Orders,
    Portfolio,
    Protection,
    ProtectPosition,
)
from cryptobot.configs.errors import RequestFailedError

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
    ("silence-sockets", "", 0.0),
    ("timeout-after", "POST /api/v3/order/cancelReplace", 1.5),
    ("error-before", "DELETE /api/v3/order", 0.0),
)
VICTIMS = ("trade", "trade", "paper", "data", "bus", "strategy")
ALL = (*VICTIMS, "auth", "dashboard", "monitor", "supervisor")


async def agree(platform, intents):
    """Exchange, journal, ledger and positions tell the same, to the last digit, and each intent made one
    order.
    """
    orders = await platform.settled()
    report = await platform.verify()
    assert report.equal, report
    theirs = {order["clientOrderId"]: order for order in await platform.exchange_orders()}
    ours = {order.client_order_id: order for order in orders.values()}
    assert {name for name, order in orders.items() if order.source == "storm"} == set(intents)
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
    await _position_is_the_sum(platform, fills)
    stops = [order for order in theirs.values() if "STOP" in order["type"] and order["status"] == "NEW"]
    assert len(stops) <= 1, "two stops are in force"
    return Agreed(len(theirs), len(fills), report)


@dataclass
class Agreed:
    """How much it was that agreed."""

    orders: int
    fills: int
    report: LedgerReport


async def _position_is_the_sum(platform, fills):
    expected = Decimal(0)
    for fill in fills:
        expected += fill.amount if fill.side == "buy" else -fill.amount
        expected -= fill.fee if fill.fee_currency == "BTC" else 0
    portfolio = await platform.ask("trade", GetPortfolio(), Portfolio)
    held = {position.symbol: position.amount for position in portfolio.positions}
    assert held.get("BTC/USDT", Decimal(0)) == expected


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


async def storm(platform, seconds, seed, victims=VICTIMS):
    """Trade while faults and kills come at random; then everything must agree."""
    dice = random.Random(seed)
    await platform.start_all()
    platform.start("strategy")
    intents, guards, faults, kills, end_s = [], 0, Counter(), Counter(), time.monotonic() + seconds
    while time.monotonic() < end_s:
        intents.append(f"storm:{len(intents)}")
        side = dice.choice(("buy", "buy", "sell"))
        await platform.intend(intents[-1], side=side)
        chance = dice.random()
        if chance < 0.10:
            fault = dice.choice(FAULTS)
            await platform.fault(*fault[:2], seconds=1.0)
            faults[fault[0]] += 1
        elif chance < 0.14:
            victim = dice.choice(victims)
            platform.kill(victim)
            platform.start(victim)
            kills[victim] += 1
        elif chance < 0.22:
            guards += await _guard(platform, dice)
        await asyncio.sleep(dice.uniform(0, 0.1))
    await platform.no_faults()
    await platform.ready("trade", "data", "strategy")
    await platform.entries_pass()
    platform.stop("strategy")
    await _unguard(platform)  # a stop that fires between two readings is no difference
    denied = await _denied(platform)
    agreed = await agree(platform, [intent for intent in intents if intent not in denied])
    print(
        f"{seconds:.0f} s: {agreed.orders} orders at the exchange, {agreed.fills} fills, {guards} guards, "
        f"{len(denied)} denied, kills {dict(kills)}, faults {dict(faults)}; "
        f"differences {agreed.report.differences}, unknown {agreed.report.unknown_orders}"
    )
    assert kills
    await platform.close()


async def _guard(platform, dice):
    """Guard the position in one of the ways there are; 1 when it was taken."""
    portfolio = await platform.ask("trade", GetPortfolio(), Portfolio)
    held = [position for position in portfolio.positions if position.amount > 0 and position.average]
    if not held:
        return 0
    paid = held[0].average
    ways = (
        {"stop_price": paid * Decimal("0.9")},
        {"trailing_percent": Decimal("0.5")},
        {"stop_price": paid * Decimal("0.9"), "take_profit": paid * Decimal("1.3")},
    )
    asked = ProtectPosition(exchange="paper", symbol="BTC/USDT", actor="storm", **dice.choice(ways))
    try:
        await platform.ask("trade", asked, Protection)
    except RequestFailedError as error:
        assert error.code in ("no_position", "bad_stop", "bad_target"), error
        return 0
    return 1


async def _unguard(platform):
    """End the guard, if there is one: from here on nothing trades by itself."""
    asked = EndProtection(exchange="paper", symbol="BTC/USDT", actor="storm")
    try:
        await platform.ask("trade", asked, Done)
    except RequestFailedError as error:
        assert error.code == "not_protected", error


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


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_ten_minute_storm_over_the_whole_platform(supervised):
    """The same with everything supervised, and with kills of auth, dashboard, monitor and the supervisor."""
    await storm(
        supervised, float(os.environ.get("STORM_S", "600")), int(os.environ.get("STORM_SEED", "1")), ALL
    )
