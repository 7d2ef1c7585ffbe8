"""T29: whatever else dies, orders and stops stay."""

from decimal import Decimal

import pytest
from cryptobot.bus.contracts.trade import GetPortfolio, Portfolio, Protection, ProtectPosition


@pytest.mark.timeout(240)
async def test_other_services_die_while_a_stop_and_an_order_are_in_force(platform):
    """T29: after kill -9 of exchange, data and bus in turn the same order and the same one stop are in
    force.
    """
    await platform.start_all()
    await platform.intend("entry", amount=Decimal("0.05"))
    await platform.settled()
    info = await platform.ask("trade", GetPortfolio(), Portfolio)
    position = info.positions[0]
    low = (position.average * Decimal("0.6")).quantize(Decimal("0.01"))
    guard = ProtectPosition(exchange="paper", symbol="BTC/USDT", actor="test", stop_price=low)
    await platform.ask("trade", guard, Protection)
    await platform.intend("resting", type="limit", price=low, amount=Decimal("0.01"))
    await platform.settled()
    before = await platform.exchange_orders()
    for victim in ("paper", "data", "bus"):
        platform.kill(victim)
        platform.start(victim)
        await platform.ready(victim)
    await platform.entries_pass()
    assert (await platform.verify()).equal
    assert await platform.exchange_orders() == before
    assert sorted(order["status"] for order in before) == ["FILLED", "NEW", "NEW"]
    assert platform.processes["trade"].poll() is None
    again = await platform.ask("trade", GetPortfolio(), Portfolio)
    assert again.positions[0].amount == position.amount
    assert [guarded.stop_price for guarded in again.protections] == [low]
    await platform.close()
