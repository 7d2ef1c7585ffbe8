"""From the account to the history: a point now and then, in units, with what came and went."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from decimal import Decimal

from ...bus.contracts.trade import Equity, Portfolio
from ..accounting import fund
from ..accounting.exact import ZERO, multiply, subtract, total
from .history import Point


class Keeping:
    """Makes points, each from the one before.

    Args:
        last: the newest point that is written.
        transferred: what of each asset's transfers it and those before it count.
    """

    def __init__(self, last: Point | None, transferred: Mapping[str, Decimal]) -> None:
        self.last, self.transferred = last, dict(transferred)

    def look(
        self, portfolio: Portfolio, values: Mapping[str, Decimal], prices: Mapping[str, Decimal], now_ms: int
    ) -> Point | None:
        """The account now; None while its equity, or the price of what came or went, is not known.

        Args:
            values: price of one unit by asset, in the account's currency.
        """
        equity = portfolio.equity
        if equity is None:
            return None
        if self.last is None:
            begun = fund.begun(equity.equity)
            return Point(now_ms, equity.currency, equity.equity, ZERO, begun.units, begun.price, prices)
        flow = self._flow(portfolio, values)
        if flow is None or now_ms <= self.last.ts_ms:
            return None
        valued = self.last.fund.valued(equity.equity, flow)
        return Point(now_ms, equity.currency, equity.equity, flow, valued.units, valued.price, prices)

    def _flow(self, portfolio: Portfolio, values: Mapping[str, Decimal]) -> Decimal | None:
        changes = {
            asset: subtract(amount, self.transferred.get(asset, ZERO))
            for asset, amount in portfolio.transferred.items()
        }
        moved = {asset: amount for asset, amount in changes.items() if amount}
        if not all(asset in values for asset in moved):
            return None
        return total(multiply(amount, values[asset]) for asset, amount in moved.items())

    def written(self, point: Point, portfolio: Portfolio) -> None:
        """The point is in the history, and so is what was transferred."""
        self.last, self.transferred = point, dict(portfolio.transferred)


def past(
    equity: Sequence[Equity],
    closes: Mapping[str, Sequence[tuple[int, Decimal]]],
    interval_ms: int,
    stale_ms: int,
) -> list[Point]:
    """Points of the time before analytics ran, at most one for each interval, without flows.

    Args:
        closes: (time, price) of each market, oldest first; prices older than `stale_ms` are not taken.
    """
    times = {symbol: [when for when, _ in rows] for symbol, rows in closes.items()}
    found: list[Point] = []
    for one in equity:
        if found and one.ts_ms - found[-1].ts_ms < interval_ms:
            continue
        prices = {}
        for symbol, rows in closes.items():
            at = bisect_right(times[symbol], one.ts_ms) - 1
            if at >= 0 and one.ts_ms - rows[at][0] <= stale_ms:
                prices[symbol] = rows[at][1]
        value = found[-1].fund.valued(one.equity) if found else fund.begun(one.equity)
        found.append(Point(one.ts_ms, one.currency, one.equity, ZERO, value.units, value.price, prices))
    return found
