"""Owner: analytics. Numbers 0x0Dxx. Money is Decimal; returns and ratios are floats, parts of one."""

from decimal import Decimal

from .base import Delivery, Message, message, request


@message(0x0D01, delivery=Delivery.REPLY)
class TradeGroup(Message, frozen=True, kw_only=True, gc=False):
    """Closed trades that have something in common (a strategy, a market, an hour, a regime).

    `fees` and `volume` are of all fills of the group, also of trades that are still open. `profit_factor`
    is None when nothing was lost.
    """

    name: str
    trades: int
    wins: int
    profit: Decimal
    fees: Decimal
    volume: Decimal
    best: Decimal
    worst: Decimal
    profit_factor: float | None
    average_hours: float


@message(0x0D02, delivery=Delivery.REPLY)
class Contribution(Message, frozen=True, kw_only=True, gc=False):
    """What one strategy made in one market within the period, open positions at market prices included.

    `part` is that of the equity at the beginning.
    """

    strategy: str
    symbol: str
    profit: Decimal
    realised: Decimal
    unrealised: Decimal
    part: float


@message(0x0D03, delivery=Delivery.REPLY)
class PerformanceDay(Message, frozen=True, kw_only=True, gc=False):
    """One day, UTC, at its end. `benchmark` is its return, None while its price is not known."""

    day: str
    equity: Decimal
    flow: Decimal
    value: float
    drawdown: float
    benchmark: float | None


@message(0x0D04, delivery=Delivery.REPLY)
class Performance(Message, frozen=True, kw_only=True, gc=False):
    """A period. The curve is what one unit of money grew to, without what was paid in or out.

    Args:
        profit: end - start - flows, exact; `unexplained` is what no strategy's fills account for.
        figures: by name, None where it cannot be told (docs/analytics.md lists them).
        benchmark: the market that was held for comparison, "" for none; `against` are its figures.
        groups: by strategy, pair, hour, weekday and regime.
        months: (year, month, return); falls: depth, height, bottom, recovery, days, as in a backtest.
        note: "" or a sentence about what cannot be told.
    """

    from_ms: int
    to_ms: int
    currency: str
    start_equity: Decimal
    end_equity: Decimal
    flows: Decimal
    profit: Decimal
    fees: Decimal
    figures: dict[str, float | None]
    benchmark: str
    against: dict[str, float | None]
    times_ms: list[int]
    curve: list[float]
    held: list[float]
    fallen: list[float]
    days: list[PerformanceDay]
    months: list[tuple[int, int, float]]
    falls: list[list[float | None]]
    groups: dict[str, list[TradeGroup]]
    contributions: list[Contribution]
    unexplained: Decimal
    note: str


@request(0x0D05, reply=Performance, permission="trade.read")
class GetPerformance(Message, frozen=True, kw_only=True, gc=False):
    """How the account did. 0 is the beginning, and now; `benchmark` "" takes the settings' one."""

    from_ms: int = 0
    to_ms: int = 0
    benchmark: str = ""


@message(0x0D06, delivery=Delivery.REPLY)
class ReportFile(Message, frozen=True, kw_only=True, gc=False):
    """A report that was written, below the home's folder `reports`."""

    name: str
    bytes: int
    made_ms: int


@request(0x0D07, reply=ReportFile, permission="trade.read")
class MakeReport(Message, frozen=True, kw_only=True, gc=False):
    """Write a report.

    Args:
        format: html (one page that needs no network), json (all), csv or parquet (one table).
        table: days, trades, groups or contributions, for csv and parquet.
    """

    from_ms: int = 0
    to_ms: int = 0
    benchmark: str = ""
    format: str = "html"
    table: str = "days"


@message(0x0D08, delivery=Delivery.REPLY)
class ReportPlan(Message, frozen=True, kw_only=True, gc=False):
    """A report that is made by itself. Times are milliseconds, 0 is never."""

    name: str
    every: str
    format: str
    next_ms: int
    last_ms: int


@message(0x0D09, delivery=Delivery.REPLY)
class Reports(Message, frozen=True, kw_only=True, gc=False):
    """What is there, newest first, and what is planned; `benchmarks` are the markets that can be one."""

    files: list[ReportFile]
    plans: list[ReportPlan]
    benchmarks: list[str]


@request(0x0D0A, reply=Reports, permission="trade.read")
class ListReports(Message, frozen=True, kw_only=True, gc=False):
    """Reports that were made and those that are planned."""


@request(0x0D0B, reply=ReportFile, permission="notify.manage")
class SendReport(Message, frozen=True, kw_only=True, gc=False):
    """Make a planned report now, of the time since its last one, and send it as a notice."""

    name: str
    actor: str
