"""Telling people of a position that can be neither protected nor closed: at once, then now and then, and when
it is over. The venue is asked again all the time; people are not.
"""

import time
from collections.abc import Callable

from .booking import Booking

AGAIN_AFTER_S = 60.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.25, 5.0


class Unprotected:
    """What people were told of positions without a stop.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, booking: Booking, clock: Callable[[], float] = time.monotonic) -> None:
        self._booking, self._clock = booking, clock
        self._told_s: dict[str, float] = {}
        self._tries: dict[str, int] = {}

    def tell(self, symbol: str, detail: str) -> None:
        """It could not be protected (again) and is being closed; `detail` says how much and why."""
        tries = self._tries[symbol] = self._tries.get(symbol, 0) + 1
        now = self._clock()
        if now < self._told_s.get(symbol, float("-inf")) + AGAIN_AFTER_S:
            return
        self._told_s[symbol] = now
        times = f" This is try {tries}: close it by hand at the venue." if tries > 1 else ""
        title = "A position could not be protected and is being closed"
        self._booking.alert(f"unprotected:{symbol}", "critical", title, f"{detail}.{times}")

    def pause_s(self, symbol: str) -> float:
        """How long to wait before the venue is asked for a stop again: longer with each refusal."""
        tries = self._tries.get(symbol, 0)
        return min(_FIRST_PAUSE_S * 2 ** (tries - 1), _LONGEST_PAUSE_S) if tries else 0.0

    def over(self, symbol: str) -> None:
        """It is protected, or gone."""
        if self._told_s.pop(symbol, None) is None:
            return
        tries = self._tries.pop(symbol, 1)
        detail = f"{symbol} is protected or closed; it took {tries} {'try' if tries == 1 else 'tries'}."
        title = "The position is safe again"
        self._booking.alert(f"unprotected:{symbol}", "info", title, detail, recovered=True)
