"""The portfolio as people read it."""

from collections.abc import Sequence
from decimal import Decimal

from ...bus.contracts.portfolio import (
    OtherHolding,
    PortfolioReport,
    PortfolioWeight,
    SourcePosition,
    StrategyBudget,
)
from ...configs.schema import Settings
from ..accounting.exact import ONE, ZERO, divide, multiply, scale, subtract, total
from . import performance
from .inputs import Inputs
from .performance import Point
from .plan import Held, equity_of
from .valuation import Moment


def report(
    settings: Settings,
    inputs: Inputs,
    turns: Sequence[Point],
    moment: Moment | None,
    markets: Sequence[Held],
    cash: Decimal,
    *,
    with_targets: bool,
    note: str,
    budgets: list[StrategyBudget],
) -> PortfolioReport:
    """Everything at once.

    Args:
        turns: the first point of the history and those with a flow.
        moment: now; None while the account is not known.
        markets: of the portfolio, with their targets.
    """
    currency = moment.currency if moment is not None else ""
    return PortfolioReport(
        currency=currency,
        equity=None if moment is None else moment.equity,
        method=settings.portfolio.method,
        weights=_weights(markets, cash, currency, with_targets=with_targets),
        sources=_sources(inputs),
        others=_others(settings, inputs, currency),
        returns=None if moment is None else performance.figures(_with_now(turns, moment)),
        note=note,
        budgets=budgets,
    )


def _with_now(turns: Sequence[Point], moment: Moment) -> list[Point]:
    """The newest point is now; a flow that it brought is in the history already."""
    if turns and turns[-1].ts_ms >= moment.ts_ms:
        return list(turns)
    return [*turns, Point(moment.ts_ms, moment.equity, ZERO, moment.fund.price)]


def _weights(
    markets: Sequence[Held], cash: Decimal, currency: str, *, with_targets: bool
) -> list[PortfolioWeight]:
    equity = equity_of(markets, cash)
    if equity <= 0:
        return []
    rows = [
        _weight(market.symbol, market.amount, market.price, market.target, equity, with_targets)
        for market in markets
    ]
    rest = subtract(ONE, total(market.target for market in markets))
    return [*rows, _weight(currency, cash, ONE, rest, equity, with_targets)]


def _weight(
    symbol: str, amount: Decimal, price: Decimal, target: Decimal, equity: Decimal, with_target: bool
) -> PortfolioWeight:
    value = multiply(amount, price)
    weight = scale(divide(value, equity), ONE)
    return PortfolioWeight(
        symbol=symbol,
        amount=amount,
        price=price,
        value=value,
        weight=weight,
        target=target if with_target else None,
        drift=subtract(weight, target) if with_target else None,
    )


def _sources(inputs: Inputs) -> list[SourcePosition]:
    closed: dict[tuple[str, str], int] = {}
    for trade in inputs.executions.trades:
        closed[trade.owner, trade.symbol] = closed.get((trade.owner, trade.symbol), 0) + 1
    found = []
    for (source, symbol), position in sorted(inputs.executions.positions.all.items()):
        price = inputs.markets.prices.get(symbol)
        found.append(
            SourcePosition(
                source=source,
                symbol=symbol,
                amount=position.amount,
                average=position.average,
                value=ZERO if price is None else multiply(position.amount, price),
                realised_pnl=position.realised,
                unrealised_pnl=position.unrealised(price),
                fees=position.fees,
                fills=position.fills,
                closed_trades=closed.get((source, symbol), 0),
            )
        )
    return found


def _others(settings: Settings, inputs: Inputs, currency: str) -> list[OtherHolding]:
    prices = inputs.markets.values_of_one(currency)
    return [
        OtherHolding(
            account=account,
            asset=asset,
            amount=amount,
            value=multiply(amount, prices[asset]) if asset in prices else None,
        )
        for account, held in sorted(settings.portfolio.other_accounts.items())
        for asset, amount in sorted(held.items())
    ]
