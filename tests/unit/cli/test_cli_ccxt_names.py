"""Trade's messages under ccxt's field names."""

from decimal import Decimal

import pytest
from cryptobot.bus.contracts.trade import Balance, Fill, Order, Position
from cryptobot.supervisor.cli import ccxt_names

ORDER = Order(
    id="7",
    client_order_id="cb-7",
    exchange_order_id="4711",
    intent_id="ema:BTC/USDT:0:1",
    source="ema",
    exchange="paper",
    symbol="BTC/USDT",
    side="buy",
    type="market",
    state="FILLED",
    amount=Decimal("0.50"),
    filled=Decimal("0.50"),
    remaining=Decimal("0.00"),
    price=None,
    stop_price=None,
    average=Decimal("1E+4"),
    cost=Decimal("5000"),
    time_in_force="GTC",
    reduce_only=False,
    reason="",
    candle_open_ms=0,
    created_ms=1_500_000_000_123,
    updated_ms=1_500_000_000_456,
)


def test_an_order_has_ccxts_fields() -> None:
    """The venue's id is `id`, as in ccxt; money is text without exponent."""
    told = ccxt_names.order(ORDER)

    assert told["id"] == "4711"
    assert told["clientOrderId"] == "cb-7"
    assert told["status"] == "closed"
    assert told["average"] == "10000"
    assert told["amount"] == "0.50"
    assert told["price"] is None
    assert told["datetime"] == "2017-07-14T02:40:00.123Z"


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("PENDING", "open"),
        ("UNKNOWN", "open"),
        ("FILLED", "closed"),
        ("CANCELED", "canceled"),
        ("REJECTED", "rejected"),
        ("EXPIRED", "expired"),
    ],
)
def test_states_become_ccxts_statuses(state: str, status: str) -> None:
    """What is not over is open."""
    assert ccxt_names.order_status(state) == status


def test_a_fill_names_its_order_and_fee() -> None:
    """As a trade of ccxt does."""
    fill = Fill(
        id="1",
        order_id="7",
        client_order_id="cb-7",
        exchange="paper",
        symbol="BTC/USDT",
        side="sell",
        price=Decimal("1.5"),
        amount=Decimal(2),
        cost=Decimal("3.0"),
        fee=Decimal("0.003"),
        fee_currency="USDT",
        maker=True,
        ts_ms=0,
        source="ema",
    )

    told = ccxt_names.fill(fill)

    assert told["fee"] == {"currency": "USDT", "cost": "0.003"}
    assert told["takerOrMaker"] == "maker"
    assert told["clientOrderId"] == "cb-7"


def test_a_position_has_a_side() -> None:
    """Flat when there is none."""
    flat = Position(
        exchange="paper",
        symbol="BTC/USDT",
        amount=Decimal(0),
        average=None,
        realised_pnl=Decimal(1),
        unrealised_pnl=Decimal(0),
        fees=Decimal(0),
        updated_ms=0,
    )

    told = ccxt_names.position(flat)

    assert (told["side"], told["entryPrice"], told["realizedPnl"]) == ("flat", None, "1")


def test_a_balance_names_its_currency() -> None:
    """Free and used make the total."""
    balance = Balance(
        exchange="paper", asset="BTC", free=Decimal("0.1"), used=Decimal("0.2"), total=Decimal("0.3")
    )

    told = ccxt_names.balance(balance)

    assert (told["currency"], told["free"], told["used"], told["total"]) == ("BTC", "0.1", "0.2", "0.3")
