"""Signed calls that place, change and read orders."""

from . import orders as o
from . import wire
from .calls import Call, Security, endpoint, missing
from .orders import NewOrder, Order, RefusedError
from .units import text

_STP = ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH")
_SIGNED = Security.SIGNED
_SIDE_MESSAGE, _TYPE_MESSAGE = "Invalid side.", "Invalid orderType."


def read_order(call: Call) -> NewOrder:
    """The parameters of a new order.

    Raises:
        RefusedError: with Binance's code for what is missing or wrong.
    """
    symbol = call.symbol()
    kind = call.choice("type", o.TYPES, None, -1116, _TYPE_MESSAGE)
    side = call.choice("side", o.SIDES, None, -1117, _SIDE_MESSAGE)
    quantity, quote = call.amount("quantity"), call.amount("quoteOrderQty")
    if not quantity and not (quote and kind == o.MARKET):
        raise missing("quantity")
    if quantity and quote:
        raise RefusedError(-1128, "Combination of optional parameters invalid.")
    priced = kind in o.PRICED
    force = o.GTC
    if kind in (o.LIMIT, o.STOP_LOSS_LIMIT, o.TAKE_PROFIT_LIMIT):
        force = call.choice("timeInForce", (o.GTC, o.IOC, o.FOK), None, -1115, "Invalid timeInForce.")
    elif "timeInForce" in call.parameters and kind != o.LIMIT_MAKER:
        raise _superfluous("timeInForce")
    if not priced and "price" in call.parameters:
        raise _superfluous("price")
    trailing = trailing_delta(call, "trailingDelta", kind)
    return NewOrder(
        symbol=symbol, side=side, type=kind, time_in_force=force,
        client_id=call.client_id("newClientOrderId"), quantity=quantity, quote_quantity=quote,
        price=call.amount("price", required=priced),
        stop_price=call.amount("stopPrice", required=kind in o.TRIGGERED and not trailing),
        iceberg=call.amount("icebergQty"), trailing_delta=trailing,
        stp=call.choice("selfTradePreventionMode", _STP, "EXPIRE_MAKER", -1135, "Invalid STP mode."),
    )  # fmt: skip


def trailing_delta(call: Call, name: str, kind: str) -> int:
    """Basis points of a trailing stop; 0 when it is none.

    Raises:
        RefusedError: it is given for an order that is no stop, or is no number above zero.
    """
    if name not in call.parameters:
        return 0
    if kind not in o.TRIGGERED:
        raise _superfluous(name)
    delta = call.integer(name, 0)
    if delta <= 0:
        raise RefusedError(-1100, f"Illegal characters found in parameter '{name}'.")
    return delta


def _superfluous(name: str) -> RefusedError:
    return RefusedError(-1106, f"Parameter '{name}' sent when not required.")


def _answer_kind(call: Call, order: NewOrder) -> str:
    default = "FULL" if order.type in (o.LIMIT, o.MARKET) else "ACK"
    kinds = ("ACK", "RESULT", "FULL")
    return call.choice("newOrderRespType", kinds, default, -1100, "Invalid newOrderRespType.")


@endpoint("POST /api/v3/order", "POST /api/v3/sor/order", method="order.place sor.order.place",
          security=_SIGNED, ordering=1)  # fmt: skip
async def place(call: Call) -> object:
    request = read_order(call)
    kind = _answer_kind(call, request)
    await call.exchange.travel()
    order, fills = call.exchange.desk.place(call.owner, request)
    await call.exchange.desk.committed()
    return wire.placed(order, fills, kind, order.created_ms)


@endpoint("POST /api/v3/order/test", "POST /api/v3/sor/order/test", method="order.test sor.order.test",
          security=_SIGNED)  # fmt: skip
async def test(call: Call) -> object:
    request = read_order(call)
    call.exchange.engine.check(call.owner, request)
    if call.text("computeCommissionRates", "false") != "true":
        return {}
    fees = call.exchange.engine.fees
    rates = {"maker": text(fees.maker), "taker": text(fees.taker)}
    return {"standardCommissionForOrder": rates, "taxCommissionForOrder": {"maker": "0.0", "taker": "0.0"}}


@endpoint("GET /api/v3/order", method="order.status", security=_SIGNED, weight=4)
async def status(call: Call) -> object:
    await call.exchange.desk.committed()
    return wire.order(call.find_order())


def _open_for_cancel(call: Call) -> Order:
    """The open order to be cancelled; -2011 when there is none."""
    symbol, order_id, client_id = call.named_order()
    order = call.exchange.engine.find_open(call.owner, symbol, order_id, client_id)
    if order is None:
        raise RefusedError(-2011, "Unknown order sent.")
    only = call.text("cancelRestrictions", "")
    allowed = {"ONLY_NEW": (o.NEW,), "ONLY_PARTIALLY_FILLED": (o.PARTIALLY_FILLED,)}.get(only)
    if allowed and order.status not in allowed:
        raise RefusedError(-2011, "Order was not canceled due to cancel restrictions.")
    return order


@endpoint("DELETE /api/v3/order", method="order.cancel", security=_SIGNED)
async def cancel(call: Call) -> object:
    await call.exchange.travel()
    order = _open_for_cancel(call)
    cancel_id = call.client_id("newClientOrderId") or f"cancel-{order.order_id}"
    answer = cancel_one(call, order, cancel_id)
    await call.exchange.desk.committed()
    return answer


