"""Each cause of a difference between what was traded and what would be again."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from cryptobot import Strategy
from cryptobot.configs.paths import Home
from cryptobot.services.backtest.lived import Book, Lived, LivedFill, LivedOrder
from cryptobot.services.backtest.parity import Compared, Traded, compare, walk

START = 1_800_000_000_000
LOT = Decimal("0.01")


class Third(Strategy):
    """Buys one on the third candle, sells on the sixth."""

    def on_start(self) -> None:
        self.state["seen"] = 0

    def on_candle(self, candle: Any) -> None:
        self.state["seen"] += 1
        if self.state["seen"] == 3:
            self.buy(1)
        elif self.state["seen"] == 6:
            self.close()


def order(number: int, side: str, amount: str, **changed: Any) -> LivedOrder:
    """An order on the candle of that number, filled 20 ms after its close at the best price."""
    candle_ms = START + number * 1000
    values: dict[str, Any] = {
        "id": f"o{number}",
        "intent_id": f"run:BTC-USDT:{candle_ms}:{side[0]}1",
        "source": "run",
        "symbol": "BTC/USDT",
        "side": side,
        "state": "FILLED",
        "amount": Decimal(amount),
        "limit": None,
        "reason": "",
        "candle_open_ms": candle_ms,
        "created_ms": candle_ms + 1010,
        "ended_ms": candle_ms + 1020,
    }
    return LivedOrder(**{**values, **changed})


def fill(of: LivedOrder, price: str, after_ms: int = 1020) -> LivedFill:
    when = of.candle_open_ms + after_ms
    made = LivedFill(of.id, "run", "BTC/USDT", of.side, Decimal(price), of.amount, Decimal(0), "USDT", when)
    of.fills.append(made)
    return made


def lived(*orders: LivedOrder, fills: list[LivedFill], seen: range = range(12)) -> Lived:
    found = Lived("paper", START, START + 20_000)
    rows = {START + number * 1000: (100.0, 101.0, 99.0, 100.0, 5.0) for number in range(12)}
    found.candles["BTC/USDT", "1s"] = rows
    found.orders = {one.id: one for one in orders}
    found.fills = fills
    found.seen["run"] = {START + number * 1000 for number in seen}
    found.money, found.money_at_ns = {"USDT": Decimal(10_000)}, {"USDT": START * 1_000_000 - 1}
    levels = [(Decimal("100.1"), Decimal(1)), (Decimal("100.2"), Decimal(50))]
    bids = [(Decimal("99.9"), Decimal(50))]
    found.books["BTC/USDT"] = [Book(START + at * 500, bids, levels) for at in range(24)]
    return found


def compared(home: Path, found: Lived) -> Compared:
    traded = Traded("run", "third", "BTC/USDT", "1s", {})
    return compare(
        Home(home), found, traded, Third, lot=LOT, min_value=Decimal(5), told=lambda done, all_: None
    )


def sound() -> tuple[LivedOrder, LivedOrder, list[LivedFill]]:
    bought, sold = order(2, "buy", "1.00"), order(5, "sell", "1.00")
    return bought, sold, [fill(bought, "100.1"), fill(sold, "99.9")]


def causes(result: Compared) -> list[str]:
    return [one.cause for one in result.differences]


def test_what_is_equal_has_no_difference(tmp_path: Path) -> None:
    """Same candles, same sizes, prices of the book: nothing is told."""
    bought, sold, fills = sound()
    result = compared(tmp_path, lived(bought, sold, fills=fills))

    assert causes(result) == []
    assert (result.orders, result.again, result.equal) == (2, 2, 2)
    assert result.cost == Decimal("0.2")
    assert result.delay_ms == 20


@pytest.mark.parametrize(("after_ms", "cause"), [(1020, "price"), (4900, "latency")])
def test_a_price_beside_the_book_is_told(tmp_path: Path, after_ms: int, cause: str) -> None:
    """Soon after the close it is the price, long after it the latency."""
    bought = order(2, "buy", "1.00")
    result = compared(tmp_path, lived(bought, fills=[fill(bought, "100.4", after_ms)]))

    assert result.differences[0].cause == cause


def test_another_size_is_told(tmp_path: Path) -> None:
    """A step less than the new run asks for is size rounding."""
    bought, sold = order(2, "buy", "0.99"), order(5, "sell", "0.99")
    result = compared(tmp_path, lived(bought, sold, fills=[fill(bought, "100.1"), fill(sold, "99.9")]))

    assert causes(result) == ["size rounding"]
    assert "one step" in result.differences[0].sentence


def test_a_candle_that_was_never_seen_is_told(tmp_path: Path) -> None:
    """An order that is missing because its candle was missed."""
    result = compared(tmp_path, lived(fills=[], seen=range(2)))

    assert causes(result) == ["missed data"]


def test_a_rejected_order_is_told_with_its_reason(tmp_path: Path) -> None:
    """The venue's word is the sentence."""
    bought = order(2, "buy", "1.00", state="REJECTED", reason="Account has insufficient balance")
    result = compared(tmp_path, lived(bought, fills=[]))

    assert causes(result) == ["rejected order"]
    assert result.differences[0].sentence == "Account has insufficient balance"


def test_a_signal_without_an_order_is_told(tmp_path: Path) -> None:
    """Decided, and refused by trade."""
    found = lived(fills=[])
    found.signals[f"run:BTC-USDT:{START + 2000}:b1"] = {"side": "buy"}

    assert causes(compared(tmp_path, found)) == ["rejected order"]


def test_an_order_that_nobody_would_place_is_told(tmp_path: Path) -> None:
    """The new run decides otherwise."""
    bought, sold, fills = sound()
    extra = order(8, "buy", "1.00")
    result = compared(tmp_path, lived(bought, sold, extra, fills=[*fills, fill(extra, "100.1")]))

    assert causes(result) == ["decision"]


def test_a_book_is_walked_level_by_level() -> None:
    """What the best level lacks comes from the next; None where the book is too small."""
    book = Book(0, [(Decimal(9), Decimal(1))], [(Decimal(10), Decimal(1)), (Decimal(11), Decimal(1))])

    assert walk(book, "buy", Decimal("1.5")) == Decimal("15.5")
    assert walk(book, "sell", Decimal(2)) is None
    assert walk(book, "sell", Decimal(1)) == Decimal(9)
