"""What a new order must fulfil before the engine takes it, and what it must hold."""

from collections.abc import Sequence

from . import orders as o
from .arithmetic import base_for, cost, cost_at, reached
from .book import Market, crosses, opposite
from .orders import NewOrder, Order, RefusedError


def check(market: Market, request: NewOrder, open_orders: Sequence[Order]) -> None:
    """Filters, names, counts, and whether it would act at once where it must not.

    Args:
        open_orders: of the same account on the same market.

    Raises:
        RefusedError: with Binance's code.
    """
    market.rules.check(request, market.last)
    if request.client_id and any(order.client_id == request.client_id for order in open_orders):
        raise RefusedError(-2010, "Duplicate order sent.")
    if len(open_orders) >= market.rules.max_orders:
        raise RefusedError(-1013, "Filter failure: MAX_NUM_ORDERS")
    stop = request.type in o.TRIGGERED
    if stop and sum(order.waiting for order in open_orders) >= market.rules.max_stop_orders:
        raise RefusedError(-1013, "Filter failure: MAX_NUM_ALGO_ORDERS")
    if (
        request.stop_price
        and market.last
        and reached(request.type, request.side, request.stop_price, market.last)
    ):
        raise RefusedError(-2010, "Stop price would trigger immediately.")
    best = market.best_price(opposite(request.side))
    if request.type == o.LIMIT_MAKER and best and crosses(request.side, request.price, best):
        raise RefusedError(-2010, "Order would immediately match and take.")


def needs(market: Market, request: NewOrder) -> int:
    """What an order must lock of the asset it pays with."""
    if request.side == o.SELL:
        return quantity(market, request)
    if request.quote_quantity:
        return request.quote_quantity
    if request.type == o.MARKET:
        return cost(market.available(o.BUY, 0), request.quantity)
    return cost_at(request.price or request.stop_price or market.last, request.quantity)


def quantity(market: Market, request: NewOrder) -> int:
    """Base units of an order; one by value gets what the book gives for the money now.

    Raises:
        RefusedError: not even one step.
    """
    if not request.quote_quantity:
        return request.quantity
    found = base_for(market.available(request.side, 0), request.quote_quantity, market.rules.step)
    if not found:
        raise RefusedError(-1013, "Filter failure: MARKET_LOT_SIZE")
    return found
