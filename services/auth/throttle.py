"""Guessing is slowed down: by user from an address, by address, and (late) by user from anywhere.

Below the threshold nothing waits. From there each further failure doubles the wait, up to a quarter of an
hour. The user's own threshold is high, so that a stranger cannot easily lock a person out.
"""

from collections.abc import Callable

from .models import FailureRow

MAX_WAIT_S = 900.0
FORGET_AFTER_S = 3600.0
_THRESHOLDS = {"pair": 5, "address": 20, "user": 50}
# These stand for the address where a session already proves who asks. Codes are counted for themselves: a
# right password must not forgive wrong codes, or whoever has both session and password could try all codes.
OWN_PASSWORD = "own password"  # noqa: S105
OWN_CODE = "own code"


class LoginThrottle:
    """Counts failures in the database, so that a restart forgives nothing.

    Args:
        now_ms: wall clock.
    """

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms

    def wait_s(self, user: str, address: str) -> float:
        """Seconds until the next try is allowed; 0.0 when it is."""
        return max(self._wait_of(kind, key) for kind, key in _keys(user, address))

    def failed(self, user: str, address: str) -> float:
        """Count a failure; the wait that follows."""
        now = self._now_ms()
        for _, key in _keys(user, address):
            row = FailureRow.get_or_none(FailureRow.key == key)
            if row is None:
                FailureRow.create(key=key, count=1, last_ms=now)
                continue
            row.count = 1 if self._is_forgotten(row) else row.count + 1
            row.last_ms = now
            row.save()
        return self.wait_s(user, address)

    def undo(self, user: str, address: str) -> None:
        """Take one failure back: nothing was wrong yet, a second factor is asked for."""
        for _, key in _keys(user, address):
            row = FailureRow.get_or_none(FailureRow.key == key)
            if row is not None and row.count > 0:
                row.count -= 1
                row.save()

    def succeeded(self, user: str, address: str) -> None:
        """Forget this user's failures, from this address and in all; of the address's, only the last."""
        for kind, key in _keys(user, address):
            row = FailureRow.get_or_none(FailureRow.key == key)
            if row is not None and kind == "address" and row.count > 1:
                row.count -= 1
                row.save()
            elif row is not None:
                row.delete_instance()

    def forgive(self, user: str) -> None:
        """End every lock-out of a user."""
        FailureRow.delete().where(FailureRow.key.startswith(f"pair:{user}@")).execute()
        FailureRow.delete().where(FailureRow.key == f"user:{user}").execute()

    def clean(self) -> int:
        """Remove what is forgotten anyway; how many rows went."""
        horizon = self._now_ms() - int(FORGET_AFTER_S * 1000)
        return int(FailureRow.delete().where(FailureRow.last_ms < horizon).execute())

    def _wait_of(self, kind: str, key: str) -> float:
        row = FailureRow.get_or_none(FailureRow.key == key)
        if row is None or self._is_forgotten(row) or row.count < _THRESHOLDS[kind]:
            return 0.0
        wait = min(2.0 ** min(row.count - _THRESHOLDS[kind], 20), MAX_WAIT_S)
        # A clock that was set back must not lock anyone out for longer than the wait itself.
        passed_s = max(0.0, (self._now_ms() - row.last_ms) / 1000)
        return float(max(0.0, wait - passed_s))

    def _is_forgotten(self, row: FailureRow) -> bool:
        return abs(self._now_ms() - row.last_ms) > FORGET_AFTER_S * 1000


def _keys(user: str, address: str) -> tuple[tuple[str, str], ...]:
    user, address = user[:40], address[:64]
    if address in (OWN_PASSWORD, OWN_CODE):
        # Nobody's wrong codes, and no stranger's wrong logins, keep somebody else from proving who they are.
        return (("pair", f"pair:{user}@{address}"),)
    return ("pair", f"pair:{user}@{address}"), ("address", f"address:{address}"), ("user", f"user:{user}")
