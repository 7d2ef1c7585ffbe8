"""The backtest service: runs jobs for the dashboard, each in a process of its own, and shows what is kept."""

import asyncio
import functools
import multiprocessing
import time
from multiprocessing.connection import Connection
from typing import Any, ClassVar

import msgspec

from ...bus import topics
from ...bus.api import Request
from ...bus.contracts import backtest as messages
from ...bus.contracts.base import Done
from ...bus.contracts.service import Audit
from ...configs.errors import CryptoBotError, RequestFailedError
from ...configs.paths import Home
from ..host.service import Service
from ..host.service import run as run_service
from . import jobs, showing, worker
from .archive import CANCELLED, FAILED, RUNNING, Archive, new_id
from .options import told as told_request
from .run import load

WAITING = "waiting"
_ENDS_WITHIN_S = 10.0


class _Running:
    """A job that waits or runs."""

    def __init__(self, job: worker.Job) -> None:
        self.job = job
        self.done, self.all = 0, 0
        self.state, self.reason = WAITING, ""
        self.process: Any = None
        self.cancelled = False


class BacktestService(Service):
    """Answers the requests of bus/contracts/backtest.py; publishes BacktestProgress."""

    name: ClassVar[str] = "backtest"

    async def setup(self) -> None:
        self._archive = Archive(self.home)
        self._archive.forget(self.settings.backtest.keep)
        self._archive.end_all(RUNNING, CANCELLED, "the service ended meanwhile; start it again to go on")
        self._running: dict[str, _Running] = {}
        self._tasks_of_jobs: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(self.settings.backtest.jobs)
        self.bus.serve(messages.StartBacktest, self._start)
        self.bus.serve(messages.CancelBacktest, self._cancel)
        self.bus.serve(messages.ListBacktests, self._list)
        self.bus.serve(messages.GetBacktest, self._get)
        self.bus.serve(messages.GetTrust, self._trust)

    async def stop(self) -> None:
        if not hasattr(self, "_running"):
            return
        for running in self._running.values():
            running.cancelled = True
            if running.process is not None:
                running.process.terminate()
        if self._tasks_of_jobs:
            await asyncio.wait(self._tasks_of_jobs, timeout=_ENDS_WITHIN_S)
        for running in self._running.values():
            if running.process is not None and running.process.is_alive():
                running.process.kill()
        for task in self._tasks_of_jobs:
            task.cancel()
        self._archive.close()

    def _start(self, request: Request[messages.StartBacktest]) -> messages.BacktestStarted:
        wish = request.message
        job = worker.Job(
            id=new_id(wish.kind or "?"),
            kind=wish.kind,
            strategy=wish.strategy,
            data=wish.data,
            parameters=wish.parameters,
            grid=wish.grid,
            rules=wish.rules,
            options=wish.options,
            workers=self.settings.backtest.workers,
        )
        try:
            made = worker.request_of(job, self.home)
            owner = load(wish.strategy, self.home.strategies)
            owner(wish.parameters)
            task = jobs.task_of("sweep", made, wish.grid) if wish.kind == "sweep" else ""
            kept = {**told_request(made), "param": wish.grid}
            run = self._archive.begin(wish.kind, wish.strategy, kept, task=task, actor=wish.actor)
        except CryptoBotError as error:
            raise RequestFailedError("cannot_start", str(error)) from error
        if run in self._running:
            return messages.BacktestStarted(id=run)
        running = self._running[run] = _Running(msgspec.structs.replace(job, id=run))
        task_ = asyncio.get_running_loop().create_task(self._run(running), name=f"backtest:{run}")
        self._tasks_of_jobs.add(task_)
        task_.add_done_callback(self._tasks_of_jobs.discard)
        self._audit(wish.actor, "start backtest", run, f"{wish.kind} of {wish.strategy}")
        return messages.BacktestStarted(id=run)

    async def _run(self, running: _Running) -> None:
        self._tell(running)
        try:
            async with self._slots:
                if not running.cancelled:
                    await self._in_process(running)
        finally:
            if running.cancelled and running.state in (WAITING, RUNNING):
                running.state, running.reason = CANCELLED, "stopped by a person"
                self._archive.end(running.job.id, CANCELLED, running.reason)
            self._tell(running)
            self._running.pop(running.job.id, None)

    async def _in_process(self, running: _Running) -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe(duplex=False)
        given = (theirs, str(self.home.root), running.job)
        running.process = context.Process(target=worker.main, args=given, name=f"backtest {running.job.id}")
        running.process.start()
        theirs.close()
        running.state = RUNNING
        self._tell(running)
        if running.cancelled:
            running.process.terminate()
        await asyncio.to_thread(self._listen, running, ours, asyncio.get_running_loop())
        await asyncio.to_thread(running.process.join, _ENDS_WITHIN_S)
        if running.state == RUNNING and not running.cancelled:
            running.state = FAILED
            running.reason = f"its process ended ({running.process.exitcode}); is there enough memory?"
            self._archive.end(running.job.id, FAILED, running.reason)

    def _listen(self, running: _Running, pipe: Connection, loop: asyncio.AbstractEventLoop) -> None:
        """In a thread: take the words of a job until its process ends."""
        with pipe:
            while True:
                try:
                    first, second = msgspec.json.decode(pipe.recv_bytes())
                except (EOFError, OSError):
                    return
                if isinstance(first, str):
                    running.state, running.reason = first, second
                else:
                    running.done, running.all = first, second
                    loop.call_soon_threadsafe(self._tell, running)

    def _tell(self, running: _Running) -> None:
        job = running.job
        self.bus.publish(
            f"{messages.PROGRESS}{job.id}",
            messages.BacktestProgress(
                id=job.id,
                kind=job.kind,
                state=running.state,
                done=running.done,
                all=running.all,
                unit=worker.UNITS[job.kind],
                ts_ms=time.time_ns() // 1_000_000,
                reason=running.reason,
            ),
        )

    def _cancel(self, request: Request[messages.CancelBacktest]) -> Done:
        wish = request.message
        running = self._running.get(wish.id)
        if running is None:
            raise RequestFailedError("not_running", f"No backtest {wish.id} waits or runs.")
        running.cancelled = True
        if running.process is not None:
            running.process.terminate()
        self._audit(wish.actor, "cancel backtest", wish.id, f"{running.job.kind} of {running.job.strategy}")
        return Done(message=f"Backtest {wish.id} ends; what was done is kept.")

    async def _list(self, request: Request[messages.ListBacktests]) -> messages.Backtests:
        wish = request.message
        runs = self._archive.runs(min(wish.limit, 1000), strategy=wish.strategy)
        found = []
        for run in runs:
            running = self._running.get(run.id)
            counts = {} if running is None else {"done": running.done, "all": running.all}
            state = run.state if running is None else running.state
            found.append(showing.summary(run, state=state, **counts))
        series = await asyncio.to_thread(showing.stored_series, self.home)
        return messages.Backtests(backtests=found, series=series)

    async def _get(self, request: Request[messages.GetBacktest]) -> messages.Backtest:
        wish = request.message
        try:
            run = self._archive.run(wish.id)
            found = showing.whole(self._archive, run, wish.trades)
            if wish.report:
                page = await asyncio.to_thread(functools.partial(showing.report, self.home, run))
                found = msgspec.structs.replace(found, report=page)
        except CryptoBotError as error:
            raise RequestFailedError("no_backtest", str(error)) from error
        return found

    def _trust(self, request: Request[messages.GetTrust]) -> messages.TrustVerdict:
        wish = request.message
        try:
            owner = load(wish.strategy, self.home.strategies)
        except CryptoBotError as error:
            raise RequestFailedError("no_strategy", str(error)) from error
        return showing.verdict(self._archive, wish.strategy, wish.symbol, jobs.code_hash(owner))

    def _audit(self, actor: str, action: str, subject: str, detail: str) -> None:
        made = Audit(kind="trading", actor=actor, action=action, subject=subject, detail=detail, ok=True)
        self.bus.publish(topics.audit("trading"), made)


def main(home: Home) -> int:
    """Run the backtest service until it is told to stop."""
    return run_service(BacktestService, home)
