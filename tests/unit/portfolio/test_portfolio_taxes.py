"""Lots and disposals out of fills and flows."""

from decimal import Decimal

from cryptobot.bus.contracts.trade import Fill
from cryptobot.services.portfolio import taxes
from cryptobot.services.portfolio.taxes import Flow


def fill(number: int, side: str, amount: str, price: str, fee: str = "0", fee_in: str = "USDT") -> Fill:
    quantity = Decimal(amount)
    return Fill(
        id=str(number),
        order_id="o",
        client_order_id="o",
        exchange="paper",
        symbol="BTC/USDT",
        side=side,
        price=Decimal(price),
        amount=quantity,
        cost=quantity * Decimal(price),
        fee=Decimal(fee),
        fee_currency=fee_in,
        maker=False,
        ts_ms=number * 1000,
        source="a",
    )


def flow(number: int, ts_ms: int, kind: str, amount: str, asset: str = "BTC") -> Flow:
    return Flow(number, ts_ms, kind, asset, Decimal(amount), Decimal(100))


def test_fees_are_part_of_cost_and_proceeds() -> None:
    """Bought with a fee in coins, sold with a fee in money."""
    book = taxes.book(
        "fifo",
        "USDT",
        [fill(1, "buy", "1", "100", "0.001", "BTC"), fill(2, "sell", "0.999", "200", "0.2")],
        [],
    )
    (sold,) = book.disposals

    assert (sold.amount, sold.cost, sold.proceeds) == (Decimal("0.999"), 100, Decimal("199.6"))
    assert sold.gain == Decimal("99.6")
    assert book.report(None, None).open == []


def test_a_fee_in_another_asset_is_told_apart() -> None:
    """It is a disposal of its own kind, which a person must judge."""
    book = taxes.book(
        "fifo", "USDT", [fill(1, "buy", "1", "100"), fill(2, "sell", "1", "200", "0.01", "BNB")], []
    )

    assert (book.disposals[0].gain, book.disposals[0].fee_elsewhere) == (100, "0.01 BNB")


def test_what_was_there_before_is_sold_first_and_has_no_known_cost() -> None:
    """No gain is invented for it."""
    book = taxes.book(
        "fifo",
        "USDT",
        [fill(1, "buy", "1", "100"), fill(2, "sell", "2", "200")],
        [flow(1, 5000, "opening", "1")],
    )

    assert [(one.origin, one.cost, one.gain) for one in book.disposals] == [
        ("opening", None, None),
        ("buy", 100, 100),
    ]


def test_a_withdrawal_takes_lots_and_is_no_sale() -> None:
    """A deposit of the currency itself makes no lot."""
    flows = [flow(1, 1500, "transfer", "-0.4"), flow(2, 1600, "transfer", "500", "USDT")]
    book = taxes.book("fifo", "USDT", [fill(1, "buy", "1", "100")], flows)

    assert [(one.amount, one.proceeds, one.gain) for one in book.disposals] == [(Decimal("0.4"), None, None)]
    assert [(lot.amount, lot.cost) for lot in book.report(None, None).open] == [(Decimal("0.6"), 60)]


def test_a_year_chooses_sales_but_uses_all_lots() -> None:
    """The buy lies before the span."""
    book = taxes.book("fifo", "USDT", [fill(1, "buy", "1", "100"), fill(9, "sell", "1", "150")], [])

    assert len(book.report(5000, 10_000).disposals) == 1
    assert book.report(5000, 9000).disposals == []
