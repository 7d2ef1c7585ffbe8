"""What every venue promises, held against the real paper exchange."""

import asyncio
from decimal import Decimal
from itertools import pairwise

import pytest
from cryptobot.configs.errors import OrderRejectedError, OutcomeUnknownError, RetryLaterError
from cryptobot.services.connectors.venue import (
    OrderRequest,
    Resumed,
    VenueBook,
    VenueCandle,
    VenueMarketTrade,
    VenueOrder,
    VenueTrade,
)

SYMBOL = "BTC/USDT"


def order(client_id="one", type_="market", amount="0.01", **more):
    return OrderRequest(
        client_id=client_id, symbol=SYMBOL, side="buy", type=type_, amount=Decimal(amount), **more
    )


async def resting(market):
    """A limit order far below the market."""
    price = Decimal((await market.venue.fetch_book(SYMBOL)).bids[0][0]) * Decimal("0.7")
    return order("rest", "limit", price=price.quantize(Decimal("0.01")))


async def test_market_rules_are_exact_decimals(market):
    """Tick, step and the smallest value are what the exchange's filters say."""
    rules = (await market.venue.load_markets())[SYMBOL]
    assert (rules.tick, rules.step) == (Decimal("0.01"), Decimal("0.00001"))
    assert (rules.base, rules.quote, rules.min_cost) == ("BTC", "USDT", 5)


async def test_order_is_filled_and_told_in_order(market, reading):
    """The user stream tells the order open, then its fill, then closed; REST tells the same figures."""
    take, _ = reading
    await market.venue.load_markets()
    stream = market.venue.watch_user()
    assert await anext(stream) == Resumed(first=True)
    answer = await market.venue.create_order(order())
    opened, fill, closed = await take(stream, 3)
    assert [type(item) for item in (opened, fill, closed)] == [VenueOrder, VenueTrade, VenueOrder]
    assert (opened.status, closed.status, answer.status) == ("open", "closed", "closed")
    assert (fill.client_id, fill.order_id, fill.amount) == ("one", answer.id, Decimal("0.01"))
    listed = (await market.venue.fetch_my_trades(SYMBOL))[0]
    assert (listed.id, listed.cost, listed.fee, listed.fee_currency) == (
        fill.id, fill.cost, fill.fee, fill.fee_currency,
    )  # fmt: skip
    assert await market.venue.fetch_order(SYMBOL, "one") == closed
    await stream.aclose()


async def test_unknown_order_is_none(market):
    """Asking for an order that does not exist is an answer, not an error."""
    await market.venue.load_markets()
    assert await market.venue.fetch_order(SYMBOL, "never") is None


async def test_cancel_and_its_refusal(market):
    """A cancelled order is told as such; a second cancel is refused for good."""
    await market.venue.load_markets()
    placed = await market.venue.create_order(await resting(market))
    assert [o.client_id for o in await market.venue.fetch_open_orders()] == ["rest"]
    await market.venue.cancel_order(SYMBOL, "rest", placed.id)
    told = await market.venue.fetch_order(SYMBOL, "rest")
    assert (told.status, told.client_id) == ("canceled", "rest")
    with pytest.raises(OrderRejectedError):
        await market.venue.cancel_order(SYMBOL, "rest", placed.id)


@pytest.mark.parametrize("kind", ["timeout-before", "timeout-after", "error-before", "error-after"])
async def test_submit_in_doubt_is_unknown(market, kind):
    """Time-outs and 5xx leave the outcome unknown, whether or not the order was taken."""
    await market.venue.load_markets()
    market.fault(kind, "POST /api/v3/order", seconds=1.5)
    with pytest.raises(OutcomeUnknownError):
        await market.venue.create_order(order())
    there = await market.venue.fetch_order(SYMBOL, "one")
    assert (there is not None) == kind.endswith("after")


async def test_submit_that_is_refused_is_final(market):
    """An order that the exchange refuses is rejected with its words."""
    await market.venue.load_markets()
    with pytest.raises(OrderRejectedError, match="insufficient balance"):
        await market.venue.create_order(order(amount="100"))


@pytest.mark.parametrize("kind", ["rate-limit", "ban", "error-before"])
async def test_read_that_fails_can_be_repeated(market, kind):
    """429, 418 and 5xx on a read say: later."""
    await market.venue.load_markets()
    market.fault(kind, "GET /api/v3/account")
    with pytest.raises(RetryLaterError):
        await market.venue.fetch_balance()


