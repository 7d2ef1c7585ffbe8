"""Orders, fills and round trips of a backtest. Money is Decimal."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

import msgspec

ZERO = Decimal(0)


class Order(msgspec.Struct, gc=False):
    """An order that works in the simulated venue. `limit` None is a market order.

    Args:
        amount: base units still to be filled.
        number: names it; counts up within a run.
        trigger: it sleeps until the price rises (a buy) or falls (a sell) to this.
        stop: once bought, what was bought is guarded by a stop order at this price.
        take: once bought, what was bought rests for sale at this price.
        leg: number of the bracket that it is a leg of; 0 is none.
        from_ms: it reaches the venue then.
        filled: base units filled so far.
        rested: it has waited at the venue, so it pays the maker's fee.
    """

    side: str
    amount: Decimal
    limit: Decimal | None
    reason: str
    number: int = 0
    trigger: Decimal | None = None
    stop: Decimal | None = None
    take: Decimal | None = None
    leg: int = 0
    from_ms: int = 0
    filled: Decimal = ZERO
    rested: bool = False


class Execution(msgspec.Struct, frozen=True, gc=False):
    """One execution: candle's index, sign (1 buy, -1 sell), price, amount, fee in quote units, and why.

    `flow` is what it did to the money, fee included. `symbol` is "" in the strategy's own market; `ts_ms`
    is 0 where only the candle is known; `number` is that of the order.
    """

    index: int
    sign: int
    price: Decimal
    amount: Decimal
    fee: Decimal
    flow: Decimal
    reason: str
    symbol: str = ""
    ts_ms: int = 0
    number: int = 0


@dataclass(frozen=True, slots=True)
class Trade:
    """From flat to flat.

    Args:
        entry_bar: index of the candle of the first buy; exit_bar: of the last sell.
        entry_price: average price paid; exit_price: average price got.
        qty: base units bought.
        pnl_net: quote units, fees taken off.
        symbol: "" in the strategy's own market.
    """

    entry_bar: int
    exit_bar: int
    entry_price: Decimal
    exit_price: Decimal
    qty: Decimal
    pnl_net: Decimal
    reason: str
    symbol: str = ""


def round_trips(executions: Iterable[Execution]) -> list[Trade]:
    """The closed trades of a run, in the order of their ends; a position that is still open is left out."""
    trades: list[Trade] = []
    parts: dict[str, list[Execution]] = {}
    held: dict[str, Decimal] = {}
    for execution in executions:
        symbol = execution.symbol
        part = parts.setdefault(symbol, [])
        part.append(execution)
        before = held.get(symbol, ZERO)
        after = before + execution.amount if execution.sign > 0 else before - execution.amount
        held[symbol] = after
        if not after:
            trades.append(_trade(part))
            parts[symbol] = []
    return trades


def _trade(part: list[Execution]) -> Trade:
    first, last = part[0], part[-1]
    if len(part) == 2:
        gain = first.flow + last.flow
        return Trade(
            first.index,
            last.index,
            first.price,
            last.price,
            first.amount,
            gain,
            first.reason,
            first.symbol,
        )
    bought = [execution for execution in part if execution.sign > 0]
    sold = [execution for execution in part if execution.sign < 0]
    amount = sum((execution.amount for execution in bought), ZERO)
    paid = sum((execution.price * execution.amount for execution in bought), ZERO)
    got = sum((execution.price * execution.amount for execution in sold), ZERO)
    gain = sum((execution.flow for execution in part), ZERO)
    return Trade(
        first.index, last.index, paid / amount, got / amount, amount, gain, first.reason, first.symbol
    )
