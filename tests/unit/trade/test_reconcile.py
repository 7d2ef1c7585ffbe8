"""Which executions are asked for."""

import asyncio

import pytest
import structlog
from cryptobot.bus.memory import MemoryHub
from cryptobot.configs.paths import Home
from cryptobot.services.connectors.venue import Capabilities
from cryptobot.services.trade.account import Account
from cryptobot.services.trade.booking import Booking
from cryptobot.services.trade.reconcile import Reconciler
from cryptobot.services.trade.store import Change, TradeStore


class Asked:
    """A venue that only remembers which trades were asked for."""

    capabilities = Capabilities()

    def __init__(self):
        self.calls = []

    async def fetch_my_trades(self, symbol, since_ms=None, from_id=""):
        self.calls.append((symbol, since_ms, from_id))
        return []


@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        (None, ("A/B", 1000, "")),
        ('{"id": "", "ts_ms": 1000}', ("A/B", 1000, "0")),
        ('{"id": "41", "ts_ms": 1500}', ("A/B", 1500, "42")),
    ],
    ids=["never watched", "nothing was there", "read up to 41"],
)
def test_executions_are_asked_for_from_where_the_books_stand(tmp_path, fact, expected):
    """Nothing from before the opening is booked again, and nothing after the last one is left out."""
    home = Home(tmp_path)
    home.create()

    async def scenario():
        store = TradeStore(home)
        facts = {"opened|x": "1000"} | ({"trades|A/B|x": fact} if fact else {})
        store.write(Change(facts=facts))
        account = Account("x", store)
        bus = await MemoryHub().open_async("trade")
        log = structlog.get_logger()
        reconciler = Reconciler(
            account, store, Booking(account, store, bus, log), log,
            symbols=["A/B"], interval_s=1.0, resend_cancel=lambda order_id: None,
        )  # fmt: skip
        venue = Asked()
        await reconciler.fetch_missed_fills(venue)
        await bus.close()
        store.close()
        return venue.calls

    assert asyncio.run(scenario()) == [expected]
