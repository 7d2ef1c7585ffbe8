"""Unmodified ccxt and ccxt.pro clients trade on the paper exchange."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import ccxt
import ccxt.async_support
import ccxt.pro
import pytest
from cryptobot.services.paper.exchange import PaperExchange

SYMBOL = "BTC/USDT"
Opened = Callable[..., Any]


async def test_markets_have_the_rules(exchange: PaperExchange, opened: Opened) -> None:
    """Tick, step and least value arrive; futures and options are not there."""
    async with opened(ccxt.async_support, exchange) as client:
        market = client.market(SYMBOL)

        assert list(client.markets) == [SYMBOL]
        assert (market["precision"]["price"], market["precision"]["amount"]) == (0.01, 0.00001)
        assert market["limits"]["cost"]["min"] == 5.0
        assert market["active"]


async def test_the_blocking_client_works_too(exchange: PaperExchange, connect: Callable[..., Any]) -> None:
    """ccxt without asyncio: markets, candles, an order, its end."""
    client = connect(ccxt, exchange)

    def trade() -> tuple[Any, Any]:
        client.load_markets()
        candles = client.fetch_ohlcv(SYMBOL, "1s", limit=10)
        return candles, client.create_order(SYMBOL, "market", "buy", 0.01)

    candles, order = await asyncio.to_thread(trade)

    assert len(candles) == 10
    assert order["status"] == "closed"


async def test_candles_are_there_for_a_warm_up(exchange: PaperExchange, opened: Opened) -> None:
    """The past is there at once, without a hole, and since and limit are obeyed."""
    async with opened(ccxt.async_support, exchange) as client:
        newest = await client.fetch_ohlcv(SYMBOL, "1s", limit=100)
        again = await client.fetch_ohlcv(SYMBOL, "1s", since=newest[10][0], limit=20)

    times = [candle[0] for candle in newest]
    assert times == list(range(times[0], times[0] + 100_000, 1000))
    assert again[:5] == newest[10:15]
    assert len(again) == 20


async def test_a_minute_is_made_of_its_seconds(exchange: PaperExchange, opened: Opened) -> None:
    """First open, extremes, last close, whole volume."""
    async with opened(ccxt.async_support, exchange) as client:
        minute = (await client.fetch_ohlcv(SYMBOL, "1m", limit=2))[0]
        seconds = await client.fetch_ohlcv(SYMBOL, "1s", since=minute[0], limit=60)

    assert [s[0] for s in seconds] == list(range(minute[0], minute[0] + 60_000, 1000))
    assert minute[1:5] == [
        seconds[0][1], max(s[2] for s in seconds), min(s[3] for s in seconds), seconds[-1][4]
    ]  # fmt: skip
    assert minute[5] == pytest.approx(sum(s[5] for s in seconds))


async def test_a_market_order_is_filled_and_the_balance_is_exact(
    exchange: PaperExchange, opened: Opened
) -> None:
    """Bought less the fee is what can be sold; money spent is what the fills say."""
    async with opened(ccxt.async_support, exchange) as client:
        order = await client.create_order(SYMBOL, "market", "buy", 0.1)
        trades = await client.fetch_my_trades(SYMBOL)
        balance = await client.fetch_balance()

    assert (order["status"], order["filled"]) == ("closed", 0.1)
    fees = sum(Decimal(t["info"]["commission"]) for t in trades)
    cost = sum(Decimal(t["info"]["quoteQty"]) for t in trades)
    rows = {row["asset"]: Decimal(row["free"]) for row in balance["info"]["balances"]}
    assert rows == {"USDT": Decimal(10000) - cost, "BTC": Decimal("0.1") - fees}


async def test_an_order_is_placed_read_and_cancelled(exchange: PaperExchange, opened: Opened) -> None:
    """By the exchange's id and by the client's."""
    async with opened(ccxt.async_support, exchange) as client:
        price = (await client.fetch_ticker(SYMBOL))["last"] * 0.8
        price = float(client.price_to_precision(SYMBOL, price))
        placed = await client.create_order(SYMBOL, "limit", "buy", 0.01, price, {"clientOrderId": "mine-1"})
        found = await client.fetch_order(placed["id"], SYMBOL)
        by_name = await client.fetch_order("", SYMBOL, {"origClientOrderId": "mine-1"})
        open_orders = await client.fetch_open_orders(SYMBOL)
        canceled = await client.cancel_order(placed["id"], SYMBOL)
        after = await client.fetch_order(placed["id"], SYMBOL)
        every = await client.fetch_orders(SYMBOL)

    assert (placed["status"], found["status"], found["price"]) == ("open", "open", price)
    assert by_name["id"] == placed["id"]
    assert [o["id"] for o in open_orders] == [placed["id"]]
    assert (canceled["status"], after["status"]) == ("canceled", "canceled")
    assert [o["clientOrderId"] for o in every] == ["mine-1"]


async def test_an_order_is_replaced(exchange: PaperExchange, opened: Opened) -> None:
    """edit_order is cancelReplace: one order goes, one comes."""
    async with opened(ccxt.async_support, exchange) as client:
        price = float(client.price_to_precision(SYMBOL, (await client.fetch_ticker(SYMBOL))["last"] * 0.8))
        first = await client.create_order(SYMBOL, "limit", "buy", 0.01, price)
        second = await client.edit_order(first["id"], SYMBOL, "limit", "buy", 0.02, price)
        open_orders = await client.fetch_open_orders(SYMBOL)

    assert [(o["id"], o["amount"]) for o in open_orders] == [(second["id"], 0.02)]


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("limit", {"postOnly": True}),
        ("limit", {"timeInForce": "IOC"}),
        ("limit", {"stopLossPrice": 0.7}),
        ("limit", {"takeProfitPrice": 1.3}),
        ("market", {"stopLossPrice": 0.7}),
    ],
)
async def test_kinds_of_orders_as_ccxt_spells_them(
    exchange: PaperExchange, opened: Opened, kind: str, params: dict[str, Any]
) -> None:
    """Post-only, immediate-or-cancel, stop and take-profit orders reach the exchange as what they are."""
    async with opened(ccxt.async_support, exchange) as client:
        last = (await client.fetch_ticker(SYMBOL))["last"]
        await client.create_order(SYMBOL, "market", "buy", 0.1)
        given = {k: round(last * v, 2) if "Price" in k else v for k, v in params.items()}
        price = round(last * 1.5, 2) if kind == "limit" else None
        order = await client.create_order(SYMBOL, kind, "sell", 0.05, price, given)
        found = await client.fetch_order(order["id"], SYMBOL)

    assert found["status"] == ("expired" if params.get("timeInForce") == "IOC" else "open")


@pytest.mark.parametrize(
    ("error", "arguments"),
    [
        (ccxt.InsufficientFunds, (SYMBOL, "limit", "buy", 100, 3000)),
        (ccxt.BadRequest, (SYMBOL, "limit", "buy", 0.00001, 3000)),
        (ccxt.OrderImmediatelyFillable, (SYMBOL, "limit", "buy", 0.01, 9000, {"postOnly": True})),
    ],
)
async def test_refusals_become_ccxts_own_errors(
    exchange: PaperExchange, opened: Opened, error: type[Exception], arguments: tuple[Any, ...]
) -> None:
    """ccxt reads Binance's codes and words."""
    async with opened(ccxt.async_support, exchange) as client:
        with pytest.raises(error):
            await client.create_order(*arguments)


