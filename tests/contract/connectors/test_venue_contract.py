"""What trade relies on of any venue: one suite for the fake one and for the real paper exchange."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest
from cryptobot.configs.errors import OrderRejectedError
from cryptobot.services.connectors.venue import (
    Capabilities,
    KeyPermissions,
    Market,
    OrderRequest,
    ReplaceFailedError,
    Resumed,
    Venue,
    VenueBalance,
    VenueBook,
    VenueOrder,
    VenueTrade,
)

SYMBOL = "BTC/USDT"
PRICE = Decimal(1000)


class FakeVenue(Venue):
    """An account in memory: market orders fill at one price, others rest."""

    name = "fake"
    capabilities = Capabilities(amend=True)

    def __init__(self):
        self.balances = {"USDT": Decimal(10_000), "BTC": Decimal(0)}
        self.orders, self.trades = {}, []
        self._news = asyncio.Queue()

    async def load_markets(self):
        rules = Market(symbol=SYMBOL, base="BTC", quote="USDT", tick=Decimal("0.01"), step=Decimal("0.00001"))
        return {SYMBOL: rules}

    async def server_time_offset_ms(self):
        return 0

    async def fetch_permissions(self):
        return KeyPermissions(trade=True, withdraw=False)

    async def fetch_balance(self):
        return {asset: VenueBalance(total, Decimal(0)) for asset, total in self.balances.items()}

    async def create_order(self, request):
        value = request.amount * (request.price or PRICE)
        if request.side == "buy" and value > self.balances["USDT"]:
            raise OrderRejectedError("insufficient balance")
        number = len(self.orders) + 1
        placed = VenueOrder(
            id=str(number), client_id=request.client_id, symbol=request.symbol, side=request.side,
            type=request.type, status="open", amount=request.amount, filled=Decimal(0), cost=Decimal(0),
            price=request.price, stop_price=request.stop_price, updated_ms=number,
        )  # fmt: skip
        self._tell(placed)
        if request.type == "market":
            self._fill(placed, value)
        return self.orders[request.client_id]

    async def replace_order(self, old_client_id, request):
        try:
            await self.cancel_order(request.symbol, old_client_id)
        except OrderRejectedError as error:
            raise ReplaceFailedError(str(error), old_gone=False) from error
        return await self.create_order(request)

    async def cancel_order(self, symbol, client_id, order_id=""):
        found = self.orders.get(client_id)
        if found is None or found.status != "open":
            raise OrderRejectedError("unknown order")
        self._tell(_with(found, status="canceled"))

    async def fetch_order(self, symbol, client_id, order_id=""):
        by_id = {order.id: order for order in self.orders.values()}
        return self.orders.get(client_id) or by_id.get(order_id)

    async def fetch_open_orders(self, symbol=None):
        return [order for order in self.orders.values() if order.status == "open"]

    async def fetch_my_trades(self, symbol, since_ms=None, from_id=""):
        return [trade for trade in self.trades if int(trade.id) >= int(from_id or 0)]

    async def watch_user(self):
        yield Resumed(first=True)
        while True:
            yield await self._news.get()

    async def fetch_book(self, symbol, depth=10):
        return VenueBook(symbol=symbol, ts_ms=1, bids=[(str(PRICE), "1")], asks=[(str(PRICE), "1")])

    async def fetch_candles(self, symbol, timeframe, since_ms=None, limit=500):
        return []

    def watch_candles(self, symbol, timeframe):
        raise NotImplementedError

    def watch_trades(self, symbol):
        raise NotImplementedError

    def watch_book(self, symbol, depth=10):
        raise NotImplementedError

    async def close(self):
        self.orders.clear()

    def _fill(self, order, value):
        sign = 1 if order.side == "buy" else -1
        self.balances["BTC"] += sign * order.amount
        self.balances["USDT"] -= sign * value
        trade = VenueTrade(
            id=str(len(self.trades) + 1), order_id=order.id, client_id=order.client_id, symbol=order.symbol,
            side=order.side, price=PRICE, amount=order.amount, cost=value, fee=Decimal(0), fee_currency="",
            maker=False, ts_ms=order.updated_ms,
        )  # fmt: skip
        self.trades.append(trade)
        self._news.put_nowait(trade)
        self._tell(_with(order, status="closed", filled=order.amount, cost=value))

    def _tell(self, order):
        self.orders[order.client_id] = order
        self._news.put_nowait(order)


def _with(order, **changes):
    return replace(order, updated_ms=order.updated_ms + 1, **changes)


@pytest.fixture(params=["fake", "paper"])
def venue_of(request, market):
    """Gives the venue under test, with its markets loaded."""

    async def make():
        venue = market.venue if request.param == "paper" else FakeVenue()
        await venue.load_markets()
        return venue

    return make


def order(client_id="one", type_="market", amount="0.01", **more):
    return OrderRequest(
        client_id=client_id, symbol=SYMBOL, side="buy", type=type_, amount=Decimal(amount), **more
    )


async def low(venue):
    best = Decimal((await venue.fetch_book(SYMBOL)).bids[0][0])
    return (best * Decimal("0.7")).quantize(Decimal("0.01"))


async def test_market_order_fills_and_is_told_in_order(market, venue_of):
    """Open, its fill, closed: in this order on the stream, and the same to who asks."""
    venue = await venue_of()
    stream = venue.watch_user()
    assert await anext(stream) == Resumed(first=True)
    answer = await venue.create_order(order())
    async with asyncio.timeout(20):
        opened, fill, closed = [await anext(stream) for _ in range(3)]
    assert (opened.status, type(fill), closed.status) == ("open", VenueTrade, "closed")
    assert closed.filled == fill.amount == answer.amount
    assert closed.cost == fill.cost
    assert await venue.fetch_order(SYMBOL, "one") == closed
    assert [trade.id for trade in await venue.fetch_my_trades(SYMBOL, None, fill.id)] == [fill.id]
    await stream.aclose()


async def test_balances_follow_the_fill(market, venue_of):
    """What was paid and got is in the balances, to the last digit."""
    venue = await venue_of()
    await venue.create_order(order())
    (fill,) = await venue.fetch_my_trades(SYMBOL)
    balances = await venue.fetch_balance()
    fee = fill.fee if fill.fee_currency == "BTC" else Decimal(0)
    assert balances["BTC"].total == fill.amount - fee
    assert balances["USDT"].total == 10_000 - fill.cost


async def test_resting_order_is_open_until_cancelled_once(market, venue_of):
    """A resting order is listed; it can be cancelled once; what never was is None."""
    venue = await venue_of()
    placed = await venue.create_order(order("rest", "limit", price=await low(venue)))
    assert [o.client_id for o in await venue.fetch_open_orders()] == ["rest"]
    await venue.cancel_order(SYMBOL, "rest", placed.id)
    assert (await venue.fetch_order(SYMBOL, "rest")).status == "canceled"
    with pytest.raises(OrderRejectedError):
        await venue.cancel_order(SYMBOL, "rest", placed.id)
    assert await venue.fetch_order(SYMBOL, "never") is None


async def test_replacement_is_one_step(market, venue_of):
    """The old order goes and the new one rests; one that is gone already cannot be replaced."""
    venue = await venue_of()
    price = await low(venue)
    await venue.create_order(order("old", "limit", price=price))
    await venue.replace_order("old", order("new", "limit", price=price))
    assert [o.client_id for o in await venue.fetch_open_orders()] == ["new"]
    with pytest.raises(ReplaceFailedError) as failed:
        await venue.replace_order("old", order("third", "limit", price=price))
    assert not failed.value.old_gone
    assert [o.client_id for o in await venue.fetch_open_orders()] == ["new"]


async def test_order_without_money_is_refused_for_good(market, venue_of):
    """A refusal is an OrderRejectedError, and nothing rests."""
    venue = await venue_of()
    with pytest.raises(OrderRejectedError, match="insufficient balance"):
        await venue.create_order(order(amount="100"))
    assert await venue.fetch_open_orders() == []
