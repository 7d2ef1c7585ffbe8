"""One strategy under many parameter values, on all cores, over candles that are held in memory once.

Workers map the candles from one file, keep the lines they computed for other values, and stay up until
the end. The results are those of single runs, in the order of the grid, however many workers there are.
"""

import itertools
import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from ...configs.errors import StrategyError, UsageError
from ..data.columns import NAMES, Columns
from ..data.files import Series, read_series
from ..strategy.base import Strategy
from .run import Request, load, run_series

Values = Mapping[str, object]

MOST_RUNS = 1_000_000
_MOST_POOLS = 4
_CHUNKS_PER_WORKER = 8
_MOST_KNOWN_BYTES = 48_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """One run of a sweep."""

    parameters: dict[str, Any]
    final_equity: Decimal
    metrics: dict[str, float | int | None]


def grid(owner: type[Strategy], texts: Sequence[str]) -> list[dict[str, object]]:
    """All combinations of `name=1,2,5` and `name=5:50:5` (both ends included), in the order given.

    Raises:
        UsageError: a text is written in another way, or there are too many combinations.
        SettingsError: a name or a value that the strategy does not allow.
    """
    axes: dict[str, list[object]] = {}
    for text in texts:
        name, equals, values = text.partition("=")
        if not equals:
            raise UsageError(f"--param {text} must be NAME=VALUES, such as fast=5,10,20 or fast=5:50:5.")
        axes[name.strip()] = list(_axis(text, values))
    count = int(np.prod([len(values) for values in axes.values()], dtype=object)) if axes else 1
    if count > MOST_RUNS:
        raise UsageError(f"These parameters make {count} runs; at most {MOST_RUNS} are done at once.")
    combinations = [dict(zip(axes, chosen, strict=True)) for chosen in itertools.product(*axes.values())]
    for combination in (combinations[0], combinations[-1]):
        owner(combination)
    return combinations


def _axis(text: str, values: str) -> Iterator[object]:
    if ":" not in values:
        yield from (value.strip() for value in values.split(","))
        return
    try:
        low, high, step = (Decimal(part) for part in values.split(":"))
    except (ValueError, ArithmeticError):
        raise UsageError(f"--param {text} must be NAME=LOW:HIGH:STEP, such as fast=5:50:5.") from None
    if step <= 0 or high < low:
        raise UsageError(f"--param {text} leads nowhere; LOW must not be above HIGH, and STEP above 0.")
    while low <= high:
        yield str(low)
        low += step


def sweep(
    request: Request,
    texts: Sequence[str],
    workers: int,
    told: Callable[[int, int], None] = lambda done, all_: None,
) -> list[Row]:
    """Run all combinations; the best final equity first, equal ones in the order of the grid.

    Args:
        request: as for one run; its `parameters` are fixed for all.
        workers: processes; 1 runs in this one.
        told: called with (runs done, runs in all) as they come in.
    """
    owner = load(request.strategy, request.folder)
    combinations = [{**request.parameters, **chosen} for chosen in grid(owner, texts)]
    return sweep_series(request, owner, read_series(request.data), combinations, workers, told)


def sweep_series(
    request: Request,
    owner: type[Strategy],
    series: Series,
    combinations: list[dict[str, object]],
    workers: int,
    told: Callable[[int, int], None] = lambda done, all_: None,
) -> list[Row]:
    """As `sweep`, over candles that were read before."""
    if workers <= 1 or len(combinations) < 2:
        rows = []
        for number, row in enumerate(_runs(owner, request, series, combinations), 1):
            rows.append(row)
            told(number, len(combinations))
    else:
        rows = _in_processes(request, series, combinations, workers, told)
    return sorted(rows, key=lambda row: -row.final_equity)


def default_workers() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _runs(
    owner: type[Strategy], request: Request, series: Series, combinations: Sequence[Values]
) -> Iterator[Row]:
    known: dict[Any, Any] = {}
    for combination in combinations:
        if sum(getattr(column, "nbytes", 0) for column in known.values()) > _MOST_KNOWN_BYTES:
            known.clear()
        result = run_series(owner, combination, series, request.rules, request.symbol, known)
        values = {name: result.strategy._parameters[name] for name in combination}
        yield Row(values, result.final_equity, result.metrics)


def _in_processes(
    request: Request,
    series: Series,
    combinations: list[dict[str, object]],
    workers: int,
    told: Callable[[int, int], None],
) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="cryptobot-sweep-") as folder:
        shared = Path(folder) / "candles.npy"
        names = ("open_ms", *NAMES)
        np.save(shared, np.array([getattr(series.columns, name).astype(np.float64) for name in names]))
        bare = replace(series, columns=Columns.empty())
        size = max(1, len(combinations) // (workers * _CHUNKS_PER_WORKER))
        chunks = [combinations[start : start + size] for start in range(0, len(combinations), size)]
        made: dict[int, list[Row]] = {}

        def tell() -> None:
            told(sum(len(rows) for rows in made.values()), len(combinations))

        for _ in range(_MOST_POOLS):
            try:
                _one_pool(chunks, made, workers, (request, bare, str(shared)), tell)
                break
            except BrokenProcessPool:
                continue  # a worker was killed: what came in is kept, the rest is run again
        else:
            raise StrategyError(
                f"Workers ended {_MOST_POOLS} times before they were done; is there enough memory?"
            )
        return [row for number in sorted(made) for row in made[number]]


def _one_pool(
    chunks: Sequence[list[dict[str, object]]],
    made: dict[int, list[Row]],
    workers: int,
    given: tuple[Request, Series, str],
    tell: Callable[[], None],
) -> None:
    """Run the chunks that are not made yet."""
    # Spawned, not forked: a fork of a process with threads may hang.
    context = multiprocessing.get_context("spawn")
    left = [number for number in range(len(chunks)) if number not in made]
    with ProcessPoolExecutor(min(workers, len(left)), context, _begin, given) as pool:
        working = {pool.submit(_work, chunks[number]): number for number in left}
        try:
            for done in as_completed(working):
                made[working[done]] = done.result()
                tell()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


_state: dict[str, Any] = {}
"""What a worker process was given at its start."""


def _begin(request: Request, bare: Series, shared: str) -> None:
    """In a worker: map the candles, load the strategy."""
    matrix = np.load(shared, mmap_mode="r")
    columns = Columns(matrix[0].astype(np.int64), *matrix[1:])
    _state.update(
        owner=load(request.strategy, request.folder), request=request, series=replace(bare, columns=columns)
    )


def _work(chunk: list[dict[str, object]]) -> list[Row]:
    """In a worker: run a chunk."""
    return list(_runs(_state["owner"], _state["request"], _state["series"], chunk))