def cancel_one(call: Call, order: Order, cancel_id: str) -> wire.Json:
    """Cancel an order, and with it the list that it belongs to."""
    desk = call.exchange.desk
    return wire.canceled(desk.cancel(order, cancel_id), cancel_id, call.now_ms)


@endpoint("GET /api/v3/openOrders", method="openOrders.status", security=_SIGNED, weight=6)
async def open_orders(call: Call) -> object:
    await call.exchange.desk.committed()
    symbol = call.symbol() if "symbol" in call.parameters else ""
    return [wire.order(order) for order in _mine(call, symbol)]


def _mine(call: Call, symbol: str) -> list[Order]:
    orders = call.exchange.engine.open_orders.values()
    return [x for x in orders if x.account == call.owner and (not symbol or x.symbol == symbol)]


@endpoint("DELETE /api/v3/openOrders", method="openOrders.cancelAll", security=_SIGNED)
async def cancel_all(call: Call) -> object:
    found = _mine(call, call.symbol())
    if not found:
        raise RefusedError(-2011, "Unknown order sent.")
    answer = [cancel_one(call, x, f"cancel-{x.order_id}") for x in found if x.open]
    await call.exchange.desk.committed()
    return answer


@endpoint("GET /api/v3/allOrders", method="allOrders", security=_SIGNED, weight=20)
async def all_orders(call: Call) -> object:
    await call.exchange.desk.committed()
    found = call.exchange.storage.orders(
        call.owner, call.symbol(), from_id=call.optional_integer("orderId"),
        since_ms=call.integer("startTime", 0), until_ms=call.integer("endTime", 0),
        limit=call.limit(500, 1000),
    )  # fmt: skip
    return [wire.order(order) for order in found]


@endpoint("GET /api/v3/myTrades", method="myTrades", security=_SIGNED, weight=20)
async def my_trades(call: Call) -> object:
    await call.exchange.desk.committed()
    found = call.exchange.storage.trades(
        call.owner, call.symbol(), order_id=call.integer("orderId", 0),
        from_id=call.optional_integer("fromId"),
        since_ms=call.integer("startTime", 0), until_ms=call.integer("endTime", 0),
        limit=call.limit(500, 1000),
    )  # fmt: skip
    return [wire.my_trade(trade) for trade in found]


@endpoint("POST /api/v3/order/cancelReplace", method="order.cancelReplace", security=_SIGNED, ordering=1)
async def cancel_replace(call: Call) -> object:
    """Cancel one order and place another; with STOP_ON_FAILURE nothing is placed when the cancel fails."""
    mode = call.choice(
        "cancelReplaceMode", ("STOP_ON_FAILURE", "ALLOW_FAILURE"), None, -1100, "Invalid cancelReplaceMode."
    )
    request = read_order(call)
    kind = _answer_kind(call, request)
    canceled, cancel_error = _try_cancel(call)
    if cancel_error is not None and mode == "STOP_ON_FAILURE":
        raise _replace_error(-2022, "FAILURE", "NOT_ATTEMPTED", cancel_error, None)
    try:
        order, fills = call.exchange.desk.place(call.owner, request)
    except RefusedError as error:
        await call.exchange.desk.committed()
        done = "SUCCESS" if cancel_error is None else "FAILURE"
        code = -2021 if cancel_error is None else -2022
        raise _replace_error(code, done, "FAILURE", canceled or cancel_error, error) from None
    await call.exchange.desk.committed()
    placed = wire.placed(order, fills, kind, order.created_ms)
    if cancel_error is not None:
        raise _replace_error(-2021, "FAILURE", "SUCCESS", cancel_error, placed)
    return {
        "cancelResult": "SUCCESS", "newOrderResult": "SUCCESS", "cancelResponse": canceled,
        "newOrderResponse": placed,
    }  # fmt: skip


def _try_cancel(call: Call) -> tuple[wire.Json | None, RefusedError | None]:
    names = {"orderId": "cancelOrderId", "origClientOrderId": "cancelOrigClientOrderId"}
    parameters = {"symbol": call.text("symbol")}
    parameters |= {to: call.parameters[name] for to, name in names.items() if name in call.parameters}
    try:
        inner = Call(call.exchange, parameters, call.account, call.now_ms)
        order = _open_for_cancel(inner)
    except RefusedError as error:
        return None, error
    cancel_id = call.client_id("cancelNewClientOrderId") or f"cancel-{order.order_id}"
    return cancel_one(call, order, cancel_id), None


class ReplaceError(RefusedError):
    """A cancelReplace of which a part failed; `data` says which."""

    def __init__(self, code: int, message: str, data: wire.Json) -> None:
        super().__init__(code, message, 409 if code == -2021 else 400)
        self.data = data


def _replace_error(
    code: int, cancel: str, new: str, canceled: object, placed: object
) -> ReplaceError:
    message = "Order cancel-replace partially failed." if code == -2021 else "Order cancel-replace failed."
    data: wire.Json = {
        "cancelResult": cancel, "newOrderResult": new, "cancelResponse": _part(canceled),
        "newOrderResponse": _part(placed),
    }  # fmt: skip
    return ReplaceError(code, message, data)


def _part(part: object) -> object:
    return {"code": part.code, "msg": part.message} if isinstance(part, RefusedError) else part
