"""Sessions on the server's side: made, checked, ended."""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from .models import SessionRow

# How stale the time of last use may be on disk, as a part of the idle limit.
_SEEN_PART = 60


@dataclass(frozen=True, slots=True)
class Limits:
    """How long sessions last, in seconds: without use, in any case, and stepped up."""

    idle_s: float
    absolute_s: float
    step_up_s: float = 300.0


class SessionStore:
    """The table of sessions.

    Args:
        now_ms: wall clock.
        key: the machine's.
    """

    def __init__(self, limits: Limits, now_ms: Callable[[], int], key: bytes) -> None:
        self._limits, self._now_ms = limits, now_ms
        self._key = hmac.new(key, b"csrf tokens", hashlib.sha256).digest()

    def open(self, user: str, address: str, user_agent: str) -> tuple[str, SessionRow]:
        """A new session: its secret token, which is kept nowhere, and its row."""
        token, now = secrets.token_urlsafe(32), self._now_ms()
        row = SessionRow.create(
            token_hash=_hash(token),
            user=user,
            address=address[:64],
            user_agent=user_agent[:255],
            created_ms=now,
            seen_ms=now,
        )
        return token, row

    def rotate(self, token: str) -> tuple[str, SessionRow] | None:
        """Another token for the same session, in one step; the old one is worth nothing. None without one."""
        row = self.check(token)
        if row is None:
            return None
        fresh = secrets.token_urlsafe(32)
        moved = SessionRow.update(token_hash=_hash(fresh)).where(SessionRow.token_hash == row.token_hash)
        if not moved.execute():
            return None
        row.token_hash = _hash(fresh)
        return fresh, row

    def check(self, token: str, *, used: bool = True) -> SessionRow | None:
        """The session of a token, noted as `used` now; None when there is none or it has ended."""
        row = SessionRow.get_or_none(SessionRow.token_hash == _hash(token))
        if row is None:
            return None
        now = self._now_ms()
        if now >= self.expires_ms(row):
            row.delete_instance()
            return None
        if used and abs(now - row.seen_ms) * _SEEN_PART > self._limits.idle_s * 1000:
            row.seen_ms = now
            row.save(only=[SessionRow.seen_ms])
        return row

    def expires_ms(self, row: SessionRow) -> int:
        """When it ends if it is not used before."""
        idle_end = row.seen_ms + int(self._limits.idle_s * 1000)
        return int(min(idle_end, row.created_ms + int(self._limits.absolute_s * 1000)))

    def stepped_up_until_ms(self, row: SessionRow) -> int:
        """Until when dangerous things are allowed without proving again; 0 when they are not."""
        until = row.stepped_up_ms + int(self._limits.step_up_s * 1000)
        return int(until) if row.stepped_up_ms and self._now_ms() < until else 0

    def csrf_token(self, row: SessionRow) -> str:
        """The CSRF token of a session, which stays the same when the session gets another token."""
        return hmac.new(self._key, f"{row.user} {row.created_ms}".encode(), hashlib.sha256).hexdigest()

    def end(self, token: str) -> str:
        """End one session; its user's name, "" when there was none."""
        row = SessionRow.get_or_none(SessionRow.token_hash == _hash(token))
        if row is None:
            return ""
        row.delete_instance()
        return str(row.user)

    def end_all(self, user: str, *, but: str = "") -> int:
        """End the sessions of a user, except the one of the token `but`; how many ended."""
        query = SessionRow.delete().where(SessionRow.user == user)
        if but:
            query = query.where(SessionRow.token_hash != _hash(but))
        return int(query.execute())

    def stepped_up(self, row: SessionRow) -> None:
        """Note that this session's person proved again who they are."""
        row.stepped_up_ms = self._now_ms()
        row.save(only=[SessionRow.stepped_up_ms])

    def of_user(self, user: str) -> list[SessionRow]:
        """Sessions of a user that have not ended, newest first."""
        rows = SessionRow.select().where(SessionRow.user == user).order_by(SessionRow.created_ms.desc())
        return [row for row in rows if self._now_ms() < self.expires_ms(row)]

    def count(self, user: str) -> int:
        """How many sessions of a user have not ended."""
        return len(self.of_user(user))

    def clean(self) -> int:
        """Remove ended sessions; how many went."""
        now = self._now_ms()
        ended = [row.token_hash for row in SessionRow.select() if now >= self.expires_ms(row)]
        for token_hash in ended:
            SessionRow.delete().where(SessionRow.token_hash == token_hash).execute()
        return len(ended)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
