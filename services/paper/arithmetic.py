"""Small sums of the matching engine: what is better, what is reached, what it costs."""

from . import orders as o
from . import units
from .book import Level


def better(side: str, price: int, than: int) -> bool:
    """Is a resting price strictly better (served earlier) on this side of the book?"""
    return price > than if side == o.BUY else price < than


def reached(kind: str, side: str, stop_price: int, last: int) -> bool:
    """Has the last price reached the stop? Stop-losses wait behind the market, take-profits ahead of it."""
    rising = (side == o.BUY) == (kind in (o.STOP_LOSS, o.STOP_LOSS_LIMIT))
    return last >= stop_price if rising else last <= stop_price


def cost_at(price: int, quantity: int) -> int:
    """Rounded up: a fill must never need more than was locked."""
    return -((-price * quantity) // units.UNIT)


def cost(levels: list[Level], quantity: int) -> int:
    """What the best levels ask for `quantity`; less when they do not have so much."""
    cost = 0
    for level in levels:
        taken = min(quantity, level.quantity)
        cost += cost_at(level.price, taken)
        quantity -= taken
        if not quantity:
            break
    return cost


def base_for(levels: list[Level], value: int, step: int) -> int:
    """Base units that must be sold into the levels to get `value` of quote."""
    base = 0
    for level in levels:
        wanted = units.floor(value * units.UNIT // level.price, step)
        taken = min(wanted, level.quantity)
        base += taken
        value -= units.multiply(level.price, taken)
        if taken < level.quantity:
            break
    return base
