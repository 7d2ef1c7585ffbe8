"""What waits for a browser to come back: each taken once, soon, and never very many of them."""

import secrets
from collections.abc import Callable
from typing import Generic, TypeVar

from ...configs.errors import RequestFailedError

T = TypeVar("T")
WAIT_S = 300.0
MAX_WAITING = 1000


class Pending(Generic[T]):
    """Things under way, by a name that nobody can guess.

    Args:
        now_ms: wall clock.
    """

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._waiting: dict[str, tuple[int, T]] = {}

    def put(self, value: T) -> str:
        """Keep it for five minutes; its name. The oldest makes room: whoever begins very many logins and ends
        none keeps nobody else out.
        """
        now = self._now_ms()
        self._waiting = {name: entry for name, entry in self._waiting.items() if entry[0] >= now}
        while len(self._waiting) >= MAX_WAITING:
            del self._waiting[next(iter(self._waiting))]
        name = secrets.token_urlsafe(24)
        self._waiting[name] = (now + int(WAIT_S * 1000), value)
        return name

    def take(self, name: str) -> T:
        """What waits under that name, for the first and only time.

        Raises:
            RequestFailedError: ceremony_unknown.
        """
        until_ms, value = self._waiting.pop(name, (0, None))
        if value is None or until_ms < self._now_ms():
            raise RequestFailedError("ceremony_unknown", "That took too long, or was used before; try again.")
        return value
