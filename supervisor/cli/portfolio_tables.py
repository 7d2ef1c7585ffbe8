"""How answers of the portfolio service read in a terminal."""

from decimal import Decimal

from ...bus.contracts.portfolio import PlannedOrder, PortfolioReport, RebalancePlan, SentOrder
from .accounts import with_account, with_name
from .output import Column, print_table, rounded
from .styles import money_style, side_style, state_style

PLAN = (
    Column("market"),
    Column("side", style=side_style),
    Column("amount", right=True),
    Column("value", right=True),
    Column("weight", right=True),
    Column("target", right=True),
    Column("costs", right=True),
    Column("worth", right=True),
    Column("left out because"),
)
SENT = (
    Column("market"),
    Column("side", style=side_style),
    Column("amount", right=True),
    Column("filled", right=True),
    Column("average", right=True),
    Column("state", style=state_style),
    Column("why"),
)
WEIGHTS = (
    Column("market"),
    Column("amount", right=True),
    Column("value", right=True),
    Column("weight", right=True),
    Column("left alone", right=True),
    Column("own weight", right=True),
    Column("target", right=True),
    Column("drift", right=True),
)
SOURCES = (
    Column("strategy"),
    Column("market"),
    Column("amount", right=True),
    Column("value", right=True),
    Column("realised", right=True, style=money_style),
    Column("unrealised", right=True, style=money_style),
    Column("trades", right=True),
)
ACCOUNTS = (
    Column("account"),
    Column("venue"),
    Column("equity", right=True),
    Column("part", right=True),
    Column("trading", style=state_style),
)
BUDGETS = (
    Column("strategy"),
    Column("part", right=True),
    Column("may use", right=True),
    Column("uses", right=True),
)
OTHERS = (
    Column("elsewhere"),
    Column("asset"),
    Column("amount", right=True),
    Column("value", right=True),
)


def part(weight: Decimal | None) -> str:
    """A weight as a percentage."""
    return "-" if weight is None else f"{weight * 100:.2f} %"


def money(value: Decimal | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def print_plan(plan: RebalancePlan) -> None:
    print_table(PLAN, [_planned(order) for order in plan.orders], empty="There are no markets to balance.")


def print_sent(orders: list[SentOrder]) -> None:
    rows = [
        [one.symbol, one.side, one.amount, one.filled, rounded(one.average), one.state, one.reason]
        for one in orders
    ]
    print_table(SENT, rows, empty="No order was sent.")


def print_report(report: PortfolioReport) -> None:
    """Weights, strategies, what is held elsewhere."""
    weights = [
        [
            one.symbol,
            one.amount,
            money(one.value),
            part(one.weight),
            one.left_alone if one.left_alone else "",
            part(one.own_weight),
            part(one.target),
            part(one.drift),
        ]
        for one in report.weights
    ]
    if report.accounts:
        parts = [[x.account, x.exchange, money(x.equity), part(x.weight), x.trading] for x in report.accounts]
        print_table(ACCOUNTS, parts, empty="")
    print_table(WEIGHTS, weights, empty="Nothing is held.")
    names = [share.account for share in report.accounts]
    sources = [
        [
            one.source,
            one.symbol,
            one.amount,
            money(one.value),
            money(one.realised_pnl),
            money(one.unrealised_pnl),
            one.closed_trades,
        ]
        for one in report.sources
    ]
    if sources:
        rows = [with_name(row, one.account, names) for one, row in zip(report.sources, sources, strict=True)]
        print_table(with_account(SOURCES, names), rows, empty="")
    budgets = [[x.strategy, part(x.weight), money(x.budget), money(x.used)] for x in report.budgets]
    if budgets:
        print_table(BUDGETS, budgets, empty="")
    if report.others:
        print_table(OTHERS, [[x.account, x.asset, x.amount, money(x.value)] for x in report.others], empty="")


def _planned(order: PlannedOrder) -> list[object]:
    return [
        order.symbol,
        order.side,
        order.amount,
        money(order.value),
        part(order.weight),
        part(order.target),
        money(order.cost),
        money(order.benefit),
        order.reason,
    ]
