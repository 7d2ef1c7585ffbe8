"""What is written comes back, exactly, and once."""

import asyncio
from decimal import Decimal

import pytest
from cryptobot.bus.contracts.trade import TradingState
from cryptobot.configs.paths import Home
from cryptobot.services.database.fields import IntegrityError
from cryptobot.services.trade import ledger, money
from cryptobot.services.trade.order import FillRecord, OrderRecord
from cryptobot.services.trade.positions import Lot, PositionRecord
from cryptobot.services.trade.protection_plan import ENDED, ProtectionRecord
from cryptobot.services.trade.store import Change, OutgoingEvent, TradeStore

ODD = Decimal("12345678901234567890.00000001")


@pytest.fixture
def home(tmp_path):
    made = Home(tmp_path)
    made.create()
    return made


def order(name="a", **fields):
    return OrderRecord(
        id=name, client_order_id=name, intent_id=f"i-{name}", exchange="x", symbol="A/B", side="buy",
        type="limit", amount=ODD, price=Decimal("0.10"), **fields,
    )  # fmt: skip


def fill(number, amount="0.00000001"):
    return FillRecord(
        id=str(number), order_id="a", exchange="x", symbol="A/B", side="buy", price=Decimal("3.00"),
        amount=Decimal(amount), cost=Decimal(amount) * 3, fee=Decimal("0.000000003"), fee_currency="C",
        maker=False, ts_ms=number,
    )  # fmt: skip


def within(home, work):
    """Run `work(store)` in a loop, durable at its end; then open the store again."""

    async def scenario():
        store = TradeStore(home)
        try:
            outcome = work(store)
            await store.durable()
            return outcome
        finally:
            store.close()

    return asyncio.run(scenario())


def test_order_comes_back_as_it_was(home):
    """Every field of an order survives, digit for digit."""
    made = order(reason="why", candle_open_ms=7, post_only=True)
    within(home, lambda store: store.write(Change(new_orders=[made])))
    assert within(home, lambda store: store.find_order("id", "a")) == made
    assert within(home, lambda store: store.open_orders()) == [made]


def test_second_order_of_an_intent_is_refused(home):
    """T5: the database itself takes no second order of an intent, and goes on working."""

    def twice(store):
        store.write(Change(new_orders=[order()]))
        with pytest.raises(IntegrityError):
            store.write(Change(new_orders=[order()], facts={"never": "seen"}))
        assert store.fact("never") is None
        store.write(Change(facts={"later": "yes"}))

    within(home, twice)
    assert within(home, lambda store: (store.counts(), store.fact("later"))) == ((1, 0), "yes")


def test_ten_thousand_tiny_fills_come_back_exactly(home):
    """T20: 10,000 fills of 0.00000001 sum to the last digit after they went through the database."""
    made = order()
    fills = [fill(number) for number in range(10_000)]
    entries = [ledger.fill_entry(one, "A", "B") for one in fills]
    change = Change(new_orders=[made], fills=[(one, made) for one in fills], entries=entries)
    within(home, lambda store: store.write(change))

    def read(store):
        rows = store.list_fills(None, None, 20_000)
        return money.add(*(row.amount for row in rows)), money.add(*(row.fee for row in rows)), store.accounts

    amount, fees, accounts = within(home, read)
    assert (amount, fees) == (Decimal("0.0001"), Decimal("0.00003"))
    assert accounts["holdings:x", "A"] == Decimal("0.0001")
    assert accounts["holdings:x", "B"] == Decimal("-0.0003")
    assert accounts["holdings:x", "C"] == Decimal("-0.00003")


def test_position_and_protection_come_back(home):
    """Lots, prices and the guard of a position survive; a guard that ended is forgotten."""
    position = PositionRecord(exchange="x", symbol="A/B", amount=ODD, cost=ODD, realised=-ODD)
    position.lots.append(Lot(ODD, Decimal("0.30")))
    guard = ProtectionRecord(
        exchange="x", symbol="A/B", stop_price=Decimal("1.10"), trailing_percent=None, take_profit=ODD,
        take_profit_amount=None, actor="me", created_ms=1, leg="l",
    )  # fmt: skip
    within(home, lambda store: store.write(Change(positions=[position], protections=[guard])))
    assert within(home, lambda store: (store.positions(), store.protections())) == ([position], [guard])
    guard.state = ENDED
    within(home, lambda store: store.write(Change(protections=[guard])))
    assert within(home, lambda store: store.protections()) == []


def test_events_that_were_not_published_are_found_again(home):
    """What was committed and not handed to the bus is there after a restart; what was, is not."""
    state = TradingState(state="HALTED", reason="r", actor="a", since_ms=1)
    events = [OutgoingEvent("risk.state", state, "c" * 32)] * 2
    within(home, lambda store: store.write(Change(states=[state], events=events)))

    def publish_first(store):
        left = store.unpublished()
        store.published(left[0][0])
        store.write(Change(facts={"a": "b"}))
        return [event for _, event in left]

    assert within(home, publish_first) == events
    assert [event for _, event in within(home, lambda store: store.unpublished())] == events[1:]
    assert within(home, lambda store: store.trading_state()) == state


def test_commits_are_shared_and_told_once(home):
    """Changes that are written together are durable together, and their events are told after that."""
    told = []

    async def scenario():
        store = TradeStore(home)
        store.on_committed = told.append
        state = TradingState(state="ACTIVE", reason="", actor="", since_ms=1)
        for _ in range(3):
            store.write(Change(events=[OutgoingEvent("risk.state", state)]))
        assert told == []
        await store.durable()
        store.close()

    asyncio.run(scenario())
    assert [len(batch) for batch in told] == [3]
