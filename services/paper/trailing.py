"""Trailing stops (`trailingDelta`): the trigger follows the price where that is good for the order.

A sell remembers the highest price since it began to follow, a buy the lowest; it is triggered when the price
comes back by so many basis points (1/10,000). With a stop price it begins to follow when that is reached.
"""

from . import orders as o
from .orders import Order

BASIS = 10_000


def begin(order: Order, last: int, now_ms: int) -> None:
    """An order that trails and has no stop price follows from the price it finds."""
    if order.trailing_delta and not order.stop_price and last:
        order.extreme, order.trailing_ms = last, now_ms


def follow(order: Order, last: int, now_ms: int) -> bool:
    """Take a new price after the stop price was reached; whether that changed what the order remembers."""
    if not order.extreme:
        order.extreme, order.trailing_ms = last, now_ms
        return True
    better = last > order.extreme if order.side == o.SELL else last < order.extreme
    if better:
        order.extreme = last
    return better


def came_back(order: Order, last: int) -> bool:
    """Whether the price came back far enough from the best one. Exact: no division."""
    if not order.extreme:
        return False
    if order.side == o.SELL:
        return last * BASIS <= order.extreme * (BASIS - order.trailing_delta)
    return last * BASIS >= order.extreme * (BASIS + order.trailing_delta)
