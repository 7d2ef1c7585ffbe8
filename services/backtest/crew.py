"""Who does the runs of a sweep: this process, its worker processes, or the workers of a Dask cluster."""

import multiprocessing
import multiprocessing.connection
import os
import signal
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import numpy as np

from ...configs.errors import StrategyError
from ..data.columns import NAMES, Columns
from ..data.files import Series
from .cluster import ClusterCrew
from .run import Request, load, read_surroundings
from .work import Numbered, Row, Take, Work, chunks_of, run_chunk

_MOST_POOLS = 4
_ALONE = 10


class Crew(Protocol):
    """Does numbered runs and hands the rows over as they are done. Close it (`with`)."""

    workers: int

    def __enter__(self) -> "Crew": ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def run(self, left: Sequence[Numbered], take: Take) -> None:
        """All of `left`; `take` is called with each piece that is done."""


def crew_for(work: Work, workers: int, runs: int, cluster: str = "") -> Crew:
    """The crew that fits.

    Args:
        runs: how many there will be at once at the most.
        cluster: address of a Dask scheduler; "" is this machine.
    """
    if cluster:
        return ClusterCrew(work, cluster)
    if workers <= 1 or runs < 2 or work.surroundings.book is not None:
        return Alone(work)
    return Pool(work, min(workers, runs))


class Alone:
    """This process does all."""

    workers = 1

    def __init__(self, work: Work) -> None:
        self._job, self._known = work, dict[Any, Any]()

    def __enter__(self) -> "Alone":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._known.clear()

    def run(self, left: Sequence[Numbered], take: Take) -> None:
        """One after the other."""
        for start in range(0, len(left), _ALONE):
            take(run_chunk(self._job, left[start : start + _ALONE], self._known))


class Pool:
    """Worker processes that map the candles from one file and stay up until the end."""

    def __init__(self, work: Work, workers: int) -> None:
        self.workers = workers
        self._work = work
        self._folder = tempfile.TemporaryDirectory(prefix="cryptobot-sweep-")
        shared = Path(self._folder.name) / "candles.npy"
        columns = work.series.columns
        np.save(shared, np.array([getattr(columns, name).astype(np.float64) for name in ("open_ms", *NAMES)]))
        bare = replace(work.series, columns=Columns.empty())
        self._given = (work.request, bare, str(shared))
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> "Pool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(kill=kind is not None)
        self._folder.cleanup()

    def run(self, left: Sequence[Numbered], take: Take) -> None:
        """All of `left`, in pieces. What a killed worker had in hand is run again."""
        waiting = dict(enumerate(chunks_of(left, self.workers)))
        for _ in range(_MOST_POOLS):
            try:
                self._try(waiting, take)
                return
            except BrokenProcessPool:
                self._end(kill=True)
        raise StrategyError(
            f"Workers ended {_MOST_POOLS} times before they were done; is there enough memory?"
        )

    def _try(self, waiting: dict[int, list[Numbered]], take: Take) -> None:
        if self._pool is None:
            # Spawned, not forked: a fork of a process with threads may hang.
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.workers, context, _begin, self._given)
        working = {self._pool.submit(_work, chunk): number for number, chunk in waiting.items()}
        for done in as_completed(working):
            rows = done.result()
            del waiting[working[done]]
            take(rows)

    def _end(self, *, kill: bool) -> None:
        pool, self._pool = self._pool, None
        if pool is None:
            return
        processes = list((pool._processes or {}).values())
        pool.shutdown(wait=not kill, cancel_futures=True)
        if kill:
            for process in processes:
                process.kill()
            for process in processes:
                process.join(10)


_state: dict[str, Any] = {}
"""What a worker process was given at its start."""


def _begin(request: Request, bare: Series, shared: str) -> None:
    """In a worker: map the candles, load the strategy, end when the parent ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    matrix = np.load(shared, mmap_mode="r")
    columns = Columns(matrix[0].astype(np.int64), *matrix[1:])
    owner, series = load(request.strategy, request.folder), replace(bare, columns=columns)
    _state.update(work=Work(request, owner, series, read_surroundings(request)), known={})


def _end_with(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)


def _work(chunk: list[Numbered]) -> list[tuple[int, Row]]:
    """In a worker: run a chunk."""
    return run_chunk(_state["work"], chunk, _state["known"])
