"""A run's own position: each execution once, fees where they were taken."""

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from cryptobot.services.strategy.book import Book, Execution
from cryptobot.services.strategy.dry import DryVenue, quote_of
from cryptobot.services.strategy.lastresort import CallMark, LastResort
from cryptobot.services.strategy.values import Candle, Wish

BTC = "BTC/USDT"


def done(number: int, side: str, amount: str, price: str = "100", **fees: Decimal) -> Execution:
    return Execution(f"t{number}", BTC, side, Decimal(price), Decimal(amount), number * 1000, **fees)


def test_an_execution_counts_once() -> None:
    """Told again, also after the book was kept and read, it changes nothing."""
    book = Book()
    assert book.take(done(1, "buy", "2"))
    kept = msgspec.json.decode(msgspec.json.encode(book), type=Book)

    assert not kept.take(done(1, "buy", "2"))
    assert kept.holdings[BTC].amount == 2


def test_fees_make_the_position_smaller_or_dearer() -> None:
    """A fee in the base asset is taken off the amount, one in the quote asset is paid."""
    book = Book()
    book.take(done(1, "buy", "2", fee_base=Decimal("0.002")))
    book.take(done(2, "buy", "1", fee_quote=Decimal("0.1")))
    position = book.holdings[BTC].position

    assert position.amount == Decimal("2.998")
    assert position.average == Decimal("300.1") / Decimal("2.998")


def test_sales_realise_their_share_of_what_was_paid() -> None:
    """Half sold realises half of the cost; the rest gone, nothing is left over."""
    book = Book()
    book.take(done(1, "buy", "2", "100"))
    book.take(done(2, "sell", "1", "130", fee_quote=Decimal(1)))
    assert book.realised == 29
    book.take(done(3, "sell", "1", "90"))

    assert (book.realised, book.holdings) == (19, {})


def test_executions_are_asked_for_again_from_a_while_before_the_newest() -> None:
    """None from the beginning when nothing is known yet."""
    book = Book()
    assert book.since_ms() is None
    book.take(done(3_000, "buy", "1"))

    assert book.since_ms() == 3_000_000 - 600_000


@pytest.mark.parametrize(
    ("wish", "candle", "price"),
    [
        (Wish("buy", Decimal(1)), (10, 12, 9, 11), "10"),
        (Wish("buy", Decimal(1), limit=Decimal("9.5")), (10, 12, 9, 11), "9.5"),
        (Wish("buy", Decimal(1), limit=Decimal(8)), (10, 12, 9, 11), None),
        (Wish("buy", Decimal(1), trigger=Decimal(11)), (10, 12, 9, 11), "11"),
        (Wish("buy", Decimal(1), trigger=Decimal(11)), (11.5, 12, 11, 12), "11.5"),
        (Wish("buy", Decimal(1), trigger=Decimal(13)), (10, 12, 9, 11), None),
    ],
)
def test_dry_orders_fill_where_a_candle_reaches_them(
    wish: Wish, candle: tuple[float, ...], price: str | None
) -> None:
    """Market orders at the open, limits at their price or better, stops at their trigger or worse."""
    venue, book = DryVenue(cash={"USDT": Decimal(100)}), Book()
    assert venue.place(BTC, wish, Decimal("0.001")) is None
    made, refused = venue.match(book, BTC, Candle(0, *candle, 1.0), Decimal(0), Decimal(0))

    assert refused == []
    assert [one.price for one in made] == ([Decimal(price)] if price else [])


def test_a_dry_order_beyond_the_money_is_refused_with_the_reason() -> None:
    """What it costs and what is free are told, and nothing is held."""
    venue, book = DryVenue(cash={"USDT": Decimal(5)}), Book()
    venue.place(BTC, Wish("buy", Decimal(1)), Decimal("0.001"))
    made, refused = venue.match(book, BTC, Candle(0, 10, 12, 9, 11, 1.0), Decimal(0), Decimal("0.01"))

    assert (made, book.holdings) == ([], {})
    assert refused[0].reason == "it costs 10.10000 USDT, free are 5"


def test_an_order_below_the_step_is_refused() -> None:
    """Rounded down to the market's step nothing is left of it."""
    refused = DryVenue().place(BTC, Wish("buy", Decimal("0.0001")), Decimal("0.001"))

    assert refused is not None
    assert "less than the market's step" in refused.reason


@pytest.mark.parametrize(("symbol", "quote"), [("BTC/USDT", "USDT"), ("BTC/USDT:USDT", "USDT")])
def test_the_quote_asset_of_a_market(symbol: str, quote: str) -> None:
    """Spot markets and contracts."""
    assert quote_of(symbol) == quote


def test_the_mark_of_a_call_outlives_the_process(tmp_path: Path) -> None:
    """The name stands in the file while the call lasts, and is gone after it."""
    mark = CallMark(tmp_path / "x.calling")
    mark.enter("btc-trend")
    assert CallMark(tmp_path / "x.calling").name() == "btc-trend"
    mark.leave()

    assert CallMark(tmp_path / "x.calling").name() == ""


def test_a_process_that_ended_without_a_dump_names_no_victim(tmp_path: Path) -> None:
    """kill -9 in the middle of a call is no hang."""
    LastResort(tmp_path, "strategy", 5.0).mark.enter("good")

    assert LastResort(tmp_path, "strategy", 5.0).victim() is None
    assert LastResort(tmp_path, "strategy", 5.0).mark.name() == ""
