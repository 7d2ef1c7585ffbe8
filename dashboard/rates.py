"""How often somebody may ask: a bucket of tokens for each address, user or key."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

MAX_KNOWN = 10_000
_TOLD_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Rate:
    """So many at once, and so many a second after that."""

    burst: float
    per_s: float


# Before a login: the page, the form, a passkey or a provider. A person needs a handful.
STRANGERS = Rate(60, 5)
# Pages of one person in many windows, or a program: far above what either needs.
USERS = Rate(1000, 100)


class Rates:
    """Counts. Used by Flask's threads; a race of two of them costs at most one token.

    Args:
        clock: seconds, for tests.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._told: OrderedDict[str, float] = OrderedDict()

    def wait_s(self, who: str, rate: Rate) -> float:
        """Take a token; 0.0 when there was one, else after how many seconds there will be."""
        now = self._clock()
        left, at = self._left.pop(who, (rate.burst, now))
        left = min(rate.burst, left + (now - at) * rate.per_s)
        allowed = left >= 1.0
        self._left[who] = (left - 1.0 if allowed else left, now)
        while len(self._left) > MAX_KNOWN:
            self._left.popitem(last=False)
        return 0.0 if allowed else (1.0 - left) / rate.per_s

    def first_refusal(self, who: str) -> bool:
        """Is this the first refusal of this minute? So that a flood does not fill the log."""
        now = self._clock()
        if now - self._told.get(who, -_TOLD_EVERY_S) < _TOLD_EVERY_S:
            return False
        self._told[who] = now
        while len(self._told) > MAX_KNOWN:
            self._told.popitem(last=False)
        return True
