"""Who made the money: profit of a period by strategy and market, exact, and what nobody's fills explain."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from ...bus.contracts.analytics import Contribution
from ...bus.contracts.trade import Fill
from ..accounting.exact import ZERO, add, divide, subtract
from ..accounting.subpositions import FeePrice, SubPosition, SubPositions

Prices = Mapping[str, Decimal]
_State = dict[tuple[str, str], tuple[Decimal, Decimal]]


def contributions(
    fills: Sequence[Fill],
    from_ms: int,
    before: Prices,
    after: Prices,
    start_equity: Decimal,
    fee_price: FeePrice,
) -> list[Contribution]:
    """What each strategy made in each market after `from_ms`, the largest first.

    Profit is what was realised plus the change of what is open, at the prices of both ends. Coins that a
    stop or a person sold are closed where they were held (accounting/subpositions.py).

    Args:
        fills: all since the beginning of the account, oldest first.
        before, after: market prices at both ends; what is open in a market without one counts at its cost.
    """
    books = SubPositions(fee_price)
    begun: _State | None = None
    for fill in fills:
        if begun is None and fill.ts_ms > from_ms:
            begun = _state(books.all.values(), before)
        books.take(fill)
    if begun is None:
        begun = _state(books.all.values(), before)
    found = []
    for key, (realised, open_) in _state(books.all.values(), after).items():
        was_realised, was_open = begun.get(key, (ZERO, ZERO))
        made, changed = subtract(realised, was_realised), subtract(open_, was_open)
        if not made and not changed:
            continue
        profit = add(made, changed)
        found.append(
            Contribution(
                strategy=key[0],
                symbol=key[1],
                profit=profit,
                realised=made,
                unrealised=changed,
                part=float(divide(profit, start_equity)) if start_equity else 0.0,
            )
        )
    return sorted(found, key=lambda one: (-one.profit, one.strategy, one.symbol))


def _state(positions: Iterable[SubPosition], prices: Prices) -> _State:
    return {
        (one.owner, one.symbol): (one.realised, one.unrealised(prices.get(one.symbol))) for one in positions
    }
