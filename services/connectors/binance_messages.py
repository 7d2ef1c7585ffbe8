"""Binance's own messages as ours, and ours as its parameters. All its numbers are text."""

from typing import Any

from .convert import decimal, optional_decimal
from .venue import OrderRequest, VenueCandle, VenueMarketTrade, VenueOrder, VenueTrade, VenueTransfer

Raw = dict[str, Any]
_STATUS = {
    "NEW": "open",
    "PENDING_NEW": "open",
    "PENDING_CANCEL": "open",
    "PARTIALLY_FILLED": "open",
    "FILLED": "closed",
    "CANCELED": "canceled",
    "REJECTED": "rejected",
    "EXPIRED": "expired",
    "EXPIRED_IN_MATCH": "expired",
}
_PRICED = ("limit", "stop_loss_limit", "take_profit_limit")


def order_parameters(request: OrderRequest, market_id: str) -> dict[str, str]:
    """What POST /api/v3/order takes; digits go out as they came in."""
    kind = "LIMIT_MAKER" if request.post_only and request.type == "limit" else request.type.upper()
    parameters = {
        "symbol": market_id,
        "side": request.side.upper(),
        "type": kind,
        "quantity": format(request.amount, "f"),
        "newClientOrderId": request.client_id,
        "newOrderRespType": "RESULT",
    }
    if request.type in _PRICED and request.price is not None:
        parameters["price"] = format(request.price, "f")
        if kind != "LIMIT_MAKER":
            parameters["timeInForce"] = request.time_in_force
    if request.stop_price is not None:
        parameters["stopPrice"] = format(request.stop_price, "f")
    return parameters


def pair_parameters(stop: OrderRequest, target: OrderRequest, list_id: str, market_id: str) -> dict[str, str]:
    """What POST /api/v3/orderList/oco takes: of a sell the target is above the market, of a buy below."""
    parts = (
        {"target": "above", "stop": "below"} if stop.side == "sell" else {"target": "below", "stop": "above"}
    )
    parameters = {
        "symbol": market_id,
        "side": stop.side.upper(),
        "quantity": format(stop.amount, "f"),
        "listClientOrderId": list_id,
        "newOrderRespType": "RESULT",
        f"{parts['target']}Type": "LIMIT_MAKER",
        f"{parts['target']}Price": format(target.price or 0, "f"),
        f"{parts['target']}ClientOrderId": target.client_id,
        f"{parts['stop']}Type": stop.type.upper(),
        f"{parts['stop']}StopPrice": format(stop.stop_price or 0, "f"),
        f"{parts['stop']}ClientOrderId": stop.client_id,
    }
    if stop.price is not None:
        parameters[f"{parts['stop']}Price"] = format(stop.price, "f")
        parameters[f"{parts['stop']}TimeInForce"] = stop.time_in_force
    return parameters


def rest_order(info: Raw, symbol: str) -> VenueOrder:
    """An order as REST and the WebSocket API tell it."""
    return VenueOrder(
        id=str(info["orderId"]),
        client_id=str(info.get("origClientOrderId") or info["clientOrderId"]),
        symbol=symbol,
        side=str(info["side"]).lower(),
        type=_order_type(info["type"]),
        status=_STATUS.get(info["status"], "open"),
        amount=decimal(info["origQty"]),
        filled=decimal(info["executedQty"]),
        cost=decimal(info["cummulativeQuoteQty"]),
        price=optional_decimal(info.get("price")),
        stop_price=optional_decimal(info.get("stopPrice")),
        time_in_force=str(info.get("timeInForce") or "GTC"),
        updated_ms=int(info.get("updateTime") or info.get("transactTime") or 0),
    )


def report_order(message: Raw, symbol: str) -> VenueOrder:
    """The order of an executionReport."""
    reason = message.get("r", "")
    return VenueOrder(
        id=str(message["i"]),
        client_id=_client_id(message),
        symbol=symbol,
        side=message["S"].lower(),
        type=_order_type(message["o"]),
        status=_STATUS.get(message["X"], "open"),
        amount=decimal(message["q"]),
        filled=decimal(message["z"]),
        cost=decimal(message["Z"]),
        price=optional_decimal(message["p"]),
        stop_price=optional_decimal(message.get("P")),
        time_in_force=message["f"],
        updated_ms=int(message["T"]),
        reason="" if reason == "NONE" else str(reason),
    )


def report_trade(message: Raw, symbol: str) -> VenueTrade:
    """The execution of an executionReport of kind TRADE."""
    price, amount = decimal(message["L"]), decimal(message["l"])
    return VenueTrade(
        id=str(message["t"]),
        order_id=str(message["i"]),
        client_id=_client_id(message),
        symbol=symbol,
        side=message["S"].lower(),
        price=price,
        amount=amount,
        cost=decimal(message["Y"]) if message.get("Y") else price * amount,
        fee=decimal(message.get("n")),
        fee_currency=str(message.get("N") or ""),
        maker=bool(message["m"]),
        ts_ms=int(message["T"]),
    )


def balance_transfer(message: Raw) -> VenueTransfer:
    """A balanceUpdate: a deposit, a withdrawal, a transfer between accounts."""
    return VenueTransfer(
        id=f"{message['a']}|{message['T']}|{message['d']}",
        asset=str(message["a"]),
        amount=decimal(message["d"]),
        ts_ms=int(message["T"]),
    )


def kline_candle(symbol: str, kline: Raw) -> VenueCandle:
    return VenueCandle(
        symbol=symbol,
        timeframe=kline["i"],
        open_ms=int(kline["t"]),
        open=kline["o"],
        high=kline["h"],
        low=kline["l"],
        close=kline["c"],
        volume=kline["v"],
        closed=bool(kline["x"]),
    )


def public_trade(message: Raw, symbol: str) -> VenueMarketTrade:
    """A trade or aggTrade; `m` says that the buyer was there first."""
    return VenueMarketTrade(
        symbol=symbol,
        id=str(message.get("t", message.get("a"))),
        ts_ms=int(message["T"]),
        side="sell" if message["m"] else "buy",
        price=message["p"],
        amount=message["q"],
    )


def _client_id(message: Raw) -> str:
    """On a cancel `c` is the cancel's own id and `C` the order's."""
    return str(message.get("C") or message["c"])


def _order_type(name: str) -> str:
    return "limit" if name == "LIMIT_MAKER" else name.lower()
