"""The risk service on the bus in memory, beside a trade and a data that are scripted."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog
from cryptobot.bus import topics
from cryptobot.bus.api import Request
from cryptobot.bus.contracts import trade
from cryptobot.bus.contracts.market import Book, Candle, Candles, Feeds, ListCandles, ListFeeds
from cryptobot.bus.contracts.risk import VERDICT_TOPIC, GetRisk, RearmRisk, RiskReport, RiskVerdict
from cryptobot.bus.contracts.service import Alert, Audit
from cryptobot.bus.memory import MemoryHub
from cryptobot.configs.errors import RequestFailedError
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import Settings
from cryptobot.configs.sections.risk import RiskSettings
from cryptobot.services.risk.service import RiskService

DEADLINE_S = 40.0
SYMBOL = "BTC/USDT"


class Town:
    """Everything around the service, and what it said."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder)
        self.home.create()
        self.hub = MemoryHub()
        self.equity: Decimal | None = Decimal(1000)
        self.transferred: dict[str, Decimal] = {}
        self.wishes: list[trade.SetTradingState] = []
        self.state = trade.TradingState(state="ACTIVE", reason="", actor="setup", since_ms=0)
        self.fills: list[trade.Fill] = []
        self.broken = False
        self.verdicts: list[RiskVerdict] = []
        self.alerts: list[Alert] = []
        self.audits: list[Audit] = []
        self.changed = asyncio.Event()

    async def open(self, **settings: Any) -> None:
        self.settings = Settings(risk=RiskSettings(interval_s=0.2, silence_s=30.0, **settings))
        self.data = await self.hub.open_async("data")
        self.trade = await self.hub.open_async("trade")
        self.viewer = await self.hub.open_async("viewer")
        self.data.serve(ListFeeds, lambda request: Feeds(feeds=[]))
        self.data.serve(ListCandles, lambda request: Candles(candles=[]))
        self.trade.serve(trade.GetPortfolio, self._portfolio)
        self.trade.serve(trade.ListOrders, lambda request: trade.Orders(orders=[]))
        self.trade.serve(trade.ListFills, lambda request: trade.Fills(fills=self.fills))
        self.trade.serve(trade.SetTradingState, self._set_state)
        self.viewer.subscribe(VERDICT_TOPIC, RiskVerdict, lambda one: self._keep(self.verdicts, one))
        self.viewer.subscribe(topics.ALERTS, Alert, lambda one: self._keep(self.alerts, one))
        self.viewer.subscribe(topics.AUDIT, Audit, lambda one: self._keep(self.audits, one))
        await self.viewer.settled()
        self.news()
        await self.start()

    def news(self) -> None:
        """A market that is fit to trade."""
        candle = Candle(
            exchange="paper",
            symbol=SYMBOL,
            timeframe="1s",
            open_ms=time.time_ns() // 1_000_000,
            open="100",
            high="100",
            low="100",
            close="100",
            volume="1",
            closed=True,
        )
        book = Book(exchange="paper", symbol=SYMBOL, ts_ms=1, bids=[("99.9", "1")], asks=[("100.1", "1")])
        self.data.publish(topics.candle("paper", SYMBOL, "1s"), candle)
        self.data.publish(topics.book("paper", SYMBOL), book)

    async def start(self) -> None:
        self.bus = await self.hub.open_async("risk")
        self.service = RiskService(self.home, self.settings, self.bus, structlog.get_logger())
        await self.service.setup()

    async def kill(self) -> None:
        """As near to kill -9 as one process allows."""
        for task in self.service._tasks:
            task.cancel()
        await asyncio.gather(*self.service._tasks, return_exceptions=True)
        await self.bus.close()

    async def close(self) -> None:
        await self.kill()
        for bus in (self.viewer, self.trade, self.data):
            await bus.close()

    async def until(self, condition: Callable[[], Any]) -> Any:
        async with asyncio.timeout(DEADLINE_S):
            while not (found := condition()):
                self.changed.clear()
                await self.changed.wait()
        return found

    async def says(self, state: str, code: str = "") -> RiskVerdict:
        """Wait for the next verdict of this state and with this reason."""
        self.verdicts.clear()

        def told() -> RiskVerdict | None:
            for verdict in self.verdicts:
                codes = {reason.code for reason in verdict.reasons}
                if verdict.state == state and (not code or code in codes):
                    return verdict
            return None

        found: RiskVerdict = await self.until(told)
        return found

    async def rearm(self, actor: str = "cli:ann", **fields: Any) -> RiskReport:
        wish = RearmRisk(actor=actor, reason="seen", **fields)
        return await self.viewer.request("risk", wish, RiskReport)

    def _keep(self, kept: list[Any], received: Any) -> None:
        kept.append(received.message)
        self.changed.set()

    def _portfolio(self, _request: Request[trade.GetPortfolio]) -> trade.Portfolio:
        if self.broken:
            raise RequestFailedError("books_closed", "The books are closed.")
        equity = None
        if self.equity is not None:
            equity = trade.Equity(
                exchange="paper",
                currency="USDT",
                equity=self.equity,
                start_equity=Decimal(1000),
                realised_pnl=Decimal(0),
                unrealised_pnl=Decimal(0),
                ts_ms=0,
            )
        return trade.Portfolio(
            positions=[],
            balances=[],
            equity=equity,
            trading_state=self.state,
            transferred=self.transferred,
        )

    def _set_state(self, request: Request[trade.SetTradingState]) -> trade.TradingState:
        asked = request.message
        self.wishes.append(asked)
        self.state = trade.TradingState(state=asked.state, reason=asked.reason, actor=asked.actor, since_ms=0)
        self.changed.set()
        return self.state


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., None]:
    """Run a scene in a town of its own."""

    def run(scene: Callable[[Town], Awaitable[None]], **settings: Any) -> None:
        async def whole() -> None:
            town = Town(tmp_path / "home")
            await town.open(**settings)
            try:
                await scene(town)
            finally:
                await town.close()

        asyncio.run(whole())

    return run


