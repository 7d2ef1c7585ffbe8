"""Binance's JSON shapes of orders, trades and events."""

from . import orders as o
from .changes import Report
from .orders import Order, OrderList, PublicTrade, Trade
from .units import UNIT, text

Json = dict[str, object]


def order(order: Order) -> Json:
    """As GET /api/v3/order."""
    return {
        "symbol": order.symbol, "orderId": order.order_id, "orderListId": order.list_id,
        "clientOrderId": order.client_id, "price": text(order.price), "origQty": text(order.quantity),
        "executedQty": text(order.executed), "cummulativeQuoteQty": text(order.executed_quote),
        "status": order.status, "timeInForce": order.time_in_force, "type": order.type, "side": order.side,
        "stopPrice": text(order.stop_price), "icebergQty": text(order.iceberg), "time": order.created_ms,
        "updateTime": order.updated_ms, "isWorking": _works(order), "workingTime": order.working_ms,
        "origQuoteOrderQty": text(order.quote_quantity), "selfTradePreventionMode": order.stp,
        **_trailing(order),
    }  # fmt: skip


def _trailing(order: Order) -> Json:
    """What only trailing stops have; the time is -1 until it follows the price."""
    if not order.trailing_delta:
        return {}
    return {"trailingDelta": order.trailing_delta, "trailingTime": order.trailing_ms}


def _works(order: Order) -> bool:
    return not order.waiting and order.status != o.PENDING_NEW


def placed(order: Order, fills: list[Trade], kind: str, now_ms: int) -> Json:
    """As POST /api/v3/order; `kind` is ACK, RESULT or FULL."""
    answer: Json = {
        "symbol": order.symbol, "orderId": order.order_id, "orderListId": order.list_id,
        "clientOrderId": order.client_id, "transactTime": now_ms,
    }  # fmt: skip
    if kind == "ACK":
        return answer
    answer |= {
        "price": text(order.price), "origQty": text(order.quantity), "executedQty": text(order.executed),
        "origQuoteOrderQty": text(order.quote_quantity), "cummulativeQuoteQty": text(order.executed_quote),
        "status": order.status, "timeInForce": order.time_in_force, "type": order.type, "side": order.side,
        "workingTime": order.working_ms, "selfTradePreventionMode": order.stp,
    }  # fmt: skip
    if order.stop_price:
        answer["stopPrice"] = text(order.stop_price)
    answer |= _trailing(order)
    if kind == "FULL":
        answer["fills"] = [
            {"price": text(t.price), "qty": text(t.quantity), "commission": text(t.fee),
             "commissionAsset": t.fee_asset, "tradeId": t.trade_id}
            for t in fills
        ]  # fmt: skip
    return answer


def canceled(order: Order, cancel_id: str, now_ms: int) -> Json:
    """As DELETE /api/v3/order."""
    return {
        "symbol": order.symbol, "origClientOrderId": order.client_id, "orderId": order.order_id,
        "orderListId": order.list_id, "clientOrderId": cancel_id, "transactTime": now_ms,
        "price": text(order.price), "origQty": text(order.quantity), "executedQty": text(order.executed),
        "origQuoteOrderQty": text(order.quote_quantity), "cummulativeQuoteQty": text(order.executed_quote),
        "status": order.status, "timeInForce": order.time_in_force, "type": order.type, "side": order.side,
        "selfTradePreventionMode": order.stp, **_trailing(order),
    }  # fmt: skip


def order_list(order_list: OrderList) -> Json:
    """As GET /api/v3/orderList."""
    done = order_list.status == o.ALL_DONE
    pairs = zip(order_list.order_ids, order_list.client_ids, strict=True)
    return {
        "orderListId": order_list.list_id, "contingencyType": order_list.kind,
        "listStatusType": "ALL_DONE" if done else "EXEC_STARTED", "listOrderStatus": order_list.status,
        "listClientOrderId": order_list.client_id, "transactionTime": order_list.created_ms,
        "symbol": order_list.symbol,
        "orders": [{"symbol": order_list.symbol, "orderId": n, "clientOrderId": c} for n, c in pairs],
    }  # fmt: skip


