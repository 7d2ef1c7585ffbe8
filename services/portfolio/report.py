"""The portfolio as people read it."""

from collections.abc import Sequence
from decimal import Decimal

from msgspec import structs

from ...bus.contracts.portfolio import (
    OtherHolding,
    PortfolioReport,
    PortfolioWeight,
    SourcePosition,
    StrategyBudget,
)
from ...bus.contracts.trade import Balance
from ...configs.accounts import MAIN
from ...configs.schema import Settings
from ..accounting.exact import ONE, ZERO, add, divide, multiply, scale, subtract, total
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
    balances: Sequence[Balance],
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
        balances: all that the account holds.
        markets: what is balanced, with targets.
    """
    currency = moment.currency if moment is not None else ""
    return PortfolioReport(
        currency=currency,
        equity=None if moment is None else moment.equity,
        method=settings.portfolio.method,
        weights=[]
        if moment is None
        else _weights(
            balances,
            inputs.markets.values_of_one(currency),
            moment,
            markets,
            cash,
            with_targets=with_targets,
        ),
        sources=_sources(inputs),
        account=inputs.account,
        others=_others(settings, inputs, currency) if inputs.account == MAIN else [],
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
    balances: Sequence[Balance],
    prices: dict[str, Decimal],
    moment: Moment,
    markets: Sequence[Held],
    cash: Decimal,
    *,
    with_targets: bool,
) -> list[PortfolioWeight]:
    """All that the account holds and has a price, and the markets that are wanted; the cash last."""
    currency, own = moment.currency, {market.symbol: market for market in markets}
    amounts = {market.symbol: ZERO for market in markets}
    for balance in balances:
        symbol = f"{balance.asset}/{currency}"
        if balance.asset in prices and balance.asset != currency and (balance.total or symbol in own):
            amounts[symbol] = add(amounts.get(symbol, ZERO), balance.total)
    whole = equity_of(markets, cash)
    rest = subtract(ONE, total(market.target for market in markets))
    held_cash = total(balance.total for balance in balances if balance.asset == currency)
    rows = [
        _weight(symbol, amount, prices.get(symbol.partition("/")[0], ZERO), moment.equity)
        for symbol, amount in sorted(amounts.items())
    ]
    rows.append(_weight(currency, held_cash, ONE, moment.equity))
    parts = {symbol: (market.amount, market.value, market.target) for symbol, market in own.items()}
    parts[currency] = (cash, cash, rest)
    return [_balanced(row, parts.get(row.symbol), whole, with_targets=with_targets) for row in rows]


def _weight(symbol: str, amount: Decimal, price: Decimal, equity: Decimal) -> PortfolioWeight:
    value = multiply(amount, price)
    return PortfolioWeight(
        symbol=symbol,
        amount=amount,
        price=price,
        value=value,
        weight=scale(divide(value, equity), ONE) if equity > 0 else ZERO,
        target=None,
        drift=None,
        left_alone=amount,
    )


def _balanced(
    row: PortfolioWeight,
    part: tuple[Decimal, Decimal, Decimal] | None,
    whole: Decimal,
    *,
    with_targets: bool,
) -> PortfolioWeight:
    """With the (amount, value, target) of what is balanced of it; as it is when nothing is."""
    if part is None or not with_targets or whole <= 0:
        return row
    amount, value, target = part
    own_weight = scale(divide(value, whole), ONE)
    return structs.replace(
        row,
        target=target,
        drift=subtract(own_weight, target),
        left_alone=max(subtract(row.amount, amount), ZERO),
        own_weight=own_weight,
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
                account=inputs.account,
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
