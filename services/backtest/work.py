"""What the runs of a sweep share, and how a piece of them is done."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from ..data.files import Series
from ..strategy.base import Strategy
from .run import BARE, Request, Surroundings, run_series

Values = Mapping[str, object]

_CHUNKS_PER_WORKER = 8
_LARGEST_CHUNK = 25
_MOST_KNOWN_BYTES = 48_000_000

Counted = Callable[[int, int], None]
Numbered = tuple[int, Values]
"""A combination and its place in the grid."""


def nobody(_done: int, _all: int) -> None:
    """Nobody wants to know how far it is."""


class Keeper(Protocol):
    """Where rows are kept as they come, so that a sweep that is broken off can be gone on with."""

    def known(self) -> "dict[int, Row]":
        """Rows that were kept before, by their place in the grid."""

    def keep(self, rows: "list[tuple[int, Row]]") -> None:
        """Some more."""


@dataclass(frozen=True, slots=True)
class Row:
    """One run of a sweep."""

    parameters: dict[str, Any]
    final_equity: Decimal
    metrics: dict[str, float | int | None]


Take = Callable[[list[tuple[int, Row]]], None]
"""Takes a piece of rows that are done."""


@dataclass(frozen=True, slots=True)
class Work:
    """What all runs of a sweep share.

    Args:
        request: fixed parameters and rules.
        series: the candles.
    """

    request: Request
    owner: type[Strategy]
    series: Series
    surroundings: Surroundings = BARE


def default_workers() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_chunk(work: Work, chunk: Sequence[Numbered], known: dict[Any, Any]) -> list[tuple[int, Row]]:
    """Run some combinations.

    Args:
        known: lines computed for other combinations over the same candles; bounded in memory.
    """
    rows = []
    request = work.request
    for number, combination in chunk:
        if sum(getattr(column, "nbytes", 0) for column in known.values()) > _MOST_KNOWN_BYTES:
            known.clear()
        result = run_series(
            work.owner, combination, work.series, request.rules, request.symbol, known, work.surroundings
        )
        values = {name: result.strategy._parameters[name] for name in combination}
        rows.append((number, Row(values, result.final_equity, result.metrics)))
    return rows


def chunks_of(left: Sequence[Numbered], workers: int) -> list[list[Numbered]]:
    """Pieces of work: small enough that the last ones end together, large enough to share lines."""
    size = max(1, min(_LARGEST_CHUNK, len(left) // (workers * _CHUNKS_PER_WORKER)))
    return [list(left[start : start + size]) for start in range(0, len(left), size)]
