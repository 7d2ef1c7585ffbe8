"""One strategy under many parameter values, on all cores or many machines, over candles held once.

The results are those of single runs, in the order of the grid, however many workers there are. What a
killed worker had in hand is run again by another; what a keeper kept is not run again at all.
"""

import itertools
from collections.abc import Iterator, Sequence
from decimal import Decimal

import numpy as np

from ...configs.errors import UsageError
from ..data.files import Series
from ..strategy.base import Strategy
from .crew import Crew, crew_for
from .run import Request, load, read_range, read_surroundings
from .work import Counted, Keeper, Row, Values, Work, default_workers, nobody

__all__ = ["Row", "Work", "default_workers", "grid", "ranked", "run_all", "sweep", "sweep_series"]

MOST_RUNS = 1_000_000


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
        if name.strip() in axes:
            raise UsageError(f"--param {name.strip()} is given twice; write its values as one list or range.")
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
    told: Counted = nobody,
    keeper: Keeper | None = None,
    cluster: str = "",
) -> list[Row]:
    """Run all combinations; the best final equity first, equal ones in the order of the grid.

    Args:
        request: as for one run; its `parameters` are fixed for all.
        workers: processes; 1 runs in this one.
        told: called with (runs done, runs in all) as they come in.
        keeper: keeps rows, and knows those of before.
        cluster: address of a Dask scheduler; its workers do the runs.
    """
    owner = load(request.strategy, request.folder)
    combinations = [{**request.parameters, **chosen} for chosen in grid(owner, texts)]
    work = Work(request, owner, read_range(request), read_surroundings(request))
    with crew_for(work, workers, len(combinations), cluster) as crew:
        return ranked(run_all(crew, combinations, told, keeper))


def sweep_series(
    request: Request,
    owner: type[Strategy],
    series: Series,
    combinations: Sequence[Values],
    workers: int,
    told: Counted = nobody,
) -> list[Row]:
    """As `sweep`, over candles that were read before."""
    work = Work(request, owner, series)
    with crew_for(work, workers, len(combinations)) as crew:
        return ranked(run_all(crew, combinations, told))


def ranked(rows: Sequence[Row]) -> list[Row]:
    """The best final equity first."""
    return sorted(rows, key=lambda row: -row.final_equity)


def run_all(
    crew: Crew, combinations: Sequence[Values], told: Counted = nobody, keeper: Keeper | None = None
) -> list[Row]:
    """Let a crew run each combination; rows in the order given."""
    made = {} if keeper is None else keeper.known()
    left = [(number, values) for number, values in enumerate(combinations) if number not in made]

    def take(rows: list[tuple[int, Row]]) -> None:
        made.update(rows)
        if keeper is not None:
            keeper.keep(rows)
        told(len(made), len(combinations))

    told(len(made), len(combinations))
    if left:
        crew.run(left, take)
    return [made[number] for number in range(len(combinations))]
