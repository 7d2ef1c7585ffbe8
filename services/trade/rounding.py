"""Amounts and prices on a market's grid, always to the safe side."""

from dataclasses import replace
from decimal import Decimal

from ..connectors.venue import Market, OrderRequest
from . import money


def amount(market: Market, value: Decimal) -> Decimal:
    """Down: never more than was wished for or is there."""
    return money.floor_to(value, market.step)


def price(market: Market, side: str, value: Decimal) -> Decimal:
    """A buy pays no more than was said, a sell takes no less."""
    return money.floor_to(value, market.tick) if side == "buy" else money.ceil_to(value, market.tick)


def request(market: Market, asked: OrderRequest) -> OrderRequest:
    """The order on the market's grid."""
    return replace(
        asked,
        amount=amount(market, asked.amount),
        price=None if asked.price is None else price(market, asked.side, asked.price),
        stop_price=None if asked.stop_price is None else stop_price(market, asked.side, asked.stop_price),
    )


def stop_price(market: Market, side: str, value: Decimal) -> Decimal:
    """Earlier rather than later: a protective sell stop up, a protective buy stop down."""
    return money.ceil_to(value, market.tick) if side == "sell" else money.floor_to(value, market.tick)
