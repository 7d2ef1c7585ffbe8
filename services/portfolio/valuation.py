"""From the account to the history: units, flows, and what was there when we began."""

from dataclasses import dataclass
from decimal import Decimal

from ...bus.contracts.trade import Portfolio
from ..accounting import fund
from ..accounting.exact import ZERO, add, multiply, subtract, total
from ..accounting.executions import Executions
from ..accounting.fund import Fund
from ..accounting.subpositions import assets_of
from .keeping import OPENING, TRANSFER, Keeper, NewFlow

_POINT_EVERY_MS = 60_000


@dataclass(frozen=True, slots=True)
class Moment:
    """The portfolio now."""

    ts_ms: int
    currency: str
    equity: Decimal
    flow: Decimal
    fund: Fund


class Valuation:
    """Makes points of the history."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        last = keeper.last()
        self._fund: Fund | None = None if last is None else last[0]
        self._written_ms = 0 if last is None else last[1]
        self._transferred = keeper.transferred()
        self._before: dict[str, Decimal] | None = None
        self._openings: dict[str, Decimal] = {
            flow.asset: flow.amount for flow in keeper.flows() if flow.kind == OPENING
        }

    def take(
        self, portfolio: Portfolio, executions: Executions, prices: dict[str, Decimal], now_ms: int
    ) -> Moment | None:
        """Value the account; None while its equity is not known or its beginning is not clear yet."""
        if portfolio.equity is None:
            return None
        equity, currency = portfolio.equity.equity, portfolio.equity.currency
        flows = self._new_flows(portfolio, prices)
        flow = ZERO
        for one in flows:
            flow = add(flow, multiply(one.amount, one.price or ZERO))
        if self._fund is None:
            opening = self._opening(portfolio, executions, prices, currency)
            if opening is None:
                return None
            return self._begin(equity, currency, [*opening, *flows], now_ms)
        self._fund = self._fund.valued(equity, flow)
        if flows or now_ms - self._written_ms >= _POINT_EVERY_MS:
            self._keeper.keep_point(now_ms, currency, equity, self._fund, flow=flow, flows=flows)
            self._written_ms = now_ms
        self._remember(flows)
        return Moment(now_ms, currency, equity, flow, self._fund)

    def _begin(self, equity: Decimal, currency: str, flows: list[NewFlow], now_ms: int) -> Moment:
        self._fund = fund.begun(equity)
        self._keeper.keep_point(now_ms, currency, equity, self._fund, flows=flows)
        self._written_ms = now_ms
        self._remember(flows)
        return Moment(now_ms, currency, equity, ZERO, self._fund)

    def _new_flows(self, portfolio: Portfolio, prices: dict[str, Decimal]) -> list[NewFlow]:
        """What came from outside since we looked last."""
        found = []
        for asset in sorted({*portfolio.transferred, *self._transferred}):
            amount = subtract(portfolio.transferred.get(asset, ZERO), self._transferred.get(asset, ZERO))
            if amount:
                found.append(NewFlow(TRANSFER, asset, amount, prices.get(asset)))
        return found

    def unexplained(self, portfolio: Portfolio, executions: Executions, asset: str) -> Decimal:
        """What the account holds of an asset beyond what was there, came from outside and was traded: not
        zero while fills are on their way to us.
        """
        held = total(balance.total for balance in portfolio.balances if balance.asset == asset)
        known = total(
            (
                self._openings.get(asset, ZERO),
                portfolio.transferred.get(asset, ZERO),
                traded_of(executions).get(asset, ZERO),
            )
        )
        return subtract(held, known)

    def _remember(self, flows: list[NewFlow]) -> None:
        for one in flows:
            if one.kind == OPENING:
                self._openings[one.asset] = one.amount
            if one.kind == TRANSFER:
                self._transferred[one.asset] = add(self._transferred.get(one.asset, ZERO), one.amount)

    def _opening(
        self,
        portfolio: Portfolio,
        executions: Executions,
        prices: dict[str, Decimal],
        currency: str,
    ) -> list[NewFlow] | None:
        """Coins that were there before this home traded: the balance less what fills and transfers explain.

        None until two readings agree: a fill between the answers would be taken for coins of old.
        """
        held = {balance.asset: balance.total for balance in portfolio.balances}
        before, self._before = self._before, held
        if before != held:
            return None
        traded = traded_of(executions)
        found = []
        for asset, amount in sorted(held.items()):
            rest = subtract(amount, traded.get(asset, ZERO))
            rest = subtract(rest, portfolio.transferred.get(asset, ZERO))
            if asset != currency and rest > 0:
                found.append(NewFlow(OPENING, asset, rest, prices.get(asset)))
        return found


def traded_of(executions: Executions) -> dict[str, Decimal]:
    """What all fills changed, by asset."""
    found: dict[str, Decimal] = {}
    for fill in executions.fills.values():
        base, quote = assets_of(fill.symbol)
        sign = 1 if fill.side == "buy" else -1
        found[base] = add(found.get(base, ZERO), sign * fill.amount)
        found[quote] = subtract(found.get(quote, ZERO), sign * fill.cost)
        if fill.fee:
            found[fill.fee_currency] = subtract(found.get(fill.fee_currency, ZERO), fill.fee)
    return found
