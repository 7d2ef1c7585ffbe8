"""Who or what caused which trading action: sealed in trade's own database, and told to the platform."""

import asyncio
from decimal import Decimal

import pytest
from cryptobot.bus import topics
from cryptobot.bus.contracts.service import Audit
from cryptobot.bus.contracts.trade import ActionsReport, SetTradingState, TradingState, VerifyActions
from cryptobot.configs.errors import CryptoBotError
from cryptobot.services.trade import why
from cryptobot.services.trade.actions import HEAD


def listen(rig):
    heard = []
    rig.client.subscribe(topics.AUDIT, Audit, lambda received: heard.append(received.message))
    return heard


async def trade_a_little(rig):
    """An order of a program, a refusal, and a halt by a person."""
    order = await rig.buy("0.01")
    await rig.intend(amount=Decimal("0.000001"))
    halt = SetTradingState(state="HALTED", reason="test", actor="person")
    await rig.client.request("trade", halt, TradingState)
    return order


async def test_every_action_is_sealed_and_told(rig):
    """Orders, refusals and halts are in the chain with their actor, and the platform's log hears of each."""
    heard = listen(rig)
    order = await trade_a_little(rig)
    await rig.until(lambda: any(audit.action == "trading state" for audit in heard))
    report = await rig.client.request("trade", VerifyActions(), ActionsReport)
    assert report.ok and report.entries == len(heard)
    told = {(audit.actor, audit.action, audit.ok) for audit in heard}
    assert {("test", "order", True), ("test", "order", False), ("person", "trading state", True)} <= told
    assert any(audit.subject == order.id for audit in heard)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("UPDATE actions SET actor = 'nobody' WHERE number = 1", "its seal is wrong"),
        ("DELETE FROM actions WHERE number = 2", "the entry is missing"),
        ("DELETE FROM actions WHERE number = (SELECT MAX(number) FROM actions)", "the end was cut off"),
    ],
)
async def test_changed_chain_is_noticed(rig, damage, reason):
    """A changed, removed or cut-off entry is named by the check of what lies on disk."""
    await trade_a_little(rig)
    await rig.stop_trade()
    assert (await asyncio.to_thread(why.verify, rig.home)).ok
    import sqlite3

    with sqlite3.connect(rig.home.databases / "trade.sqlite") as database:
        database.execute(damage)
    database.close()
    found = await asyncio.to_thread(why.verify, rig.home)
    assert (found.ok, found.reason) == (False, reason)
    await rig.start_trade()
    assert bool(rig.alerts("actions")) is (reason == "the end was cut off")


async def test_head_is_not_moved_by_looking(rig):
    """Asking why or verifying writes nothing, so it cannot hide what was cut off."""
    await trade_a_little(rig)
    await rig.stop_trade()
    before = (rig.home.keys / HEAD).read_bytes()
    await asyncio.to_thread(why.verify, rig.home)
    assert (rig.home.keys / HEAD).read_bytes() == before
    await rig.start_trade()


async def test_why_tells_what_the_limits_saw_and_what_was_filled(rig):
    """From disk alone: the order, what the limits looked at, its fills and who asked for it."""
    order = await rig.buy("0.01")
    await rig.stop_trade()
    answer = await asyncio.to_thread(why.explain, rig.home, order.client_order_id)
    assert answer["order"]["state"] == "FILLED"
    assert answer["limits"]["denied"] == ""
    assert Decimal(answer["limits"]["saw"]["free_quote"]) == 10_000
    assert sum(Decimal(fill["amount"]) for fill in answer["fills"]) == Decimal("0.01")
    assert [action["actor"] for action in answer["actions"]] == ["test"]
    await rig.start_trade()


async def test_why_of_a_denied_order_names_the_limit(rig):
    """The answer says which limit was against it."""
    reply = await rig.intend(amount=Decimal("0.000001"))
    await rig.stop_trade()
    answer = await asyncio.to_thread(why.explain, rig.home, reply.order_id)
    assert answer["limits"]["denied"].startswith("amount_too_small")
    with pytest.raises(CryptoBotError, match="has no order nonsense"):
        await asyncio.to_thread(why.explain, rig.home, "nonsense")
    await rig.start_trade()
