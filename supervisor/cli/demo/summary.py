"""What came of the demo, asked of trade while it still runs."""

import time
from decimal import Decimal

import msgspec

from ....bus.api import BlockingBusApi
from ....bus.contracts.trade import (
    Fills,
    GetPortfolio,
    LedgerDifference,
    LedgerReport,
    ListFills,
    ListOrders,
    Orders,
    Portfolio,
    VerifyLedger,
)
from ....configs.errors import CryptoBotError
from ..ask import ask_over
from ..output import duration, plain_decimal
from .screen import counted, money, signed

_EVERYTHING = 1_000_000


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The figures that `demo --json` prints. Money in `currency`; `pnl` is equity less what it began with.

    `ok` is true when something was filled and the ledger equals the exchange's. `problem` says why not.
    """

    ok: bool
    problem: str
    seconds: float
    orders: int
    denied: int
    fills: int
    open_orders: int
    unknown_orders: int
    pnl: Decimal | None
    equity: Decimal | None
    start_equity: Decimal | None
    fees: Decimal
    currency: str
    restarts: int
    ledger_equal: bool
    differences: list[LedgerDifference]
    dashboard: str
    home: str


def take(
    bus: BlockingBusApi, *, seconds: float, restarts: int, dashboard: str, home: str, patience_s: float
) -> Summary:
    """Ask trade for everything, the comparison of its ledger with the exchange's first.

    Args:
        patience_s: how long orders that are still under way may take to settle.

    Raises:
        CryptoBotError: trade does not answer.
    """
    report = _verified(bus, patience_s)
    orders = ask_over(bus, "trade", ListOrders(limit=_EVERYTHING), Orders, timeout_s=patience_s).orders
    fills = ask_over(bus, "trade", ListFills(limit=_EVERYTHING), Fills, timeout_s=patience_s).fills
    portfolio = ask_over(bus, "trade", GetPortfolio(), Portfolio, timeout_s=patience_s)
    equity = portfolio.equity
    problem = _problem(report, len(fills))
    return Summary(
        ok=not problem,
        problem=problem,
        seconds=round(seconds, 1),
        orders=len(orders),
        denied=sum(order.state == "DENIED" for order in orders),
        fills=len(fills),
        open_orders=report.open_orders,
        unknown_orders=report.unknown_orders,
        pnl=None if equity is None else equity.equity - equity.start_equity,
        equity=None if equity is None else equity.equity,
        start_equity=None if equity is None else equity.start_equity,
        fees=sum((position.fees for position in portfolio.positions), Decimal(0)),
        currency="" if equity is None else equity.currency,
        restarts=restarts,
        ledger_equal=report.equal,
        differences=report.differences,
        dashboard=dashboard,
        home=home,
    )


def _verified(bus: BlockingBusApi, patience_s: float) -> LedgerReport:
    # The strategy has stopped, but its last order may still be on its way to a final state.
    deadline = time.monotonic() + patience_s
    while True:
        report = ask_over(bus, "trade", VerifyLedger(), LedgerReport, timeout_s=max(5.0, patience_s))
        if (report.equal and not report.unknown_orders) or time.monotonic() > deadline:
            return report
        time.sleep(0.25)


def _problem(report: LedgerReport, fills: int) -> str:
    if not report.equal:
        told = ", ".join(
            f"{one.asset}: ledger {plain_decimal(one.ledger)}, exchange {plain_decimal(one.venue)}"
            for one in report.differences
        )
        return f"the ledger differs from the exchange's ({told or 'orders or fills differ'})"
    if report.unknown_orders:
        return f"{report.unknown_orders} orders have an unknown outcome"
    return "" if fills else "nothing was filled"


def sentences(summary: Summary, *, judged: bool) -> str:
    """For people. A demo that ended early is not blamed for having filled nothing."""
    gain = "" if summary.pnl is None else f", profit {signed(summary.pnl)} {summary.currency}"
    equity = "" if summary.equity is None else f" (equity {money(summary.equity)} {summary.currency})"
    denied = f" ({summary.denied} denied)" if summary.denied else ""
    restarts = counted(summary.restarts, "restart")
    lines = [
        f"The demo ran {duration(summary.seconds)}: {counted(summary.orders, 'order')}{denied}, "
        f"{counted(summary.fills, 'fill')}"
        f"{gain}{equity}, fees {money(summary.fees)}, {restarts}.",
        "The bot's ledger equals the exchange's to the last digit."
        if summary.ledger_equal
        else "The bot's ledger does not equal the exchange's.",
    ]
    if summary.problem and not judged and summary.fills:
        lines.append(f"Not in order: {summary.problem}.")
    return "\n".join(lines)


def check(summary: Summary) -> None:
    """Raises CryptoBotError when the demo did not do what it is for."""
    if not summary.ok:
        raise CryptoBotError(f"The demo did not end well: {summary.problem}.")
