"""The analytics service: keeps the account's history, answers for any period, makes planned reports."""

import asyncio
import time
from decimal import Decimal
from pathlib import Path

from ...bus import topics
from ...bus.api import Request
from ...bus.contracts.analytics import (
    GetPerformance,
    ListReports,
    MakeReport,
    Performance,
    ReportFile,
    ReportPlan,
    Reports,
    SendReport,
)
from ...bus.contracts.notify import NOTICES, Notice
from ...bus.contracts.service import Audit
from ...bus.contracts.trade import Portfolio
from ...configs.errors import BusTimeoutError, CryptoBotError, RequestFailedError
from ...configs.paths import Home
from ...configs.sections.analytics import ScheduledReport
from ..accounting.executions import Executions
from ..accounting.subpositions import ClosedTrade
from ..database.driver import peewee
from ..database.health import watch
from ..host.service import Service, run
from . import reports
from .history import History, Point
from .inputs import Inputs, now_ms
from .keeping import Keeping, past
from .page import summary
from .performance import Period, closed_trades, performance

_READY_WITHIN_S = 5.0
_LOOK_S = 1.0
_TIDY_S = 3600.0
_PLANS_S = 5.0


class AnalyticsService(Service):
    """One account on one venue."""

    name = "analytics"

    async def setup(self) -> None:
        self._history = History(self.home)
        self._keeping = Keeping(self._history.last(), self._history.transferred())
        self._inputs = Inputs(self.bus, self.settings)
        self._newest: Point | None = None
        self._first = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self._inputs.follow()
        self.bus.serve(GetPerformance, self._performance)
        self.bus.serve(MakeReport, self._make)
        self.bus.serve(ListReports, self._list)
        self.bus.serve(SendReport, self._send)
        await self.bus.settled()
        self.spawn(self._watch(), "watch")
        self.spawn(self._plan(), "plans")
        self.spawn(watch(self, self._history.database), "database health")
        try:
            await asyncio.wait_for(self._first.wait(), _READY_WITHIN_S)
        except TimeoutError:
            self.log.warning("ready, but the account is not known yet")

    async def stop(self) -> None:
        if hasattr(self, "_history"):
            self._history.close()

    @property
    def folder(self) -> Path:
        """Where reports are."""
        return self.home.root / "reports"

    # The history

    async def _watch(self) -> None:
        tidied = 0.0
        while True:
            try:
                await self._look()
                if not tidied or time.monotonic() - tidied > _TIDY_S:
                    tidied = time.monotonic()
                    await self._tidy()
            except (BusTimeoutError, RequestFailedError) as error:
                self.log.info("the account cannot be asked now", reason=str(error))
            except (CryptoBotError, peewee.PeeweeException, OSError) as error:
                self.log.warning("the history cannot be written", reason=str(error))
            await asyncio.sleep(min(self.settings.analytics.interval_s, _LOOK_S))

    async def _tidy(self) -> None:
        settings = self.settings.analytics
        before_ms = now_ms() - int(settings.keep_fine_s * 1000)
        await self._history.database.run(self._history.thin, before_ms)
        reports.forget(self.folder, settings.keep_reports)

    async def _look(self) -> None:
        """The account now; a point of the history when the last one is old enough, or money came or went."""
        portfolio = await self._inputs.portfolio()
        if self._keeping.last is None:
            await self._begin()
        point = self._point(portfolio)
        if point is None:
            return
        last = self._keeping.last
        due = last is None or point.ts_ms - last.ts_ms >= self.settings.analytics.interval_s * 1000
        if due or point.flow:
            self._history.keep([point], portfolio.transferred)
            self._keeping.written(point, portfolio)
        self._newest = point
        self._first.set()

    def _point(self, portfolio: Portfolio) -> Point | None:
        currency = portfolio.equity.currency if portfolio.equity is not None else ""
        values = self._inputs.markets.values_of_one(currency)
        return self._keeping.look(portfolio, values, self._inputs.prices(), now_ms())

    async def _begin(self) -> None:
        """What trade and data know of the time before this service first ran."""
        equity = await self._inputs.past_equity()
        closes = {symbol: await self._inputs.past_closes(symbol) for symbol in self.settings.data.symbols}
        interval_ms = int(self.settings.analytics.interval_s * 1000)
        points = past(equity, closes, interval_ms, self._inputs.stale_after_ms)
        if points:
            portfolio = await self._inputs.portfolio()
            self._history.keep(points, portfolio.transferred)
            self._keeping.written(points[-1], portfolio)

    # Answers

    async def _performance(self, request: Request[GetPerformance]) -> Performance:
        asked = request.message
        found, _ = await self._of(asked.from_ms, asked.to_ms, asked.benchmark)
        return found

    async def _of(self, from_ms: int, to_ms: int, benchmark: str) -> tuple[Performance, list[ClosedTrade]]:
        """A period's performance and its closed trades.

        Raises:
            RequestFailedError: nothing is known of it, or the benchmark is no market that is watched.
        """
        until_ms = to_ms or now_ms()
        if from_ms >= until_ms:
            raise RequestFailedError("empty_period", "The period ends before it begins.")
        database = self._history.database
        points = await database.run(self._history.between, from_ms, until_ms)
        newest = self._newest
        if (
            newest is not None
            and newest.ts_ms <= until_ms
            and (not points or newest.ts_ms > points[-1].ts_ms)
        ):
            points.append(newest)
        if not points:
            raise RequestFailedError("no_history", "Nothing is known of the account in this period yet.")
        period = Period(from_ms=from_ms, to_ms=until_ms, points=points, benchmark=self._benchmark(benchmark))
        executions = Executions(self._inputs.markets.price_of)
        fills = [one for one in self._inputs.executions.in_order() if one.ts_ms <= until_ms]

        def compute() -> tuple[Performance, list[ClosedTrade]]:
            executions.take_all(fills)
            found = performance(period, executions, self._inputs.markets.price_of)
            return found, closed_trades(executions, period)

        async with self._one_at_a_time:
            return await asyncio.to_thread(compute)

    def _benchmark(self, wanted: str) -> str:
        symbols = self._benchmarks()
        if wanted and wanted not in symbols:
            known = ", ".join(symbols) or "none is watched"
            raise RequestFailedError("unknown_market", f"{wanted} is not watched; markets are: {known}.")
        chosen = wanted or self.settings.analytics.benchmark
        return chosen or (symbols[0] if symbols else "")

    def _benchmarks(self) -> list[str]:
        return list(dict.fromkeys([*self.settings.data.symbols, *self._inputs.markets.prices]))

    async def _make(self, request: Request[MakeReport]) -> ReportFile:
        asked = request.message
        wanted = reports.Wanted(asked.format, asked.table)
        wanted.check()
        found, trades = await self._of(asked.from_ms, asked.to_ms, asked.benchmark)
        return await asyncio.to_thread(reports.write, self.folder, wanted, found, trades)

    def _list(self, _request: Request[ListReports]) -> Reports:
        settings, now = self.settings.analytics, now_ms()
        plans = []
        for name, plan in settings.reports.items():
            if plan.enabled:
                last_ms = self._history.planned(name)[1]
                next_ms = reports.next_due_ms(plan, settings.timezone, now)
                plans.append(
                    ReportPlan(
                        name=name, every=plan.every, format=plan.format, next_ms=next_ms, last_ms=last_ms
                    )
                )
        return Reports(files=reports.listed(self.folder), plans=plans, benchmarks=self._benchmarks())

    # Planned reports

    async def _plan(self) -> None:
        while True:
            for name, plan in self.settings.analytics.reports.items():
                if plan.enabled:
                    try:
                        await self._make_due(name, plan)
                    except (CryptoBotError, peewee.PeeweeException, OSError) as error:
                        self.log.warning("a planned report was not made", report=name, reason=str(error))
            await asyncio.sleep(_PLANS_S)

    async def _make_due(self, name: str, plan: ScheduledReport) -> None:
        zone, now = self.settings.analytics.timezone, now_ms()
        end_ms = reports.period_end_ms(plan, zone, now)
        until_ms, _ = self._history.planned(name)
        if not until_ms:
            # A new plan: its first report is that of the first period that ends while it is there.
            self._history.note_planned(name, end_ms, 0)
        elif end_ms > until_ms:
            await self._publish(name, plan, reports.period_begin_ms(plan, zone, end_ms), end_ms)
            self._history.note_planned(name, end_ms, now)

    async def _publish(self, name: str, plan: ScheduledReport, from_ms: int, to_ms: int) -> ReportFile:
        found, trades = await self._of(from_ms, to_ms, "")
        wanted = reports.Wanted(plan.format, title=f"Performance: {name}")
        made = await asyncio.to_thread(reports.write, self.folder, wanted, found, trades)
        notice = Notice(
            key=f"{name}:{to_ms}",
            severity="info",
            title=f"Report {name}: {_signed(found.profit)} {found.currency}",
            text=summary(found),
            files=[made.name],
        )
        self.bus.publish(f"{NOTICES}report.{topics.part(name)}", notice)
        return made

    async def _send(self, request: Request[SendReport]) -> ReportFile:
        asked = request.message
        plan = self.settings.analytics.reports.get(asked.name)
        if plan is None:
            known = ", ".join(self.settings.analytics.reports) or "none is set up"
            raise RequestFailedError("unknown_report", f"There is no report {asked.name[:40]!r}; {known}.")
        zone = self.settings.analytics.timezone
        from_ms = reports.period_end_ms(plan, zone, now_ms())
        made = await self._publish(asked.name, plan, from_ms, 0)
        entry = Audit(
            kind="system",
            actor=asked.actor,
            action="send report",
            subject=asked.name,
            detail=made.name,
            ok=True,
        )
        self.bus.publish(topics.audit("system"), entry)
        return made


def _signed(value: Decimal) -> str:
    return f"{value:+,.2f}"


def main(home: Home) -> int:
    """Run the analytics service in this process."""
    return run(AnalyticsService, home)
