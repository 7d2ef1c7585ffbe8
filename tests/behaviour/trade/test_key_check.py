"""An API key is shown to its venue before it is kept: what the venue says of it is told."""

import pytest
from cryptobot.bus.contracts.trade import CheckKey, KeyReport
from cryptobot.configs.errors import RequestFailedError


async def check(rig, exchange: str) -> KeyReport:
    """Ask trade about a key."""
    wish = CheckKey(exchange=exchange, api_key="key", api_secret="secret")
    return await rig.client.request("trade", wish, KeyReport, timeout_s=40)


async def test_what_a_key_may_do_is_told(rig):
    """Asked over its socket the exchange says whether the key may trade, and whether it may withdraw."""
    assert await check(rig, "paper") == KeyReport(trade=True, withdraw=False)
    rig.fault("may-withdraw")
    assert await check(rig, "paper") == KeyReport(trade=True, withdraw=True)


async def test_a_venue_that_is_not_there_is_named(rig):
    """A misspelt exchange is one sentence with the nearest name."""
    with pytest.raises(RequestFailedError, match="binance") as caught:
        await check(rig, "binanse")
    assert caught.value.code == "unknown_venue"
