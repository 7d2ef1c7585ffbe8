"""What is odd about a series of candles: a report for people, nothing is changed."""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ...bus.contracts.market import timeframe_ms
from .columns import Columns
from .store import Gap

_MOST_LISTED = 20
_OUTLIER_SIGMAS = 20.0
_OUTLIER_LEAST = 0.02
"""A jump counts when it is both many times the usual and at least two percent."""


class Hole(msgspec.Struct, frozen=True):
    """Candles that are missing, first and last open time; `known` when the venue was asked in vain."""

    first_ms: int
    last_ms: int
    candles: int
    known: bool
    reason: str = ""


class Outlier(msgspec.Struct, frozen=True):
    """A candle whose close, high or low lies far from the close before, as a fraction."""

    open_ms: int
    change: float


class Report(msgspec.Struct, kw_only=True, frozen=True):
    """The quality of one series.

    Args:
        missing: candles absent between the first and the last.
        zero_volume: candles in which nothing was traded; `longest_quiet` in a row.
        flat: candles whose four prices are equal.
        duplicates: open times that occur more than once.
        unsorted: open times that lie before the one in front of them.
        broken: candles whose prices do not fit together.
    """

    timeframe: str
    candles: int
    first_ms: int
    last_ms: int
    missing: int
    gaps: int
    unexplained_gaps: int
    holes: list[Hole]
    zero_volume: int
    longest_quiet: int
    flat: int
    outliers: int
    examples: list[Outlier]
    duplicates: int
    unsorted: int
    broken: int

    @property
    def clean(self) -> bool:
        """Nothing that `data repair` or a person should look at."""
        return not (self.unexplained_gaps or self.duplicates or self.unsorted or self.broken)


def report(columns: Columns, timeframe: str, noted: list[Gap] | None = None) -> Report:
    """Look at a series.

    Args:
        noted: gaps that the venue could not fill.
    """
    step = timeframe_ms(timeframe)
    times = np.asarray(columns.open_ms)
    steps = np.diff(times)
    holes = list(_holes(times, steps, step, noted or []))
    quiet = np.asarray(columns.volume) == 0
    jumps = _jumps(columns)
    far = np.flatnonzero(jumps > max(_OUTLIER_LEAST, _OUTLIER_SIGMAS * _usual(jumps)))
    return Report(
        timeframe=timeframe,
        candles=len(columns),
        first_ms=int(times[0]) if len(times) else 0,
        last_ms=int(times[-1]) if len(times) else 0,
        missing=sum(hole.candles for hole in holes),
        gaps=len(holes),
        unexplained_gaps=sum(not hole.known for hole in holes),
        holes=holes[:_MOST_LISTED],
        zero_volume=int(quiet.sum()),
        longest_quiet=_longest(quiet),
        flat=int(((columns.high == columns.low) & (columns.open == columns.close)).sum()),
        outliers=len(far),
        examples=[Outlier(int(times[at]), round(float(jumps[at]), 6)) for at in far[:_MOST_LISTED]],
        duplicates=int((steps == 0).sum()),
        unsorted=int((steps < 0).sum()),
        broken=int(_broken(columns).sum()),
    )


def holes_of(columns: Columns, timeframe: str, noted: list[Gap]) -> list[Hole]:
    """All gaps of a series, oldest first."""
    times = np.asarray(columns.open_ms)
    return list(_holes(times, np.diff(times), timeframe_ms(timeframe), noted))


def _holes(times: Any, steps: Any, step: int, noted: list[Gap]) -> Any:
    for at in np.flatnonzero(steps > step):
        first, last = int(times[at]) + step, int(times[at + 1]) - step
        gap = next((gap for gap in noted if gap.first_ms <= first and gap.last_ms >= last), None)
        yield Hole(first, last, (last - first) // step + 1, gap is not None, gap.reason if gap else "")


def _jumps(columns: Columns) -> NDArray[np.float64]:
    """For each candle the farthest of close, high and low from the close before, as a fraction."""
    if len(columns) < 2:
        return np.zeros(len(columns))
    before = np.asarray(columns.close)[:-1]
    parts = [
        np.abs(np.asarray(part)[1:] / before - 1.0) for part in (columns.close, columns.high, columns.low)
    ]
    return np.concatenate(([0.0], np.maximum.reduce(parts)))


def _usual(jumps: NDArray[np.float64]) -> float:
    """The usual size of a jump: the median of those that are any."""
    some = jumps[jumps > 0]
    return float(np.median(some)) if len(some) else 0.0


def _longest(flags: NDArray[np.bool_]) -> int:
    """Length of the longest run of true."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return int((edges[1::2] - edges[::2]).max()) if len(edges) else 0


def _broken(columns: Columns) -> NDArray[np.bool_]:
    highest = np.maximum(columns.open, columns.close)
    lowest = np.minimum(columns.open, columns.close)
    return np.asarray(
        (columns.high < highest) | (columns.low > lowest) | (columns.low <= 0) | (columns.volume < 0)
    )
