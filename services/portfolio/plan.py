"""Which orders bring the weights back, and which are not worth their costs. Pure.

A deviation d of a market with variance s2 (over the horizon that it is thought to last) costs an investor of
risk aversion a about a * s2 * d^2 / 2 of the portfolio (the second-order loss of mean-variance utility;
Donohue and Yip, "Optimal portfolio rebalancing with transaction costs", Journal of Portfolio Management 29,
2003). Correcting it costs fee and half the spread on d. It is done when it brings more than it costs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Decimal

from msgspec import structs

from ...bus.contracts.portfolio import PlannedOrder
from ...configs.sections.portfolio import PortfolioSettings
from ..accounting.exact import ONE, ZERO, divide, money, multiply, rounded, scale, subtract, total

_HUNDRED, _TWO = Decimal(100), Decimal(2)
# Prices move between the plan and the last buy.
_CASH_KEPT = Decimal("0.995")
_TENTH_CENT = Decimal("0.00000001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One market of the portfolio.

    Args:
        amount: in base units, without what is to be left alone.
        step, least_amount, least_value: what the venue takes; zero while it has not told.
        spread_percent: None while no book is known; it then counts as nothing.
        daily_volatility: standard deviation of a day's return; None while it is not known.
    """

    symbol: str
    amount: Decimal
    price: Decimal
    target: Decimal
    step: Decimal = ZERO
    least_amount: Decimal = ZERO
    least_value: Decimal = ZERO
    spread_percent: Decimal | None = None
    daily_volatility: float | None = None

    @property
    def value(self) -> Decimal:
        return multiply(self.amount, self.price)


def equity_of(markets: Sequence[Held], cash: Decimal) -> Decimal:
    """What is divided."""
    return total((cash, *(market.value for market in markets)))


def orders(markets: Sequence[Held], cash: Decimal, settings: PortfolioSettings) -> list[PlannedOrder]:
    """One line a market, sells first, then by size; those that are left out say why."""
    equity = equity_of(markets, cash)
    if equity <= 0:
        return []
    limit = divide(settings.drift_percent, _HUNDRED)
    drifts = {market.symbol: abs(_drift(market, equity)) for market in markets}
    cash_drift = abs(
        subtract(divide(cash, equity), subtract(ONE, total(market.target for market in markets)))
    )
    # When one weight is out, the others are brought in on the same occasion, if that is worth it.
    due = max((*drifts.values(), cash_drift), default=ZERO) > limit
    found = [_order(market, equity, settings, due=due) for market in markets]
    found = _within_cash(found, {market.symbol: market for market in markets}, cash, settings)
    return sorted(found, key=lambda order: (order.skipped, order.side == "buy", -order.value, order.symbol))


def _drift(market: Held, equity: Decimal) -> Decimal:
    return subtract(divide(market.value, equity), market.target)


def _order(market: Held, equity: Decimal, settings: PortfolioSettings, *, due: bool) -> PlannedOrder:
    weight = divide(market.value, equity)
    drift = subtract(weight, market.target)
    amount = _on_grid(divide(multiply(abs(drift), equity), market.price), market.step)
    if drift > 0:
        amount = min(amount, _on_grid(market.amount, market.step))
    value = multiply(amount, market.price)
    moved = divide(value, equity)
    cost = _cost(market, value, settings)
    benefit = _benefit(market, moved, equity, settings)
    order = PlannedOrder(
        symbol=market.symbol,
        side="sell" if drift > 0 else "buy",
        amount=amount,
        price=market.price,
        value=value,
        weight=scale(weight, ONE),
        target=market.target,
        cost=cost,
        benefit=benefit,
        skipped=False,
        reason="",
    )
    why_not = _why_not(order, market, settings, due=due)
    return order if not why_not else _left_out(order, why_not)


def _why_not(order: PlannedOrder, market: Held, settings: PortfolioSettings, *, due: bool) -> str:
    """Why a correction is not made; "" when it is."""
    if not due:
        return f"no weight is off by more than {settings.drift_percent} %"
    least = max(market.least_value, settings.min_order_value)
    if order.value < least or order.amount < market.least_amount or not order.amount:
        return f"{rounded(order.value)} is less than the smallest order of {rounded(least)}"
    if not settings.risk_aversion:
        return ""
    if order.benefit is None:
        return "too few prices are known to weigh its benefit against its costs"
    if order.benefit <= order.cost:
        return f"it would cost {rounded(order.cost)} and bring {rounded(order.benefit)}"
    return ""


def _cost(market: Held, value: Decimal, settings: PortfolioSettings) -> Decimal:
    half_spread = divide(market.spread_percent or ZERO, _TWO)
    return scale(value, divide(settings.fee_percent + half_spread, _HUNDRED))


def _benefit(market: Held, moved: Decimal, equity: Decimal, settings: PortfolioSettings) -> Decimal | None:
    if not settings.risk_aversion:
        return None
    if market.daily_volatility is None:
        return None
    variance = money(market.daily_volatility**2 * settings.horizon_days)
    utility = divide(multiply(multiply(settings.risk_aversion, variance), multiply(moved, moved)), _TWO)
    return scale(utility, equity)


def _within_cash(
    found: list[PlannedOrder], markets: dict[str, Held], cash: Decimal, settings: PortfolioSettings
) -> list[PlannedOrder]:
    """Buys that cash and proceeds can pay; all are made smaller alike when they cannot."""
    made = [order for order in found if not order.skipped]
    incoming = total(subtract(order.value, order.cost) for order in made if order.side == "sell")
    outgoing = total((order.value + order.cost) for order in made if order.side == "buy")
    there = scale(total((max(cash, ZERO), incoming)), _CASH_KEPT)
    if outgoing <= there or not outgoing:
        return found
    factor = divide(there, outgoing)
    return [
        _smaller(order, markets[order.symbol], factor, settings)
        if order.side == "buy" and not order.skipped
        else order
        for order in found
    ]


def _smaller(order: PlannedOrder, market: Held, factor: Decimal, settings: PortfolioSettings) -> PlannedOrder:
    amount = _on_grid(scale(order.amount, factor), market.step)
    value = multiply(amount, order.price)
    least = max(market.least_value, settings.min_order_value)
    if value < least or amount < market.least_amount or not amount:
        return _left_out(order, "there is too little cash for it")
    return structs.replace(order, amount=amount, value=value, cost=scale(order.cost, factor))


def _left_out(order: PlannedOrder, reason: str) -> PlannedOrder:
    return structs.replace(order, skipped=True, reason=reason)


def _on_grid(amount: Decimal, step: Decimal) -> Decimal:
    """Down to the venue's step; eight decimals while that is not known."""
    size = step if step > 0 else _TENTH_CENT
    count = divide(amount, size).to_integral_value(ROUND_DOWN)
    return multiply(count, size)


def without(market: Held, amount: Decimal) -> Held:
    """A market less what is to be left alone there."""
    return replace(market, amount=max(subtract(market.amount, amount), ZERO))