def list_status(order_list: OrderList, now_ms: int) -> Json:
    """The user-data event of a list."""
    done = order_list.status == o.ALL_DONE
    pairs = zip(order_list.order_ids, order_list.client_ids, strict=True)
    return {
        "e": "listStatus", "E": now_ms, "s": order_list.symbol, "g": order_list.list_id, "c": order_list.kind,
        "l": "ALL_DONE" if done else "EXEC_STARTED", "L": order_list.status, "r": "NONE",
        "C": order_list.client_id, "T": now_ms,
        "O": [{"s": order_list.symbol, "i": number, "c": client_id} for number, client_id in pairs],
    }  # fmt: skip


def my_trade(trade: Trade) -> Json:
    """As GET /api/v3/myTrades."""
    return {
        "symbol": trade.symbol, "id": trade.trade_id, "orderId": trade.order_id, "orderListId": trade.list_id,
        "price": text(trade.price), "qty": text(trade.quantity), "quoteQty": text(trade.quote),
        "commission": text(trade.fee), "commissionAsset": trade.fee_asset, "time": trade.time_ms,
        "isBuyer": trade.side == o.BUY, "isMaker": trade.maker, "isBestMatch": True,
    }  # fmt: skip


def public_trade(trade: PublicTrade) -> Json:
    """As GET /api/v3/trades."""
    return {
        "id": trade.trade_id, "price": text(trade.price), "qty": text(trade.quantity),
        "quoteQty": text(trade.price * trade.quantity // UNIT), "time": trade.time_ms,
        "isBuyerMaker": trade.buyer_maker, "isBestMatch": True,
    }  # fmt: skip


def aggregate_trade(trade: PublicTrade) -> Json:
    """As GET /api/v3/aggTrades; each trade is an aggregate of its own."""
    return {
        "a": trade.trade_id, "p": text(trade.price), "q": text(trade.quantity), "f": trade.trade_id,
        "l": trade.trade_id, "T": trade.time_ms, "m": trade.buyer_maker, "M": True,
    }  # fmt: skip


def trade_event(trade: PublicTrade, now_ms: int) -> Json:
    return {
        "e": "trade", "E": now_ms, "s": trade.symbol, "t": trade.trade_id, "p": text(trade.price),
        "q": text(trade.quantity), "T": trade.time_ms, "m": trade.buyer_maker, "M": True,
    }  # fmt: skip


def aggregate_event(trade: PublicTrade, now_ms: int) -> Json:
    return {"e": "aggTrade", "E": now_ms, "s": trade.symbol, **aggregate_trade(trade)}


def execution_report(report: Report, now_ms: int) -> Json:
    """The user-data event of one change of an order."""
    order, trade = report.order, report.trade
    canceled = report.kind == "CANCELED"
    return {
        "e": "executionReport", "E": now_ms, "s": order.symbol,
        "c": report.cancel_id or f"web_{order.order_id}" if canceled else order.client_id,
        "S": order.side, "o": order.type, "f": order.time_in_force, "q": text(order.quantity),
        "p": text(order.price), "P": text(order.stop_price), "F": text(order.iceberg), "g": order.list_id,
        "C": order.client_id if canceled else "", "x": report.kind, "X": order.status, "r": "NONE",
        "i": order.order_id, "l": text(trade.quantity if trade else 0), "z": text(order.executed),
        "L": text(trade.price if trade else 0), "n": text(trade.fee) if trade else "0",
        "N": trade.fee_asset if trade else None, "T": report.time_ms, "t": trade.trade_id if trade else -1,
        "I": order.order_id * 2, "w": order.open and _works(order), "m": trade.maker if trade else False,
        "M": trade is not None, "O": order.created_ms, "Z": text(order.executed_quote),
        "Y": text(trade.quote if trade else 0), "Q": text(order.quote_quantity),
        "W": order.working_ms, "V": order.stp,
        **({"d": order.trailing_delta, "D": order.trailing_ms} if order.trailing_delta else {}),
    }  # fmt: skip


def account_position(balances: list[tuple[str, int, int]], updated_ms: int, now_ms: int) -> Json:
    """The user-data event of changed balances: (asset, free, locked)."""
    return {
        "e": "outboundAccountPosition", "E": now_ms, "u": updated_ms,
        "B": [{"a": asset, "f": text(free), "l": text(locked)} for asset, free, locked in balances],
    }  # fmt: skip


def balance_update(asset: str, delta: int, now_ms: int) -> Json:
    """The user-data event of a deposit or withdrawal."""
    return {"e": "balanceUpdate", "E": now_ms, "a": asset, "d": text(delta), "T": now_ms}
