"""Listen keys: the older way to one's own events. Valid for an hour unless kept alive."""

import secrets
from collections.abc import Callable

from .orders import RefusedError

VALID_MS = 3_600_000


class ListenKeys:
    """Keys of all accounts; one a account at a time, as on Binance."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._keys: dict[str, tuple[str, int]] = {}

    def start(self, account: str) -> str:
        """The account's key, made or made valid for another hour."""
        for key, (owner, until) in self._keys.items():
            if owner == account and until > self._clock():
                self._keys[key] = (owner, self._clock() + VALID_MS)
                return key
        key = secrets.token_urlsafe(48)[:60].replace("-", "a").replace("_", "b")
        self._keys[key] = (account, self._clock() + VALID_MS)
        return key

    def keep(self, account: str, key: str) -> None:
        if self.owner(key) != account:
            raise RefusedError(-1125, "This listenKey does not exist.")
        self._keys[key] = (account, self._clock() + VALID_MS)

    def stop(self, account: str, key: str) -> None:
        if self.owner(key) != account:
            raise RefusedError(-1125, "This listenKey does not exist.")
        del self._keys[key]

    def owner(self, key: str) -> str | None:
        """Whose events a key opens; None when it is unknown or too old."""
        owner, until = self._keys.get(key, ("", 0))
        return owner if until > self._clock() else None
