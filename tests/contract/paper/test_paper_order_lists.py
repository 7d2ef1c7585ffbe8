"""One triggers the other, as clients that we did not write ask for it."""

import asyncio
from typing import Any

import binance
import ccxt.async_support as ccxt
from cryptobot.services.paper.exchange import PaperExchange

SYMBOL = "BTCUSDT"


def working(last: float, factor: float) -> dict[str, str]:
    return {
        "symbol": SYMBOL, "workingType": "LIMIT", "workingSide": "BUY", "workingTimeInForce": "GTC",
        "workingPrice": f"{last * factor:.2f}", "workingQuantity": "0.02", "pendingSide": "SELL",
        "pendingQuantity": "0.015",
    }  # fmt: skip


async def test_ccxt_places_an_entry_with_a_follower(exchange: PaperExchange, opened: Any) -> None:
    """The entry takes at once, the follower rests then, and cancelling it ends the list."""
    async with opened(ccxt, exchange) as client:
        last = (await client.fetch_ticker("BTC/USDT"))["last"]
        follower = {"pendingType": "LIMIT_MAKER", "pendingPrice": f"{last * 1.8:.2f}"}
        placed = await client.privatePostOrderListOto(working(last, 1.05) | follower)
        kinds = {report["type"]: report["status"] for report in placed["orderReports"]}
        (resting,) = await client.fetch_open_orders("BTC/USDT")
        await client.cancel_order(resting["id"], "BTC/USDT")
        left = await client.privateGetOpenOrderList()

    assert placed["contingencyType"] == "OTO"
    assert kinds == {"LIMIT": "FILLED", "LIMIT_MAKER": "NEW"}
    assert resting["type"] == "limit"
    assert left == []


async def test_python_binance_places_a_bracket(exchange: PaperExchange) -> None:
    """The pair waits until the entry is filled; cancelling one of the list takes all."""

    async def trade() -> tuple[Any, Any, Any, Any]:
        client = binance.AsyncClient(exchange.api_key, exchange.api_secret)
        client.API_URL = f"{exchange.rest_url}/api"
        ticker = await client.get_symbol_ticker(symbol=SYMBOL)
        last = float(ticker["price"])
        pair = {
            "pendingAboveType": "LIMIT_MAKER", "pendingAbovePrice": f"{last * 1.9:.2f}",
            "pendingBelowType": "STOP_LOSS", "pendingBelowStopPrice": f"{last * 0.4:.2f}",
        }  # fmt: skip
        try:
            rests = await client.v3_post_order_list_otoco(**working(last, 0.7), **pair)
            waiting = await client.get_open_orders(symbol=SYMBOL)
            await client.cancel_order(symbol=SYMBOL, orderId=rests["orders"][0]["orderId"])
            after = await client.get_open_orders(symbol=SYMBOL)
            takes = await client.v3_post_order_list_otoco(**working(last, 1.05), **pair)
        finally:
            await client.close_connection()
        return rests, waiting, after, takes

    rests, waiting, after, takes = await asyncio.wait_for(trade(), 30)

    assert [report["status"] for report in rests["orderReports"]] == ["NEW", "PENDING_NEW", "PENDING_NEW"]
    assert [order["isWorking"] for order in waiting] == [False, False, True]
    assert after == []
    assert [report["status"] for report in takes["orderReports"]] == ["FILLED", "NEW", "NEW"]