async def test_a_wrong_secret_is_refused(exchange: PaperExchange, opened: Opened) -> None:
    """-1022, which ccxt calls AuthenticationError."""
    with pytest.raises(ccxt.AuthenticationError, match="-1022"):
        async with opened(ccxt.async_support, exchange, secret="wrong") as client:
            await client.fetch_balance()


async def test_candles_stream_and_the_finished_ones_are_the_recorded_ones(
    exchange: PaperExchange, opened: Opened
) -> None:
    """What watch_ohlcv saw of a finished second is what REST tells of it afterwards."""
    async with opened(ccxt.pro, exchange) as client:
        seen: dict[int, Any] = {}
        while len(seen) < 4:
            for candle in await asyncio.wait_for(client.watch_ohlcv(SYMBOL, "1s"), 10):
                seen[candle[0]] = candle
        whole = sorted(seen)[1:-1]
        told = {c[0]: c for c in await client.fetch_ohlcv(SYMBOL, "1s", since=whole[0], limit=10)}

    assert whole
    assert [seen[t] for t in whole] == [told[t] for t in whole]


async def test_the_order_book_stream_rebuilds_the_book(exchange: PaperExchange, opened: Opened) -> None:
    """ccxt.pro checks every update number; bids stay below asks."""
    async with opened(ccxt.pro, exchange) as client:
        for _ in range(25):
            book = await asyncio.wait_for(client.watch_order_book(SYMBOL), 10)
            assert book["bids"][0][0] < book["asks"][0][0]


