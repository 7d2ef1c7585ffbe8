"""Unmodified python-binance trades on the paper exchange: REST, streams and its WebSocket API."""

import asyncio
from typing import Any

import pytest
from binance import AsyncClient, BinanceSocketManager, Client
from binance.exceptions import BinanceAPIException
from cryptobot.services.paper.exchange import PaperExchange

SYMBOL = "BTCUSDT"


def point(client: Any, exchange: PaperExchange) -> Any:
    """Addresses only."""
    client.API_URL = f"{exchange.rest_url}/api"
    client.MARGIN_API_URL = f"{exchange.rest_url}/sapi"
    client.ws_api._url = exchange.ws_api_url
    client.ws_api.TIMEOUT = 1  # it waits for so long before it closes
    return client


async def test_the_blocking_client_trades(exchange: PaperExchange) -> None:
    """Rules, prices, candles, an order and its end, trades and account."""

    def trade() -> dict[str, Any]:
        client = point(Client(exchange.api_key, exchange.api_secret, ping=False), exchange)
        seen = {
            "info": client.get_symbol_info(SYMBOL), "ping": client.ping(), "time": client.get_server_time(),
            "candles": client.get_klines(symbol=SYMBOL, interval="1s", limit=5),
            "book": client.get_order_book(symbol=SYMBOL, limit=5), "all": client.get_all_tickers(),
            "best": client.get_orderbook_ticker(symbol=SYMBOL), "day": client.get_ticker(symbol=SYMBOL),
            "average": client.get_avg_price(symbol=SYMBOL), "tape": client.get_recent_trades(symbol=SYMBOL),
            "test": client.create_test_order(symbol=SYMBOL, side="BUY", type="MARKET", quantity="0.01"),
            "bought": client.order_market_buy(symbol=SYMBOL, quantity="0.01"),
            "by value": client.order_market_buy(symbol=SYMBOL, quoteOrderQty="100"),
        }  # fmt: skip
        placed = client.order_limit_buy(symbol=SYMBOL, quantity="0.01", price="1500.00")
        seen["open"] = client.get_open_orders(symbol=SYMBOL)
        seen["gone"] = client.cancel_order(symbol=SYMBOL, orderId=placed["orderId"])
        seen["orders"] = client.get_all_orders(symbol=SYMBOL)
        seen["trades"] = client.get_my_trades(symbol=SYMBOL)
        seen["coin"] = client.get_asset_balance("BTC")
        seen["fees"] = client.get_trade_fee(symbol=SYMBOL)
        with pytest.raises(BinanceAPIException) as caught:
            client.order_limit_buy(symbol=SYMBOL, quantity="0.01", price="1500.001")
        seen["refusal"] = (caught.value.code, caught.value.message)
        client.close_connection()
        return seen

    seen = await asyncio.to_thread(trade)

    assert len(seen["candles"]) == 5
    assert len(seen["candles"][0]) == 12
    assert seen["bought"]["status"] == seen["by value"]["status"] == "FILLED"
    assert [o["status"] for o in seen["orders"]] == ["FILLED", "FILLED", "CANCELED"]
    assert len(seen["open"]) == 1
    assert float(seen["coin"]["free"]) > 0.01
    assert seen["refusal"] == (-1013, "Filter failure: PRICE_FILTER")


async def test_one_cancels_the_other(exchange: PaperExchange) -> None:
    """An OCO in its old and its present form."""

    def trade() -> tuple[Any, Any, Any]:
        client = point(Client(exchange.api_key, exchange.api_secret, ping=False), exchange)
        client.order_market_buy(symbol=SYMBOL, quantity="0.1")
        last = float(client.get_symbol_ticker(symbol=SYMBOL)["price"])
        common = {"symbol": SYMBOL, "side": "SELL", "quantity": "0.02"}
        high, low = f"{last * 1.9:.2f}", f"{last * 0.5:.2f}"
        new = client.create_oco_order(
            **common, aboveType="LIMIT_MAKER", abovePrice=high, belowType="STOP_LOSS_LIMIT",
            belowStopPrice=low, belowPrice=low, belowTimeInForce="GTC",
        )  # fmt: skip
        old = client._post("order/oco", True, data={**common, "price": high, "stopPrice": low})
        open_orders = client.get_open_orders(symbol=SYMBOL)
        client.cancel_order(symbol=SYMBOL, orderId=new["orders"][0]["orderId"])
        left = client.get_open_orders(symbol=SYMBOL)
        client.close_connection()
        return new, (old, open_orders), left

    new, (old, open_orders), left = await asyncio.to_thread(trade)

    assert new["contingencyType"] == old["contingencyType"] == "OCO"
    assert len(open_orders) == 4
    assert len(left) == 2


async def test_streams(exchange: PaperExchange) -> None:
    """Candles, trades, depth and a combined stream."""
    client = point(AsyncClient(exchange.api_key, exchange.api_secret), exchange)
    manager = BinanceSocketManager(client)
    manager.STREAM_URL = exchange.ws_url.removesuffix("ws")
    sockets = {
        "kline": manager.kline_socket(SYMBOL, "1s"), "trade": manager.trade_socket(SYMBOL),
        "aggTrade": manager.aggtrade_socket(SYMBOL), "24hrTicker": manager.symbol_ticker_socket(SYMBOL),
        "depthUpdate": manager.depth_socket(SYMBOL),
    }  # fmt: skip
    try:
        for event, socket in sockets.items():
            async with socket as stream:
                message = await asyncio.wait_for(stream.recv(), 10)
                assert (message["e"], message["s"]) == (event, SYMBOL)
        async with manager.depth_socket(SYMBOL, depth="5") as stream:
            assert len((await asyncio.wait_for(stream.recv(), 10))["bids"]) == 5
        async with manager.multiplex_socket(["btcusdt@bookTicker", "btcusdt@kline_1m"]) as stream:
            message = await asyncio.wait_for(stream.recv(), 10)
            assert message["stream"] in ("btcusdt@bookTicker", "btcusdt@kline_1m")
    finally:
        await client.close_connection()


async def test_own_events_and_orders_over_the_websocket_api(exchange: PaperExchange) -> None:
    """The user socket shows the order that the WebSocket API placed."""
    client = point(AsyncClient(exchange.api_key, exchange.api_secret), exchange)
    manager = BinanceSocketManager(client)
    try:
        async with manager.user_socket() as stream:
            placed = await client.ws_create_order(symbol=SYMBOL, side="BUY", type="MARKET", quantity="0.01")
            events = [await asyncio.wait_for(stream.recv(), 10) for _ in range(3)]
        found = await client.ws_get_order(symbol=SYMBOL, orderId=placed["orderId"])
    finally:
        await client.close_connection()

    assert [e["e"] for e in events] == ["executionReport", "executionReport", "outboundAccountPosition"]
    assert [e["x"] for e in events[:2]] == ["NEW", "TRADE"]
    assert found["status"] == "FILLED"


async def test_own_events_by_listen_key(exchange: PaperExchange) -> None:
    """The older way: a key by REST, a socket named by it."""
    client = point(AsyncClient(exchange.api_key, exchange.api_secret), exchange)
    try:
        key = await client.stream_get_listen_key()
        async with client.session.ws_connect(f"{exchange.ws_url}/{key}") as socket:
            await client.order_market_buy(symbol=SYMBOL, quantity="0.01")
            event = await asyncio.wait_for(socket.receive_json(), 10)
        await client.stream_keepalive(key)
        await client.stream_close(key)
    finally:
        await client.close_connection()

    assert event["e"] == "executionReport"
