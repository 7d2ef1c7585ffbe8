"""The analytics service on the bus in memory, beside a trade and a data that are scripted."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import structlog
from cryptobot.bus import topics
from cryptobot.bus.api import Request
from cryptobot.bus.contracts import trade
from cryptobot.bus.contracts.analytics import (
    GetPerformance,
    ListReports,
    MakeReport,
    Performance,
    ReportFile,
    Reports,
    SendReport,
)
from cryptobot.bus.contracts.market import Candle, Candles, ListCandles
from cryptobot.bus.contracts.notify import NOTICES, Notice
from cryptobot.bus.memory import MemoryHub
from cryptobot.configs.errors import RequestFailedError
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import DataSettings, Settings
from cryptobot.configs.sections.analytics import AnalyticsSettings, ScheduledReport
from cryptobot.services.analytics import reports
from cryptobot.services.analytics.history import History, Point
from cryptobot.services.analytics.service import AnalyticsService
from cryptobot.services.data.files import read_table

DEADLINE_S = 45.0
SYMBOL = "BTC/USDT"
HOUR = 3_600_000


class Town:
    """A trade that bought a coin at 100 two hours ago and sold half of it at 120 an hour ago."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder)
        self.home.create()
        self.hub = MemoryHub()
        self.now_ms = int(time.time() * 1000)
        self.cash = Decimal(960)
        self.transferred: dict[str, Decimal] = {}
        self.price = Decimal(120)
        self.fills = [_fill("1", "buy", "1", "100", self.now_ms - 2 * HOUR)]
        self.fills.append(_fill("2", "sell", "0.5", "120", self.now_ms - HOUR))
        self.notices: list[Notice] = []
        self.heard = asyncio.Event()

    async def open(self, **settings: Any) -> None:
        self.trade = await self.hub.open_async("trade")
        self.data = await self.hub.open_async("data")
        self.viewer = await self.hub.open_async("viewer")
        self.trade.serve(trade.GetPortfolio, self._portfolio)
        self.trade.serve(trade.ListFills, lambda _request: trade.Fills(fills=self.fills[::-1]))
        self.trade.serve(trade.ListOrders, lambda _request: trade.Orders(orders=[]))
        self.trade.serve(trade.ListEquity, self._past)
        self.data.serve(ListCandles, self._candles)
        self.viewer.subscribe(NOTICES, Notice, self._notice)
        await self.viewer.settled()
        self.data.publish(topics.candle("paper", SYMBOL, "1m"), _candle(self.now_ms - 60_000, "120"))
        await self.start(**settings)

    async def start(self, **settings: Any) -> None:
        own = AnalyticsSettings(**{"interval_s": 3600.0, **settings})
        data = DataSettings(exchange="paper", symbols=[SYMBOL], timeframe="1m")
        self.bus = await self.hub.open_async("analytics")
        whole = Settings(analytics=own, data=data)
        self.service = AnalyticsService(self.home, whole, self.bus, structlog.get_logger())
        await self.service.setup()

    async def kill(self) -> None:
        for task in self.service._tasks:
            task.cancel()
        await asyncio.gather(*self.service._tasks, return_exceptions=True)
        self.service._history.close()
        await self.bus.close()

    async def close(self) -> None:
        await self.kill()
        for bus in (self.viewer, self.data, self.trade):
            await bus.close()

    async def ask(self, message: Any, reply: Any) -> Any:
        return await self.viewer.request("analytics", message, reply, timeout_s=DEADLINE_S)

    async def until_notice(self) -> Notice:
        async with asyncio.timeout(DEADLINE_S):
            await self.heard.wait()
        return self.notices[0]

    def _notice(self, received: Any) -> None:
        self.notices.append(received.message)
        self.heard.set()

    def _equity(self, ts_ms: int, value: Decimal) -> trade.Equity:
        zero = Decimal(0)
        return trade.Equity(
            exchange="paper", currency="USDT", equity=value, start_equity=Decimal(1000), realised_pnl=zero,
            unrealised_pnl=zero, ts_ms=ts_ms,
        )  # fmt: skip

    def _portfolio(self, _request: Request[trade.GetPortfolio]) -> trade.Portfolio:
        worth = self.cash + Decimal("0.5") * self.price
        state = trade.TradingState(state="ACTIVE", reason="", actor="", since_ms=1)
        return trade.Portfolio(
            positions=[],
            balances=[],
            equity=self._equity(int(time.time() * 1000), worth),
            trading_state=state,
            transferred=dict(self.transferred),
        )

    def _past(self, _request: Request[trade.ListEquity]) -> trade.EquityHistory:
        begin = self.now_ms - 3 * HOUR
        return trade.EquityHistory(
            points=[self._equity(begin, Decimal(1000)), self._equity(self.now_ms - HOUR - 1, Decimal(1010))]
        )

    def _candles(self, _request: Request[ListCandles]) -> Candles:
        begin = self.now_ms - 3 * HOUR - 120_000
        return Candles(candles=[_candle(begin + at * 60_000, "100") for at in range(170)])