async def test_trades_and_tickers_stream(exchange: PaperExchange, opened: Opened) -> None:
    """The tape, the day's ticker, best bid and ask."""
    async with opened(ccxt.pro, exchange) as client:
        trades = await asyncio.wait_for(client.watch_trades(SYMBOL), 10)
        ticker = await asyncio.wait_for(client.watch_ticker(SYMBOL), 10)
        best = await asyncio.wait_for(client.watch_bids_asks([SYMBOL]), 10)

    assert trades[0]["price"] > 0
    assert ticker["last"] > 0
    assert best[SYMBOL]["bid"] < best[SYMBOL]["ask"]


async def test_own_orders_trades_and_balances_stream(exchange: PaperExchange, opened: Opened) -> None:
    """The user-data stream over the WebSocket API, as ccxt.pro subscribes to it."""
    async with opened(ccxt.pro, exchange) as client:
        watching = [
            asyncio.create_task(client.watch_orders(SYMBOL)),
            asyncio.create_task(client.watch_my_trades(SYMBOL)),
            asyncio.create_task(client.watch_balance()),
        ]
        await client.ensure_user_data_stream_ws_subscribe_signature("spot")
        order = await client.create_order(SYMBOL, "market", "buy", 0.01)
        orders, trades, balance = await asyncio.wait_for(asyncio.gather(*watching), 10)

    assert orders[-1]["id"] == order["id"]
    assert trades[-1]["order"] == order["id"]
    assert trades[-1]["fee"]["currency"] == "BTC"
    assert 0 < balance["BTC"]["free"] <= 0.01


async def test_orders_go_over_the_websocket_api(exchange: PaperExchange, opened: Opened) -> None:
    """Placing, reading and cancelling without REST."""
    async with opened(ccxt.pro, exchange) as client:
        placed = await client.create_order_ws(SYMBOL, "limit", "buy", 0.01, 1500)
        found = await client.fetch_order_ws(placed["id"], SYMBOL)
        canceled = await client.cancel_order_ws(placed["id"], SYMBOL)
        balance = await client.fetch_balance_ws()
        with pytest.raises(ccxt.InsufficientFunds):
            await client.create_order_ws(SYMBOL, "limit", "buy", 100, 1500)

    assert (placed["status"], found["status"], canceled["status"]) == ("open", "open", "canceled")
    assert [b["free"] for b in balance["info"]["balances"] if b["asset"] == "USDT"] == ["10000.00000000"]


async def test_a_trailing_stop_of_ccxt_rests_and_tells_its_delta(
    exchange: PaperExchange, opened: Opened
) -> None:
    """`trailingPercent` of ccxt arrives as basis points, also in an OCO; bad ones are refused."""
    async with opened(ccxt.async_support, exchange) as client:
        await client.create_order(SYMBOL, "market", "buy", 0.02)
        last = (await client.fetch_ticker(SYMBOL))["last"]
        limit = round(last * 0.7, 2)
        stop = await client.create_order(
            SYMBOL, "STOP_LOSS_LIMIT", "sell", 0.005, limit, {"trailingPercent": 5, "timeInForce": "GTC"}
        )
        told = (await client.fetch_order(stop["id"], SYMBOL))["info"]
        assert (int(told["trailingDelta"]), told["type"], told["status"]) == (500, "STOP_LOSS_LIMIT", "NEW")
        assert int(told["trailingTime"]) > 0
        pair = await client.privatePostOrderListOco({
            "symbol": "BTCUSDT", "side": "SELL", "quantity": "0.005", "aboveType": "LIMIT_MAKER",
            "abovePrice": str(round(last * 1.4, 2)), "belowType": "STOP_LOSS", "belowTrailingDelta": 300,
        })  # fmt: skip
        assert [report["status"] for report in pair["orderReports"]] == ["NEW", "NEW"]
        with pytest.raises(ccxt.BadRequest, match="TRAILING_DELTA"):
            await client.create_order(
                SYMBOL, "STOP_LOSS_LIMIT", "sell", 0.005, limit, {"trailingDelta": 5, "timeInForce": "GTC"}
            )
        with pytest.raises(ccxt.BadRequest, match="trailingDelta"):
            await client.privatePostOrder({
                "symbol": "BTCUSDT", "side": "SELL", "type": "LIMIT", "quantity": "0.005",
                "price": str(limit), "timeInForce": "GTC", "trailingDelta": 100,
            })  # fmt: skip