def test_a_halt_survives_death_and_is_told_once(play: Callable[..., None]) -> None:
    """Lost six percent, killed, back: still halted, and trade is not told again."""

    async def scene(town: Town) -> None:
        await town.says("ACTIVE")
        town.equity = Decimal(940)
        await town.says("HALTED", "daily_drawdown")
        await town.until(lambda: town.wishes and town.service._keeper.memory.trade_told)

        await town.kill()
        town.equity = Decimal(1000)
        await town.start()

        await town.says("HALTED", "daily_drawdown")
        (wish,) = town.wishes
        assert (wish.state, wish.actor, wish.cancel_orders, wish.flatten) == (
            "HALTED",
            "service:risk",
            True,
            False,
        )
        assert [alert.severity for alert in town.alerts if "HALTED" in alert.title]

    play(scene)


def test_a_person_rearms_and_a_service_does_not(play: Callable[..., None]) -> None:
    """Trade is resumed in the person's name; losses count from then on; the audit log has both."""

    async def scene(town: Town) -> None:
        await town.says("ACTIVE")
        with pytest.raises(RequestFailedError, match="there is nothing to re-arm"):
            await town.rearm()
        town.equity = Decimal(940)
        await town.says("HALTED")
        await town.until(lambda: town.state.state == "HALTED")
        for actor, sentence in (("service:strategy", "by a person"), (" ", "Say who")):
            with pytest.raises(RequestFailedError, match=sentence):
                await town.rearm(actor)

        report = await town.rearm()

        assert (report.verdict.state, report.armed_by) == ("ACTIVE", "cli:ann")
        assert report.best_equity == report.day_start_equity == 940
        assert (town.state.state, town.state.actor) == ("ACTIVE", "cli:ann")
        await town.until(lambda: any(entry.action == "rearm" for entry in town.audits))
        town.equity = Decimal(900)
        await town.says("ACTIVE")

    play(scene)


def test_a_halt_by_a_person_stays_when_risk_is_rearmed(play: Callable[..., None]) -> None:
    """It was the person who halted trade after risk had."""

    async def scene(town: Town) -> None:
        await town.says("ACTIVE")
        town.equity = Decimal(940)
        await town.until(lambda: town.state.state == "HALTED")
        town.state = trade.TradingState(state="HALTED", reason="mine", actor="cli:bob", since_ms=0)

        await town.rearm()

        assert (town.state.state, town.state.actor) == ("HALTED", "cli:bob")

    play(scene)


@pytest.mark.parametrize(("before", "after"), [("HALTED", "HALTED"), ("REDUCING", "REDUCING")])
def test_rearming_gives_back_what_a_person_had_chosen_before(
    before: str, after: str, play: Callable[..., None]
) -> None:
    """Trade was halted, or reducing, by a person already when risk halted it."""

    async def scene(town: Town) -> None:
        await town.says("ACTIVE")
        town.state = trade.TradingState(state=before, reason="mine", actor="cli:bob", since_ms=0)
        town.equity = Decimal(940)
        await town.until(lambda: town.wishes and town.service._keeper.memory.trade_told)
        assert town.state.actor == "service:risk"

        await town.rearm()

        assert town.state.state == after

    play(scene)