def _candle(open_ms: int, close: str) -> Candle:
    return Candle(
        exchange="paper", symbol=SYMBOL, timeframe="1m", open_ms=open_ms, open=close, high=close, low=close,
        close=close, volume="1", closed=True,
    )  # fmt: skip


def _fill(number: str, side: str, amount: str, price: str, ts_ms: int) -> trade.Fill:
    cost = Decimal(amount) * Decimal(price)
    return trade.Fill(
        id=number, order_id=number, client_order_id=number, exchange="paper", symbol=SYMBOL, side=side,
        price=Decimal(price), amount=Decimal(amount), cost=cost, fee=Decimal(0), fee_currency="USDT",
        maker=False, ts_ms=ts_ms, source="ema",
    )  # fmt: skip


Story = Callable[[Town], Awaitable[None]]


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., None]:
    """Run a story beside a service with these settings."""

    def run(story: Story, **settings: Any) -> None:
        async def main() -> None:
            town = Town(tmp_path / "home")
            await town.open(**settings)
            try:
                await story(town)
            finally:
                await town.close()

        asyncio.run(main())

    return run


def test_the_time_before_it_ran_is_taken_from_trade(play: Callable[..., None]) -> None:
    """The first look takes up what trade kept; profit, growth and who made it are there at once."""

    async def story(town: Town) -> None:
        found = await town.ask(GetPerformance(), Performance)
        assert (found.start_equity, found.end_equity, found.profit) == (1000, 1020, 20)
        assert found.figures["total_return"] == pytest.approx(0.02)
        (made,) = found.contributions
        assert (made.strategy, made.realised, made.unrealised) == ("ema", 10, 10)
        assert found.unexplained == 0
        assert found.benchmark == SYMBOL
        assert found.against["benchmark_return"] == pytest.approx(0.2)

    play(story)


def test_a_deposit_is_written_down_and_counted_once_over_a_restart(play: Callable[..., None]) -> None:
    """Money paid in is a flow, not profit, also for the next life of the service."""

    async def story(town: Town) -> None:
        await town.ask(GetPerformance(), Performance)
        town.cash += 500
        town.transferred = {"USDT": Decimal(500)}
        await town.service._look()
        await town.kill()
        await town.start()
        found = await town.ask(GetPerformance(), Performance)
        assert (found.flows, found.profit, found.end_equity) == (500, 20, 1520)

    play(story)


@pytest.mark.parametrize(("form", "table"), [("html", ""), ("json", ""), ("csv", "days"), ("csv", "trades")])
def test_reports_are_written_whole(play: Callable[..., None], form: str, table: str) -> None:
    """Each form is a file below `reports` that holds the figures; HTML needs neither network nor script."""

    async def story(town: Town) -> None:
        made = await town.ask(MakeReport(format=form, table=table or "days"), ReportFile)
        text = (town.home.root / "reports" / made.name).read_text()
        assert len(text.encode()) == made.bytes
        if form == "html":
            assert "<script" not in text
            assert "http" not in text.replace("http-equiv", "")
            assert "+20.00" in text
        elif form == "json":
            assert json.loads(text)["profit"] == "20.0"
        elif table == "days":
            assert text.splitlines()[0] == "day,equity,flow,value,drawdown,benchmark"
        else:
            assert text.splitlines()[0].startswith("strategy,symbol,opened_ms")
        listed = await town.ask(ListReports(), Reports)
        assert [one.name for one in listed.files] == [made.name]

    play(story)


def test_parquet_is_read_back_with_exact_money(play: Callable[..., None]) -> None:
    """A table as Parquet keeps money as text, to the last digit."""

    async def story(town: Town) -> None:
        made = await town.ask(MakeReport(format="parquet", table="contributions"), ReportFile)
        columns = read_table(town.home.root / "reports" / made.name)
        assert list(columns["strategy"]) == ["ema"]
        assert Decimal(str(columns["profit"][0])) == 20

    play(story)


