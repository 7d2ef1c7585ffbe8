"""Choosing parameters on the past and trading them on what followed, again and again.

What comes out is what somebody would have got who had chosen anew at each step, knowing only what lay before.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ...configs.errors import UsageError
from ..data.files import Series
from .run import Request, load, read_range, run_series
from .sweep import grid, sweep_series


@dataclass(frozen=True, slots=True)
class Step:
    """One choice and what followed.

    Args:
        from_ms: open time of the first candle traded with the choice; to_ms: of the last one.
        chosen: the parameters that ended with the most money on the candles before.
        learnt: return on those; earned: return on the candles that followed, not seen when choosing.
    """

    from_ms: int
    to_ms: int
    chosen: dict[str, Any]
    learnt: float
    earned: float
    trades: int


@dataclass(frozen=True, slots=True)
class WalkForward:
    """All steps; `earned` is their returns multiplied out, `learnt` those of the choices on their own
    past.
    """

    steps: list[Step]
    earned: float
    learnt: float


def walk_forward(
    request: Request,
    texts: Sequence[str],
    train: int,
    test: int,
    workers: int,
    told: Callable[[int, int], None] = lambda done, all_: None,
) -> WalkForward:
    """Walk over the candles of a file.

    Args:
        texts: parameter values to choose from, as for a sweep.
        train: candles to choose on, beyond the warm-up.
        test: candles traded with each choice; the next step begins where they end.

    Raises:
        UsageError: the candles are not enough for one step.
    """
    owner = load(request.strategy, request.folder)
    combinations = grid(owner, texts)
    series = read_range(request)
    warmup, size = request.rules.warmup, len(series.columns)
    starts = range(0, size - warmup - train - test + 1, test)
    if not starts:
        raise UsageError(
            f"One step needs {warmup + train + test} candles (warm-up, --train, --test); the file has {size}."
        )
    steps = []
    for number, start in enumerate(starts, 1):
        learn_to = start + warmup + train
        best = sweep_series(request, owner, _part(series, start, learn_to), combinations, workers)[0]
        followed = _part(series, learn_to - warmup, learn_to + test)
        result = run_series(owner, best.parameters, followed, request.rules, request.symbol)
        steps.append(
            Step(
                int(series.columns.open_ms[learn_to]),
                int(followed.columns.open_ms[-1]),
                best.parameters,
                float(best.final_equity / request.rules.cash - 1),
                float(result.final_equity / request.rules.cash - 1),
                len(result.trades),
            )
        )
        told(number, len(starts))
    return WalkForward(
        steps, _product([step.earned for step in steps]), _product([step.learnt for step in steps])
    )


def _part(series: Series, start: int, stop: int) -> Series:
    return Series(series.symbol, series.timeframe, series.columns.part(start, stop), 0)


def _product(returns: list[float]) -> float:
    value = 1.0
    for one in returns:
        value *= 1.0 + one
    return value - 1.0
