"""The matching engine, order kind by order kind."""

from typing import TYPE_CHECKING, Any

import pytest
from cryptobot.services.paper.orders import RefusedError
from cryptobot.services.paper.units import parse

if TYPE_CHECKING:
    Desk = Any
else:
    Desk = object


def code_of(call: Any) -> tuple[int, str]:
    with pytest.raises(RefusedError) as caught:
        call()
    return caught.value.code, caught.value.message


def test_a_market_buy_walks_the_asks_and_pays_its_fee_in_what_it_receives(desk: Desk) -> None:
    """Best prices first; the fee is a thousandth of the coins bought."""
    order = desk.place("ann", "BUY", "MARKET", "1")

    trades = desk.engine.changes.trades
    assert order.status == "FILLED"
    assert [t.price for t in trades] == sorted(t.price for t in trades)
    assert all(t.fee_asset == "BTC" and t.fee == t.quantity // 1000 and not t.maker for t in trades)
    assert desk.free("ann", "BTC") == parse("10") + parse("0.999")
    desk.assert_exact()


def test_a_market_sell_pays_its_fee_in_quote(desk: Desk) -> None:
    """What is credited is value less a thousandth."""
    order = desk.place("ann", "SELL", "MARKET", "1")

    assert desk.free("ann", "USDT") == parse("100000") + order.executed_quote - order.executed_quote // 1000
    assert desk.engine.changes.trades[0].fee_asset == "USDT"
    desk.assert_exact()


def test_a_market_buy_by_value_never_spends_more(desk: Desk) -> None:
    """Quantity is rounded down to the step; the rest of the money stays."""
    order = desk.place("ann", "BUY", "MARKET", quote_quantity="1234.5678")

    assert order.status == "FILLED"
    assert parse("1234") < order.executed_quote <= parse("1234.5678")
    assert order.executed % parse("0.00001") == 0
    desk.assert_exact()


def test_what_the_book_does_not_have_expires(desk: Desk) -> None:
    """A market order is filled by the available volume; nothing rests."""
    desk.move("1000", depth="0.04")

    order = desk.place("ann", "SELL", "MARKET", "9")

    assert order.status == "EXPIRED"
    assert 0 < order.executed < parse("9")
    assert desk.locked("ann", "BTC") == 0
    desk.assert_exact()


def test_a_limit_order_rests_and_is_filled_at_its_own_price(desk: Desk) -> None:
    """The price comes to it: the maker pays its limit, not more."""
    order = desk.place("ann", "BUY", "LIMIT", "2", price="990")
    assert order.status == "NEW"
    assert desk.locked("ann", "USDT") == parse("1980")

    desk.move("989")

    assert order.status == "FILLED"
    assert desk.engine.changes.trades[0].maker
    assert order.executed_quote == parse("1980")
    assert desk.locked("ann", "USDT") == 0
    desk.assert_exact()


def test_price_goes_before_time_and_time_decides_within_a_price(desk: Desk) -> None:
    """The better bid is served first, then the older of two equal ones."""
    late_but_better = desk.place("bob", "BUY", "LIMIT", "1", price="991")
    first = desk.place("ann", "BUY", "LIMIT", "1", price="990")
    second = desk.place("bob", "BUY", "LIMIT", "1", price="990")

    desk.move("990", volume="2.5", depth="0")

    assert [late_but_better.status, first.status] == ["FILLED", "FILLED"]
    assert (second.status, second.executed) == ("PARTIALLY_FILLED", parse("0.5"))
    desk.assert_exact()


def test_a_resting_order_is_filled_only_by_what_was_traded(desk: Desk) -> None:
    """A small recorded volume fills a part; the rest stays on the book."""
    order = desk.place("ann", "BUY", "LIMIT", "5", price="990")

    desk.move("990", volume="2", depth="0")

    assert (order.status, order.executed) == ("PARTIALLY_FILLED", parse("2"))
    assert desk.locked("ann", "USDT") == parse("2970")


def test_an_aggressor_of_the_same_side_does_not_fill_an_order(desk: Desk) -> None:
    """A recorded buyer at the bid's price does not sell to it."""
    order = desk.place("ann", "BUY", "LIMIT", "1", price="990")

    desk.move("990.5", seller=False)

    assert order.executed == 0


def test_a_limit_order_that_crosses_takes_at_the_better_price(desk: Desk) -> None:
    """Price improvement is the taker's, and what was locked too much is free again."""
    order = desk.place("ann", "BUY", "LIMIT", "1", price="1100")

    assert order.status == "FILLED"
    assert order.executed_quote < parse("1001")
    assert desk.free("ann", "USDT") == parse("100000") - order.executed_quote
    assert desk.locked("ann", "USDT") == 0


def test_two_customers_trade_with_each_other_at_the_makers_price(desk: Desk) -> None:
    """One trade number, two sides, one maker."""
    desk.place("ann", "SELL", "LIMIT", "1", price="1000.01")

    desk.place("bob", "BUY", "LIMIT", "1", price="1000.02")

    trades = desk.engine.changes.trades
    assert [(t.account, t.side, t.maker, t.price) for t in trades] == [
        ("ann", "SELL", True, parse("1000.01")),
        ("bob", "BUY", False, parse("1000.01")),
    ]
    assert trades[0].trade_id == trades[1].trade_id
    desk.assert_exact()


@pytest.mark.parametrize(
    ("mode", "maker", "taker"),
    [
        ("EXPIRE_MAKER", "EXPIRED_IN_MATCH", "NEW"),
        ("EXPIRE_TAKER", "NEW", "EXPIRED_IN_MATCH"),
        ("EXPIRE_BOTH", "EXPIRED_IN_MATCH", "EXPIRED_IN_MATCH"),
        ("NONE", "FILLED", "FILLED"),
    ],
)
def test_self_trades_are_prevented_as_asked(desk: Desk, mode: str, maker: str, taker: str) -> None:
    """Each mode ends the orders that it names and no other."""
    resting = desk.place("ann", "SELL", "LIMIT", "1", price="1000.02")

    coming = desk.place("ann", "BUY", "LIMIT", "1", price="1000.02", stp=mode)

    assert (resting.status, coming.status) == (maker, taker)
    desk.assert_exact()


def test_post_only_refuses_to_take(desk: Desk) -> None:
    """LIMIT_MAKER rests or is refused."""
    refusal = code_of(lambda: desk.place("ann", "BUY", "LIMIT_MAKER", "1", price="1100"))

    assert refusal == (-2010, "Order would immediately match and take.")
    assert desk.place("ann", "BUY", "LIMIT_MAKER", "1", price="900").status == "NEW"


def test_immediate_or_cancel_takes_what_is_there(desk: Desk) -> None:
    """The rest expires and its money is free."""
    order = desk.place("ann", "BUY", "LIMIT", "50", price="1000.07", time_in_force="IOC")

    assert order.status == "EXPIRED"
    assert 0 < order.executed < parse("50")
    assert desk.locked("ann", "USDT") == 0
    desk.assert_exact()


def test_fill_or_kill_takes_all_or_nothing(desk: Desk) -> None:
    """Too much for the book: nothing is filled."""
    nothing = desk.place("ann", "BUY", "LIMIT", "50", price="1000.07", time_in_force="FOK")
    all_of_it = desk.place("ann", "BUY", "LIMIT", "1", price="1000.07", time_in_force="FOK")

    assert (nothing.status, nothing.executed) == ("EXPIRED", 0)
    assert all_of_it.status == "FILLED"


def test_a_stop_loss_sells_at_the_market_when_reached(desk: Desk) -> None:
    """Not before; and after a gap it sells where the market is."""
    order = desk.place("ann", "SELL", "STOP_LOSS", "1", stop_price="950")
    desk.move("951")
    assert (order.status, order.triggered) == ("NEW", False)

    desk.move("900")

    assert order.status == "FILLED"
    assert parse("899") < order.executed_quote < parse("900")
    desk.assert_exact()


def test_a_stop_limit_becomes_a_limit_order(desk: Desk) -> None:
    """Through a gap it rests above the market instead of selling too cheap."""
    order = desk.place("ann", "SELL", "STOP_LOSS_LIMIT", "1", stop_price="950", price="949")

    desk.move("900")
    assert (order.triggered, order.status) == (True, "NEW")
    desk.move("949", seller=False)

    assert order.status == "FILLED"
    assert order.executed_quote == parse("949")
    desk.assert_exact()


def test_a_buying_stop_waits_for_a_rise(desk: Desk) -> None:
    """STOP_LOSS above the market for a buyer."""
    order = desk.place("ann", "BUY", "STOP_LOSS", "1", stop_price="1050")

    desk.move("1051", seller=False)

    assert order.status == "FILLED"
    desk.assert_exact()


def test_a_take_profit_sells_into_a_rise(desk: Desk) -> None:
    """The other direction than a stop-loss."""
    order = desk.place("ann", "SELL", "TAKE_PROFIT", "1", stop_price="1050")

    desk.move("1050", seller=False)

    assert order.status == "FILLED"


def test_a_stop_that_is_reached_already_is_refused(desk: Desk) -> None:
    """As Binance does."""
    refusal = code_of(lambda: desk.place("ann", "SELL", "STOP_LOSS", "1", stop_price="1000"))

    assert refusal == (-2010, "Stop price would trigger immediately.")


def test_a_cancelled_order_gives_back_what_it_held(desk: Desk) -> None:
    """The filled part stays."""
    order = desk.place("ann", "BUY", "LIMIT", "5", price="990")
    desk.move("990", volume="2", depth="0")

    desk.engine.cancel(order, desk.now_ms)

    assert (order.status, order.executed) == ("CANCELED", parse("2"))
    assert desk.locked("ann", "USDT") == 0
    desk.assert_exact()


def test_a_name_is_taken_as_long_as_its_order_is_open(desk: Desk) -> None:
    """Another account may use it; the same one after the end of the first."""
    first = desk.place("ann", "BUY", "LIMIT", "1", price="900", client_id="x")

    again = code_of(lambda: desk.place("ann", "BUY", "LIMIT", "1", price="900", client_id="x"))
    assert again == (-2010, "Duplicate order sent.")
    desk.place("bob", "BUY", "LIMIT", "1", price="900", client_id="x")
    desk.engine.cancel(first, desk.now_ms)
    assert desk.place("ann", "BUY", "LIMIT", "1", price="900", client_id="x").status == "NEW"


@pytest.mark.parametrize(
    ("kind", "quantity", "more", "filter_name"),
    [
        ("LIMIT", "1", {"price": "900.001"}, "PRICE_FILTER"),
        ("LIMIT", "1", {"price": "2000000"}, "PRICE_FILTER"),
        ("LIMIT", "1", {"price": "100"}, "PERCENT_PRICE_BY_SIDE"),
        ("LIMIT", "0.000001", {"price": "900"}, "LOT_SIZE"),
        ("LIMIT", "1.000001", {"price": "900"}, "LOT_SIZE"),
        ("LIMIT", "0.001", {"price": "900"}, "NOTIONAL"),
        ("MARKET", "501", {}, "MARKET_LOT_SIZE"),
        ("STOP_LOSS", "1", {"stop_price": "900.001"}, "PRICE_FILTER"),
    ],
)
def test_filters_are_named(
    desk: Desk, kind: str, quantity: str, more: dict[str, str], filter_name: str
) -> None:
    """What breaks a rule is refused with the rule's name."""
    refusal = code_of(lambda: desk.place("ann", "SELL", kind, quantity, **more))

    assert refusal == (-1013, f"Filter failure: {filter_name}")


def test_nobody_spends_what_he_does_not_have(desk: Desk) -> None:
    """Neither at a limit nor at the market, and nothing stays locked."""
    for call in (
        lambda: desk.place("ann", "BUY", "LIMIT", "200", price="900"),
        lambda: desk.place("ann", "SELL", "MARKET", "10.1"),
        lambda: desk.place("ann", "BUY", "MARKET", quote_quantity="100001"),
    ):
        assert code_of(call) == (-2010, "Account has insufficient balance for requested action.")
    assert desk.locked("ann", "USDT") == desk.locked("ann", "BTC") == 0


def test_the_book_is_never_crossed(desk: Desk) -> None:
    """Synthetic orders that would cross a customer's trade with it first."""
    desk.place("ann", "BUY", "LIMIT", "90", price="999.98")

    desk.move("990", volume="1", depth="400")

    market = desk.engine.market("BTCUSDT")
    assert market.best_price("BUY") < market.best_price("SELL")
    desk.assert_exact()


def test_stop_orders_are_counted(desk: Desk) -> None:
    """Five wait at most."""
    for _ in range(5):
        desk.place("ann", "SELL", "STOP_LOSS", "1", stop_price="900")

    refusal = code_of(lambda: desk.place("ann", "SELL", "STOP_LOSS", "1", stop_price="900"))

    assert refusal == (-1013, "Filter failure: MAX_NUM_ALGO_ORDERS")


def test_an_order_waits_in_the_queue_of_its_price(desk: Desk) -> None:
    """What stood there before it trades first; a price beyond its own fills it at once."""
    market = desk.engine.market("BTCUSDT")
    market.queue = True
    best = market.synthetic["BUY"][0]
    price, before = best.price, best.quantity
    text = f"{price // 10**8}.{price % 10**8:08d}"
    first = desk.place("ann", "BUY", "LIMIT", "1", price=text)
    second = desk.place("bob", "BUY", "LIMIT", "1", price=text)
    assert (first.ahead, second.ahead) == (before, before)

    desk.engine.trade("BTCUSDT", price, before - 1_000, True, 1)
    assert (first.executed, first.ahead, second.ahead) == (0, 1_000, 1_000)
    desk.engine.trade("BTCUSDT", price, 1_000 + parse("0.5"), True, 2)
    assert (first.executed, second.executed) == (parse("0.5"), 0)
    desk.engine.trade("BTCUSDT", price - 10**6, parse("1.5"), True, 3)

    assert (first.status, second.status) == ("FILLED", "FILLED")
    desk.assert_exact()


def test_a_queue_gets_shorter_when_others_leave(desk: Desk) -> None:
    """In a recorded book, no more stand before an order than there are."""
    market = desk.engine.market("BTCUSDT")
    market.queue = True
    desk.engine.show("BTCUSDT", [(parse("999"), parse("5"))], [(parse("1001"), parse("5"))], 1)
    order = desk.place("ann", "BUY", "LIMIT", "1", price="999")

    desk.engine.show("BTCUSDT", [(parse("999"), parse("2"))], [(parse("1001"), parse("5"))], 2)

    assert order.ahead == parse("2")
