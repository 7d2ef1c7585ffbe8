"""The backtest service on a bus in memory; its jobs are real processes."""

import asyncio
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import structlog
from cryptobot.bus.contracts import backtest as messages
from cryptobot.bus.contracts.base import Done, Message
from cryptobot.bus.memory import MemoryHub
from cryptobot.configs.errors import RequestFailedError
from cryptobot.configs.paths import Home
from cryptobot.configs.schema import Settings
from cryptobot.configs.sections.backtest import BacktestSettings
from cryptobot.services.backtest.check import sample
from cryptobot.services.backtest.service import BacktestService
from cryptobot.services.data.columns import NAMES

DEADLINE_S = 60.0
R = TypeVar("R", bound=Message)


class Desk:
    """The service, and somebody who asks it and hears its progress."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder / "home")
        self.home.create()
        self.data = folder / "BTC-USDT_1h.csv"
        columns = sample(2500).columns
        rows = np.column_stack([getattr(columns, name) for name in NAMES]).tolist()
        times = columns.open_ms.tolist()
        lines = [",".join(map(repr, [time_ms, *row])) for time_ms, row in zip(times, rows, strict=True)]
        self.data.write_text("timestamp,open,high,low,close,volume\n" + "\n".join(lines))
        self.told: list[messages.BacktestProgress] = []
        self._changed = asyncio.Event()

    async def open(self) -> None:
        hub = MemoryHub()
        self.bus, self.viewer = await hub.open_async("backtest"), await hub.open_async("viewer")
        self.viewer.subscribe(messages.PROGRESS, messages.BacktestProgress, self._hear)
        await self.viewer.settled()
        settings = Settings(backtest=BacktestSettings(workers=2))
        self.service = BacktestService(self.home, settings, self.bus, structlog.get_logger())
        await self.service.setup()

    async def close(self) -> None:
        await self.service.stop()
        await self.bus.close()
        await self.viewer.close()

    def _hear(self, received: Any) -> None:
        self.told.append(received.message)
        self._changed.set()

    async def ask(self, message: Message, reply: type[R]) -> R:
        return await self.viewer.request("backtest", message, reply, timeout_s=DEADLINE_S)

    async def start(self, kind: str, **more: Any) -> str:
        wish = messages.StartBacktest(
            kind=kind, strategy="ema-cross", data=str(self.data), actor="somebody", **more
        )
        return (await self.ask(wish, messages.BacktestStarted)).id

    async def until(self, run: str, *states: str, done: int = 0) -> messages.BacktestProgress:
        """The first word of this kind after those that were asked for before."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                for number, one in enumerate(self.told):
                    if one.id == run and one.state in states and one.done >= done:
                        del self.told[: number + 1]
                        return one
                self._changed.clear()
                await self._changed.wait()


def play(folder: Path, work: Any) -> None:
    """Run a piece of work beside an open desk."""

    async def whole() -> None:
        desk = Desk(folder)
        await desk.open()
        try:
            await work(desk)
        finally:
            await desk.close()

    asyncio.run(whole())


def test_a_run_is_started_told_listed_and_shown(tmp_path: Path) -> None:
    """From StartBacktest to the page, with the same figures everywhere."""

    async def work(desk: Desk) -> None:
        run = await desk.start("run", parameters={"fast": "5", "slow": "20"}, rules={"cash": "500"})
        assert (await desk.until(run, "done", "failed")).state == "done"
        listed = await desk.ask(messages.ListBacktests(), messages.Backtests)
        shown = await desk.ask(messages.GetBacktest(id=run, report=True), messages.Backtest)

        assert [one.id for one in listed.backtests] == [run]
        assert listed.backtests[0].metrics == shown.summary.metrics
        assert len(shown.times_ms) == len(shown.equity) == len(shown.drawdown) > 100
        assert len(shown.trades) == shown.summary.metrics["trades"]
        assert shown.equity[0] == 500
        assert shown.summary.run_hash[:16] in shown.report

    play(tmp_path, work)


def test_a_cancelled_sweep_keeps_its_rows_and_goes_on(tmp_path: Path) -> None:
    """The same id, the rows of before, no process left behind."""
    grid = ["fast=3:40:1", "slow=60:160:5"]

    async def work(desk: Desk) -> None:
        run = await desk.start("sweep", grid=grid)
        await desk.until(run, "running", done=25)
        await desk.ask(messages.CancelBacktest(id=run, actor="somebody"), Done)
        stopped = await desk.until(run, "cancelled")
        kept = await desk.ask(messages.GetBacktest(id=run), messages.Backtest)
        again = await desk.start("sweep", grid=grid)
        ended = await desk.until(run, "done", "failed", "cancelled")
        whole = await desk.ask(messages.GetBacktest(id=run), messages.Backtest)

        assert stopped.state == "cancelled"
        assert 25 <= len(kept.trials) < 38 * 21
        assert (again, ended.state) == (run, "done")
        assert len(whole.trials) == 38 * 21

    play(tmp_path, work)


def test_what_cannot_be_started_is_told(tmp_path: Path) -> None:
    """Each refusal is a sentence; nothing is kept of it."""

    async def refusal(desk: Desk, kind: str, **more: Any) -> str:
        try:
            await desk.start(kind, **more)
        except RequestFailedError as error:
            return error.message
        return ""

    async def work(desk: Desk) -> None:
        assert "did you mean 'fast'" in await refusal(desk, "run", parameters={"fats": "1"})
        assert "needs values to try" in await refusal(desk, "sweep")
        assert "no kind 'dance'" in await refusal(desk, "dance")
        assert "no rule 'cahs'" in await refusal(desk, "run", rules={"cahs": "1"})
        assert "whole number" in await refusal(desk, "run", options={"from_ms": "soon"})
        listed = await desk.ask(messages.ListBacktests(), messages.Backtests)
        assert listed.backtests == []

    play(tmp_path, work)
