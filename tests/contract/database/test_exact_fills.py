"""Trade's books on every engine."""

import asyncio
from decimal import Decimal

import pytest
from cryptobot.configs import snapshot
from cryptobot.configs.schema import Settings
from cryptobot.services.trade import ledger, money
from cryptobot.services.trade.order import FillRecord, OrderRecord
from cryptobot.services.trade.store import Change, TradeStore

NUMBER = 10_000
TINY, FEE = Decimal("0.00000001"), Decimal("0.000000003")
IDS = {"id": "a", "exchange": "x", "symbol": "A/B", "side": "buy"}


def fill(number: int) -> FillRecord:
    named = IDS | {"id": str(number), "order_id": "a"}
    return FillRecord(
        **named, price=Decimal("0.3"), amount=TINY, cost=TINY * Decimal("0.3"), fee=FEE, fee_currency="C",
        maker=True, ts_ms=number,
    )  # fmt: skip


@pytest.mark.timeout(240)
def test_tiny_fills_round_trip_exactly_on_every_engine(place):
    """T20: 10,000 fills of 0.00000001 come back from each engine equal to a Decimal reference, digit by
    digit.
    """
    snapshot.write(place.home, Settings(database=place.settings))
    order = OrderRecord(**IDS, client_order_id="a", type="limit", amount=Decimal(1), price=Decimal("0.3"))
    fills = [fill(number) for number in range(NUMBER)]
    entries = [ledger.fill_entry(one, "A", "B") for one in fills]

    async def write() -> None:
        store = TradeStore(place.home)
        store.write(Change(new_orders=[order], fills=[(one, order) for one in fills], entries=entries))
        await store.durable()
        store.close()

    async def read() -> tuple[list[object], dict[tuple[str, str], Decimal]]:
        store = TradeStore(place.home)
        try:
            return store.list_fills(None, None, 2 * NUMBER), dict(store.accounts)
        finally:
            store.close()

    asyncio.run(write())
    rows, accounts = asyncio.run(read())
    assert [(row.amount, row.cost, row.fee) for row in reversed(rows)] == [
        (one.amount, one.cost, one.fee) for one in fills
    ]
    assert money.add(*(row.amount for row in rows)) == Decimal("0.0001")
    assert accounts["holdings:x", "A"] == Decimal("0.0001")
    assert accounts["holdings:x", "B"] == -NUMBER * TINY * Decimal("0.3")
    assert accounts["holdings:x", "C"] == -NUMBER * FEE
