"""Signed calls about order lists (OCO, OTO, OTOCO), in the present form and in the one that clients still
use.
"""

from . import orders as o
from . import wire
from .calls import Call, Security, endpoint, missing
from .orders import NewOrder, Order, OrderList, RefusedError
from .trade_calls import trailing_delta

_SIGNED = Security.SIGNED
_ABOVE = ("STOP_LOSS_LIMIT", "STOP_LOSS", "LIMIT_MAKER", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT")
_SEARCHED = 10_000
"""So many of the newest lists are searched for a name or number."""
_FORCES = (o.GTC, o.IOC, o.FOK)


@endpoint("POST /api/v3/orderList/oco", method="orderList.place.oco", security=_SIGNED, ordering=2)
async def place_oco(call: Call) -> object:
    """Two orders, above and below the market."""
    above, below = _leg(call, "above"), _leg(call, "below")
    return await _place(call, above, below)


@endpoint("POST /api/v3/order/oco", method="orderList.place", security=_SIGNED, ordering=2)
async def place_old(call: Call) -> object:
    """The older form: a limit order and a stop order."""
    symbol, side, quantity = call.symbol(), _side(call), call.amount("quantity", required=True)
    limit = NewOrder(
        symbol, side, o.LIMIT_MAKER, call.client_id("limitClientOrderId"), quantity=quantity,
        price=call.amount("price", required=True),
    )  # fmt: skip
    stop_limit = call.amount("stopLimitPrice")
    force = call.choice("stopLimitTimeInForce", _FORCES, o.GTC, -1115, "Invalid timeInForce.")
    stop = NewOrder(
        symbol, side, o.STOP_LOSS_LIMIT if stop_limit else o.STOP_LOSS, call.client_id("stopClientOrderId"),
        force if stop_limit else o.GTC, quantity=quantity, price=stop_limit,
        stop_price=call.amount("stopPrice", required="trailingDelta" not in call.parameters),
        trailing_delta=trailing_delta(call, "trailingDelta", o.STOP_LOSS),
    )  # fmt: skip
    return await _place(call, limit, stop) if side == o.SELL else await _place(call, stop, limit)


@endpoint("POST /api/v3/orderList/oto", method="orderList.place.oto", security=_SIGNED, ordering=2)
async def place_oto(call: Call) -> object:
    """An order, and one that waits until it is filled."""
    quantity = call.amount("pendingQuantity", required=True)
    pending = _leg(call, "pending", _side(call, "pendingSide"), quantity, o.TYPES)
    return await _place_after(call, (pending,))


@endpoint("POST /api/v3/orderList/otoco", method="orderList.place.otoco", security=_SIGNED, ordering=3)
async def place_otoco(call: Call) -> object:
    """An order, and an OCO that waits until it is filled."""
    side, quantity = _side(call, "pendingSide"), call.amount("pendingQuantity", required=True)
    above = _leg(call, "pendingAbove", side, quantity)
    return await _place_after(call, (above, _leg(call, "pendingBelow", side, quantity)))


async def _place_after(call: Call, pending: tuple[NewOrder, ...]) -> object:
    quantity = call.amount("workingQuantity", required=True)
    working = _leg(call, "working", _side(call, "workingSide"), quantity, (o.LIMIT, o.LIMIT_MAKER))
    kind = _answer_kind(call)
    desk = call.exchange.desk
    name = call.client_id("listClientOrderId")
    return await _told(call, kind, *desk.place_after(call.owner, working, pending, name))


def _side(call: Call, name: str = "side") -> str:
    return call.choice(name, o.SIDES, None, -1117, "Invalid side.")


def _leg(
    call: Call, name: str, side: str = "", quantity: int = 0, kinds: tuple[str, ...] = _ABOVE
) -> NewOrder:
    """One order of a list, whose parameters begin with `name`."""
    kind = call.choice(f"{name}Type", kinds, None, -1116, "Invalid orderType.")
    force = o.GTC
    if kind in (o.LIMIT, o.STOP_LOSS_LIMIT, o.TAKE_PROFIT_LIMIT):
        force = call.choice(f"{name}TimeInForce", _FORCES, None, -1115, "Invalid timeInForce.")
    trailing = trailing_delta(call, f"{name}TrailingDelta", kind)
    return NewOrder(
        call.symbol(), side or _side(call), kind, call.client_id(f"{name}ClientOrderId"), force,
        quantity=quantity or call.amount("quantity", required=True),
        price=call.amount(f"{name}Price", required=kind in o.PRICED),
        stop_price=call.amount(f"{name}StopPrice", required=kind in o.TRIGGERED and not trailing),
        trailing_delta=trailing,
    )  # fmt: skip


async def _place(call: Call, above: NewOrder, below: NewOrder) -> object:
    kind = _answer_kind(call)
    name = call.client_id("listClientOrderId")
    return await _told(call, kind, *call.exchange.desk.place_list(call.owner, above, below, name))


def _answer_kind(call: Call) -> str:
    kinds = ("ACK", "RESULT", "FULL")
    return call.choice("newOrderRespType", kinds, "RESULT", -1100, "Invalid newOrderRespType.")


async def _told(call: Call, kind: str, order_list: OrderList, placed: list[Order]) -> object:
    await call.exchange.desk.committed()
    answer = wire.order_list(order_list)
    answer["orderReports"] = [wire.placed(order, [], kind, order.created_ms) for order in placed]
    return answer


@endpoint("DELETE /api/v3/orderList", method="orderList.cancel", security=_SIGNED)
async def cancel(call: Call) -> object:
    call.symbol()
    order_list = call.exchange.engine.lists.find(call.owner, *_names(call, "listClientOrderId"))
    if order_list is None:
        raise RefusedError(-2011, "Unknown order list sent.")
    desk, engine = call.exchange.desk, call.exchange.engine
    cancel_id = call.client_id("newClientOrderId") or f"cancel-list-{order_list.list_id}"
    orders = [engine.open_orders[number] for number in order_list.order_ids if number in engine.open_orders]
    desk.cancel(orders[0], cancel_id)
    await desk.committed()
    answer = wire.order_list(order_list)
    answer["orderReports"] = [wire.canceled(order, cancel_id, call.now_ms) for order in orders]
    return answer


def _names(call: Call, client_name: str) -> tuple[int, str]:
    list_id, client_id = call.integer("orderListId", 0), call.text(client_name, "")
    if not list_id and not client_id:
        raise missing("orderListId")
    return list_id, client_id


@endpoint("GET /api/v3/orderList", method="orderList.status", security=_SIGNED, weight=4)
async def status(call: Call) -> object:
    await call.exchange.desk.committed()
    list_id, client_id = _names(call, "origClientOrderId")
    for found in reversed(call.exchange.storage.order_lists(call.owner, _SEARCHED)):
        if found.list_id == list_id or (client_id and found.client_id == client_id):
            return wire.order_list(found)
    raise RefusedError(-2013, "Order list does not exist.")


@endpoint("GET /api/v3/allOrderList", method="allOrderLists", security=_SIGNED, weight=20)
async def all_lists(call: Call) -> object:
    await call.exchange.desk.committed()
    limit = call.limit(500, 1000)
    return [wire.order_list(x) for x in call.exchange.storage.order_lists(call.owner, limit)]


@endpoint("GET /api/v3/openOrderList", method="openOrderLists.status", security=_SIGNED, weight=6)
async def open_lists(call: Call) -> object:
    await call.exchange.desk.committed()
    lists = call.exchange.engine.lists.open.values()
    return [wire.order_list(x) for x in lists if x.account == call.owner]
