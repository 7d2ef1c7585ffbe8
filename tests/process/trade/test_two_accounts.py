"""Two accounts of one exchange, each traded by a process of its own, over real sockets."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from cryptobot.bus.contracts.strategy import ListStrategies, Strategies
from cryptobot.bus.contracts.trade import Fill, GetPortfolio, Portfolio, SetTradingState, TradingState
from cryptobot.configs.errors import RequestFailedError

SERVICE = {"main": "trade", "second": "trade-second"}


async def test_two_accounts_trade_die_and_halt_apart(two: Any) -> None:
    """One intent makes an order in each; one is killed, the other trades on; one is halted, the other not;
    in the end both ledgers are the exchange's to the last digit.
    """
    await two.start_all()
    heard: list[Fill] = []
    two.bus.subscribe("fill.paper", Fill, lambda one: heard.append(one.message))
    await two.bus.settled(30.0)
    made = {account: await two.want(account, "same") for account in SERVICE}
    assert made["main"].accepted
    assert made["second"].accepted
    assert made["main"].order_id != made["second"].order_id
    assert (await two.want("second", "mixed", named="main")).code == "wrong_account"
    assert (await two.want("second", "large", amount=Decimal("1.8"))).code == "max_order_value"
    assert (await two.want("main", "large", amount=Decimal("1.8"))).accepted

    two.kill("trade")
    assert (await two.want("second", "alone")).accepted
    assert (await two.ended("second"))["alone"].state == "FILLED"
    two.start("trade")
    await two.passes("main")

    halt = SetTradingState(state="HALTED", reason="test", actor="probe")
    with pytest.raises(RequestFailedError, match="second, not main"):
        wrong = msgspec.structs.replace(halt, account="main")
        await two.bus.request("trade-second", wrong, TradingState)
    await two.ask("trade-second", halt, TradingState)
    assert (await two.want("second", "halted")).code == "halted"
    assert (await two.want("main", "goes on")).accepted
    two.kill("trade-second")
    two.start("trade-second")
    told = await two.ask("trade-second", GetPortfolio(), Portfolio)
    assert told.trading_state.state == "HALTED"

    for account in SERVICE:
        await two.equal(account)
    assert {one.account for one in heard} == {"main"}
    await two.close()


async def test_strategies_trade_their_account_and_the_portfolio_adds_both_up(two: Any) -> None:
    """Each run's orders are in its own account; the report of all is the sum of the reports of each."""
    await two.start_all()
    two.start("strategy", "portfolio")
    await two.ready("strategy", "portfolio")
    await two.until_traded({"main": "quick", "second": "other"})
    for account, run in (("main", "quick"), ("second", "other")):
        sources = {one.source for one in (await two.ended(account)).values()}
        assert sources - {"hand"} == {run}
    told = (await two.ask("strategy", ListStrategies(), Strategies)).strategies
    assert {one.name: one.account for one in told} == {"quick": "main", "other": "second"}
    for account in SERVICE:
        await two.ask(
            SERVICE[account], SetTradingState(state="HALTED", reason="end", actor="probe"), TradingState
        )
        await two.equal(account)
    whole = await two.report()
    assert [one.account for one in whole.accounts] == ["main", "second"]
    assert whole.equity == sum(one.equity or 0 for one in whole.accounts)
    holdings = [await two.ask(SERVICE[one], GetPortfolio(), Portfolio) for one in SERVICE]
    for row in whole.weights:
        asset = row.symbol.partition("/")[0]
        held = [one.total for each in holdings for one in each.balances if one.asset == asset]
        assert row.amount == sum(held)
    await two.close()
