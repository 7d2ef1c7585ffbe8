"""Sums, variances and extremes over the last n values, whole columns at once or value by value, equal to
the bit.

A window of n is put together from windows whose lengths are powers of two (n = 13: 8 + 4 + 1), each made
of two halves. Every value depends on the n values of its window alone, so it does not matter where the
history begins, no rounding error piles up over millions of candles, and both forms add the same numbers
in the same order. A column of N values costs about log2(n) passes, one streamed value about log2(n)
additions.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64]
Part = tuple[Any, ...]
"""What is known of one window: columns in the vectorised form, floats in the streaming form."""
Combine = Callable[[Part, int, Part, int], Part]
"""The window made of an older one and a newer one, each with its length."""

NAN = float("nan")


def shift(column: Column, places: int, before: float = NAN) -> Column:
    """The column moved to later places, with `before` in front of it."""
    if places == 0:
        return column
    moved = np.empty(len(column))
    moved[:places] = before
    moved[places:] = column[:-places] if places < len(column) else column[:0]
    return moved


def add(older: Part, _older_size: int, newer: Part, _newer_size: int) -> Part:
    """The sum."""
    return (older[0] + newer[0],)


def spread(older: Part, older_size: int, newer: Part, newer_size: int) -> Part:
    """Sum and sum of squared distances from the mean (Chan, Golub, LeVeque 1983): stable at any price
    level.
    """
    apart = newer[0] / newer_size - older[0] / older_size
    weight = older_size * newer_size / (older_size + newer_size)
    return (older[0] + newer[0], older[1] + newer[1] + apart * apart * weight)


def largest(older: Part, _older_size: int, newer: Part, _newer_size: int) -> Part:
    """The larger one; NaN when one of them is."""
    if isinstance(older[0], float):
        first, second = older[0], newer[0]
        return (first if first > second or first != first else second,)
    return (np.maximum(older[0], newer[0]),)


def smallest(older: Part, _older_size: int, newer: Part, _newer_size: int) -> Part:
    """The smaller one; NaN when one of them is."""
    if isinstance(older[0], float):
        first, second = older[0], newer[0]
        return (first if first < second or first != first else second,)
    return (np.minimum(older[0], newer[0]),)


def over_column(start: Sequence[Column], size: int, combine: Combine, before: float = NAN) -> Part:
    """The vectorised form: for each place what `combine` makes of the `size` values up to it.

    Args:
        before: what stands in front of the first value.
    """
    level: Part = tuple(start)
    level_size, covered = 1, 0
    result: Part | None = None
    while True:
        if size & level_size:
            part = tuple(shift(column, covered, before) for column in level)
            result = part if result is None else combine(part, level_size, result, covered)
            covered += level_size
        if level_size * 2 > size:
            assert result is not None
            return result
        level = combine(
            tuple(shift(column, level_size, before) for column in level), level_size, level, level_size
        )
        level_size *= 2


class Window:
    """The streaming form. `push` takes what one value is, returns what the last `size` values are."""

    def __init__(self, size: int, width: int, combine: Combine, before: float = NAN) -> None:
        self._combine, self._size = combine, size
        nothing: Part = (before,) * width
        self._levels: list[tuple[int, int, deque[Part]]] = []
        level_size, covered = 1, 0
        while level_size <= size:
            offset = covered if size & level_size else -1
            depth = max(level_size, covered) + 1
            self._levels.append((level_size, offset, deque([nothing] * depth, maxlen=depth)))
            if offset >= 0:
                covered += level_size
            level_size *= 2

    def push(self, start: Part) -> Part:
        level = start
        result: Part | None = None
        covered = 0
        combine = self._combine
        for level_size, offset, past in self._levels:
            past.append(level)
            if offset >= 0:
                part = past[-1 - offset]
                result = part if result is None else combine(part, level_size, result, covered)
                covered += level_size
            if level_size * 2 <= self._size:
                level = combine(past[-1 - level_size], level_size, level, level_size)
        assert result is not None
        return result
