"""Orders, fills and round trips of a backtest. Money is Decimal."""

from dataclasses import dataclass
from decimal import Decimal

import msgspec

ZERO = Decimal(0)


class Order(msgspec.Struct, frozen=True, gc=False):
    """An order that works in the simulated venue. `limit` None is a market order."""

    side: str
    amount: Decimal
    limit: Decimal | None
    reason: str


class Execution(msgspec.Struct, frozen=True, gc=False):
    """One execution: candle's index, sign (1 buy, -1 sell), price, amount, fee in quote units, and why."""

    index: int
    sign: int
    price: Decimal
    amount: Decimal
    fee: Decimal
    reason: str


@dataclass(frozen=True, slots=True)
class Trade:
    """From flat to flat.

    Args:
        entry_bar: index of the candle of the first buy; exit_bar: of the last sell.
        entry_price: average price paid; exit_price: average price got.
        qty: base units bought.
        pnl_net: quote units, fees taken off.
    """

    entry_bar: int
    exit_bar: int
    entry_price: Decimal
    exit_price: Decimal
    qty: Decimal
    pnl_net: Decimal
    reason: str


def round_trips(executions: list[Execution]) -> list[Trade]:
    """The closed trades of a run, oldest first; a position that is still open is left out."""
    trades: list[Trade] = []
    held = bought = sold = paid = got = ZERO
    first = 0
    reason = ""
    for execution in executions:
        if not held:
            bought = sold = paid = got = ZERO
            first, reason = execution.index, execution.reason
        value = execution.price * execution.amount
        if execution.sign > 0:
            held += execution.amount
            bought += execution.amount
            paid += value
            got -= execution.fee
        else:
            held -= execution.amount
            sold += value
            got += value - execution.fee
        if not held:
            trades.append(
                Trade(first, execution.index, paid / bought, sold / bought, bought, got - paid, reason)
            )
    return trades