def test_an_account_that_is_not_told_opens_nothing(play: Callable[..., None]) -> None:
    """Trade refuses; then a price is missing; then all is well again."""

    async def scene(town: Town) -> None:
        await town.says("ACTIVE")
        town.broken = True
        verdict = await town.says("REDUCING", "account_unknown")
        assert "The books are closed." in verdict.reasons[0].sentence
        town.broken, town.equity = False, None
        await town.says("REDUCING", "unknown_equity")
        town.equity = Decimal(1000)
        await town.says("ACTIVE")
        assert (await town.viewer.request("risk", GetRisk(), RiskReport)).error == ""

    play(scene)


def test_a_check_that_raises_opens_nothing(play: Callable[..., None], monkeypatch: Any) -> None:
    """The guard itself fails, and works again: what was latched is latched all the time."""

    async def scene(town: Town) -> None:
        await town.says("ACTIVE")

        def broken(*_: object) -> None:
            raise ZeroDivisionError

        with monkeypatch.context() as patch:
            patch.setattr(town.service.desks["main"].officer, "judge", broken)
            verdict = await town.says("REDUCING", "check_failed")
            assert "cannot be checked" in verdict.reasons[0].sentence
        await town.says("ACTIVE")

    play(scene)


def test_money_from_outside_is_neither_profit_nor_loss(play: Callable[..., None]) -> None:
    """Half is withdrawn, then four times as much comes in and is lost in part."""

    async def scene(town: Town) -> None:
        await town.says("ACTIVE")
        town.equity, town.transferred = Decimal(500), {"USDT": Decimal(-500)}
        await town.says("ACTIVE")
        town.equity, town.transferred = Decimal(2500), {"USDT": Decimal(1500)}
        await town.says("ACTIVE")
        town.equity = Decimal(2350)
        await town.says("HALTED", "daily_drawdown")

    play(scene)


def test_losing_trades_pause_a_strategy_until_a_person_lifts_it(play: Callable[..., None]) -> None:
    """Two losses in a row, by fills alone; `rearm --blocks` ends the pause."""

    async def scene(town: Town) -> None:
        now = time.time_ns() // 1_000_000
        for number, (side, price) in enumerate([("buy", 100), ("sell", 99), ("buy", 100), ("sell", 98)]):
            fill = _fill(number, side, price, now - 5000 + number)
            town.trade.publish(topics.fill("paper"), fill)
        await town.until(lambda: any(verdict.blocks for verdict in town.verdicts))
        block = next(verdict.blocks[0] for verdict in reversed(town.verdicts) if verdict.blocks)
        assert (block.scope, block.name, block.symbol) == ("strategy", "ema", SYMBOL)

        report = await town.rearm(blocks=True)

        assert report.verdict.blocks == []

    play(scene, losing_streak=2)


def _fill(number: int, side: str, price: int, ts_ms: int) -> trade.Fill:
    return trade.Fill(
        id=str(number),
        order_id=f"o{number}",
        client_order_id="",
        exchange="paper",
        symbol=SYMBOL,
        side=side,
        price=Decimal(price),
        amount=Decimal(1),
        cost=Decimal(price),
        fee=Decimal(0),
        fee_currency="USDT",
        maker=False,
        ts_ms=ts_ms,
        source="ema",
    )


def test_an_orderly_end_is_told(play: Callable[..., None]) -> None:
    """A trade that does not require risk goes on without it."""

    async def scene(town: Town) -> None:
        await town.says("ACTIVE")
        await town.service.stop()
        await town.until(lambda: town.verdicts and town.verdicts[-1].ended)
        town.service._keeper = type(town.service._keeper)(town.home)  # the fixture ends it once more

    play(scene)


def test_every_limit_has_a_sentence(play: Callable[..., None]) -> None:
    """Those that are off, too."""

    async def scene(town: Town) -> None:
        await town.says("ACTIVE")
        report = await town.viewer.request("risk", GetRisk(), RiskReport)
        codes = {figure.code for figure in report.figures}
        assert {"daily_drawdown", "total_exposure", "value_at_risk", "wide_spread", "stop_streak"} <= codes
        for figure in report.figures:
            assert figure.sentence.endswith(".")
            assert figure.title in figure.sentence
        assert msgspec.msgpack.encode(report, enc_hook=str)

    play(scene)
