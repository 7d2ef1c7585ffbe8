"""When a service that ended is started again: backoff with jitter, and a limit on how often."""

import random
from collections import deque


class RestartPolicy:
    """Counts failures of one service.

    The first restart after a stable run is at once; further ones in a row wait, doubling up to a cap.
    More than `limit` failures within `window_s` are too many, however long each run lasted, and so are more
    than `limit` in a row, however long the waits between them. All times are
    readings of a monotonic clock that the caller gives, so a jump of the wall clock means nothing.

    Args:
        initial_s, maximum_s: first and longest wait.
        limit, window_s: the flapping limit.
        stable_s: a run of at least so long ends a row of failures.
    """

    def __init__(
        self, *, initial_s: float, maximum_s: float, limit: int, window_s: float, stable_s: float
    ) -> None:
        self.initial_s, self.maximum_s = initial_s, maximum_s
        self.limit, self.window_s, self.stable_s = limit, window_s, stable_s
        self.in_a_row = 0
        self._failures: deque[float] = deque(maxlen=limit + 1)

    def failed(self, now: float, ran_s: float) -> float | None:
        """A run of `ran_s` seconds ended: seconds to wait before the next, None when it was one too many."""
        if ran_s >= self.stable_s:
            self.in_a_row = 0
        while self._failures and now - self._failures[0] > self.window_s:
            self._failures.popleft()  # a service that fails for days is not remembered for days
        self._failures.append(now)
        if len(self._failures) > self.limit and now - self._failures[0] <= self.window_s:
            return None
        self.in_a_row += 1
        if self.in_a_row > self.limit:
            return None
        if self.in_a_row == 1:
            return 0.0
        wait = min(self.maximum_s, self.initial_s * 2.0 ** min(self.in_a_row - 2, 40))
        return wait * random.uniform(0.8, 1.2)

    def recent(self, now: float) -> int:
        """Failures within the window."""
        return sum(1 for when in self._failures if now - when <= self.window_s)

    def reset(self) -> None:
        """Forget all failures: a person asked for a start."""
        self.in_a_row = 0
        self._failures.clear()
