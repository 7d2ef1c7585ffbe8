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
    """One execution: candle's index, sign (1 buy, -1 sell), price, amount, fee in quote units, and why.

    `flow` is what it did to the money, fee included.
    """

    index: int
    sign: int
    price: Decimal
    amount: Decimal
    fee: Decimal
    flow: Decimal
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
    part: list[Execution] = []
    held = ZERO
    for execution in executions:
        part.append(execution)
        held = held + execution.amount if execution.sign > 0 else held - execution.amount
        if not held:
            trades.append(_trade(part))
            part = []
    return trades


def _trade(part: list[Execution]) -> Trade:
    first, last = part[0], part[-1]
    if len(part) == 2:
        gain = first.flow + last.flow
        return Trade(first.index, last.index, first.price, last.price, first.amount, gain, first.reason)
    bought = [execution for execution in part if execution.sign > 0]
    sold = [execution for execution in part if execution.sign < 0]
    amount = sum((execution.amount for execution in bought), ZERO)
    paid = sum((execution.price * execution.amount for execution in bought), ZERO)
    got = sum((execution.price * execution.amount for execution in sold), ZERO)
    gain = sum((execution.flow for execution in part), ZERO)
    return Trade(first.index, last.index, paid / amount, got / amount, amount, gain, first.reason)