def test_what_cannot_be_is_refused_in_words(play: Callable[..., None]) -> None:
    """An unknown form, table, market or report, and an empty period, are answered with what there is."""

    async def story(town: Town) -> None:
        for wish, words in (
            (MakeReport(format="pdf"), "There is no format 'pdf'; take html"),
            (MakeReport(format="csv", table="x"), "There is no table 'x'; take days"),
            (GetPerformance(benchmark="XRP/USDT"), "XRP/USDT is not watched; markets are: BTC/USDT"),
            (GetPerformance(from_ms=5, to_ms=5), "The period ends before it begins"),
            (SendReport(name="nope", actor="me"), "There is no report 'nope'"),
        ):
            with pytest.raises(RequestFailedError, match=words.replace("(", r"\(")):
                await town.ask(wish, Performance)

    play(story)


def test_a_planned_report_is_made_once_and_sent_as_a_notice(play: Callable[..., None]) -> None:
    """A report that fell due while nobody was there is made at the start, once, and handed to notify."""

    async def story(town: Town) -> None:
        await town.kill()
        plan = ScheduledReport(every="day", at="00:00")
        history = History(town.home)
        due_ms = reports.period_end_ms(plan, "UTC", town.now_ms)
        history.note_planned("daily", due_ms - 86_400_000, 1)
        begin = Point(due_ms - HOUR, "USDT", Decimal(900), Decimal(0), Decimal(900), Decimal(1), {})
        history.keep([begin])
        history.close()
        await town.start(reports={"daily": plan}, timezone="UTC")
        notice = await town.until_notice()
        assert notice.title.startswith("Report daily: ")
        assert (town.home.root / "reports" / notice.files[0]).is_file()
        assert (town.service._history.planned("daily")[0]) == due_ms
        await town.kill()
        await town.start(reports={"daily": plan}, timezone="UTC")
        await town.ask(ListReports(), Reports)
        assert len(town.notices) == 1

    play(story)


def test_a_report_is_sent_by_hand(play: Callable[..., None]) -> None:
    """`analytics send` makes a planned report now."""

    async def story(town: Town) -> None:
        made = await town.ask(SendReport(name="weekly", actor="me"), ReportFile)
        assert (await town.until_notice()).files == [made.name]

    play(story, reports={"weekly": ScheduledReport(every="week")}, timezone="UTC")


@pytest.mark.parametrize(
    ("every", "now", "end", "begin"),
    [
        ("day", "2026-03-29T06:00", "2026-03-29T05:30", "2026-03-28T06:30"),
        ("week", "2026-03-04T12:00", "2026-03-02T06:30", "2026-02-23T06:30"),
        ("month", "2026-03-01T06:00", "2026-02-01T06:30", "2026-01-01T06:30"),
    ],
)
def test_periods_end_by_the_clock_of_their_zone(every: Any, now: str, end: str, begin: str) -> None:
    """07:30 in Berlin each day, Monday or first of the month, also on the night when the clock is changed."""
    plan = ScheduledReport(every=every, at="07:30")
    found = reports.period_end_ms(plan, "Europe/Berlin", _ms(now))
    assert found == _ms(end)
    assert reports.period_begin_ms(plan, "Europe/Berlin", found) == _ms(begin)
    assert reports.next_due_ms(plan, "Europe/Berlin", _ms(now)) > _ms(now)


def test_old_points_are_thinned_to_one_an_hour(tmp_path: Path) -> None:
    """Of each hour its last point stays, and every one with a flow."""
    home = Home(tmp_path / "home")
    home.create()
    history = History(home)
    one = Point(0, "USDT", Decimal(1), Decimal(0), Decimal(1), Decimal(1), {SYMBOL: Decimal("0.10")})
    points = [replace(one, ts_ms=at * 60_000) for at in range(180)]
    points[7] = replace(points[7], flow=Decimal(5))
    history.keep(points)
    assert history.thin(3 * HOUR) == 176
    kept = history.between(0, 3 * HOUR)
    assert [point.ts_ms // 60_000 for point in kept] == [7, 59, 119, 179]
    assert kept[0].prices == {SYMBOL: Decimal("0.10")}
    history.close()


def _ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)