async def test_clock_that_is_off_is_measured_and_used(market):
    """T27: a refused timestamp makes the offset known, and the call succeeds."""
    await market.venue.load_markets()
    market.fault("clock-skew", seconds=-30)
    assert (await market.venue.fetch_balance())["USDT"].total == 10000
    assert -30_500 < await market.venue.server_time_offset_ms() < -29_500


async def test_candles_end_finished_and_text_is_the_exchanges(market, reading):
    """Of each candle the last one told is closed; REST then gives the same text."""
    take, _ = reading
    await market.venue.load_markets()
    stream = market.venue.watch_candles(SYMBOL, "1s")
    seen = await take(stream, 40, VenueCandle)
    closed = [candle for candle in seen if candle.closed]
    assert closed and all(b.open_ms - a.open_ms == 1000 for a, b in pairwise(closed))
    fetched = {candle.open_ms: candle for candle in await market.venue.fetch_candles(SYMBOL, "1s", limit=50)}
    assert [fetched[candle.open_ms] for candle in closed if candle.open_ms in fetched] == [
        candle for candle in closed if candle.open_ms in fetched
    ]
    await stream.aclose()


async def test_trades_and_books_are_streamed(market, reading):
    """Public trades and the top of the book arrive as decimal text, best level first."""
    take, _ = reading
    await market.venue.load_markets()
    trades, books = market.venue.watch_trades(SYMBOL), market.venue.watch_book(SYMBOL, 3)
    (trade,) = await take(trades, 1, VenueMarketTrade)
    assert Decimal(trade.price) > 0 and trade.side in ("buy", "sell")
    (book,) = await take(books, 1, VenueBook)
    bids = [Decimal(price) for price, _ in book.bids]
    assert len(bids) == 3 and bids == sorted(bids, reverse=True)
    assert Decimal(book.asks[0][0]) > bids[0]
    await trades.aclose()
    await books.aclose()


async def test_closed_sockets_are_opened_again(market, reading):
    """T28: after the exchange closed all sockets the streams stand again and say that something was
    missed.
    """
    take, until_resumed = reading
    await market.venue.load_markets()
    candles, user = market.venue.watch_candles(SYMBOL, "1s"), market.venue.watch_user()
    await take(candles, 2)
    await take(user, 1)
    market.fault("close-sockets")
    await asyncio.gather(until_resumed(candles), until_resumed(user))
    await market.venue.create_order(order())
    assert await take(user, 1, VenueTrade)
    await candles.aclose()
    await user.aclose()


async def test_silent_socket_is_noticed(market, reading):
    """T28: a socket that stays open and says nothing is taken for dead after the time that settings give."""
    take, until_resumed = reading
    await market.venue.load_markets()
    candles = market.venue.watch_candles(SYMBOL, "1s")
    await take(candles, 2)
    market.fault("silence-sockets")
    resumed = await until_resumed(candles)
    assert "nothing received" in resumed.reason
    assert await take(candles, 1, VenueCandle)
    await candles.aclose()


async def test_exchange_that_comes_back_elsewhere_is_found(market, reading):
    """A paper exchange that was stopped and started is found again through the bus."""
    take, until_resumed = reading
    await market.venue.load_markets()
    user = market.venue.watch_user()
    await take(user, 1)
    await market.restart_exchange()
    await until_resumed(user)
    assert (await market.venue.fetch_balance())["USDT"].total == 10000
    await user.aclose()


async def test_a_user_stream_that_the_venue_ends_is_asked_for_anew(market, reading):
    """After `eventStreamTerminated` the stream stands again by itself, and tells orders as before."""
    take, until_resumed = reading
    await market.venue.load_markets()
    stream = market.venue.watch_user()
    assert await anext(stream) == Resumed(first=True)
    exchange = market.venue._exchange
    client = next(client for url, client in exchange.clients.items() if "ws-api" in url)
    async with asyncio.timeout(20):
        while not client.futures:  # noqa: ASYNC110 - ccxt has no event for it
            await asyncio.sleep(0)
    exchange.handle_event_stream_terminated(client, {"e": "eventStreamTerminated", "E": 1})
    assert "ended the user stream" in (await until_resumed(stream)).reason
    await market.venue.create_order(order())
    (opened,) = await take(stream, 1)
    assert (opened.client_id, opened.status) == ("one", "open")
    await stream.aclose()
