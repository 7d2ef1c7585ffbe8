"""Who is asking: session tokens checked with auth, remembered for a short time."""

import hashlib
import time
from dataclasses import dataclass

from ..bus.contracts.auth import CheckSession, Session
from ..configs.errors import AuthError, RequestFailedError
from .gateway import Gateway

COOKIE = "__Host-session"
REMEMBER_S = 30.0
_MAX_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class _Remembered:
    session: Session
    until: float


class Sessions:
    """Asks auth about tokens. Only hashes of tokens are kept. Used by the loop and by Flask's threads."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._known: dict[str, _Remembered] = {}

    async def check(self, token: str, address: str) -> Session:
        """The session of a token.

        Raises:
            AuthError: there is none, or it has ended.
            BusTimeoutError: auth does not answer.
        """
        known = self._recall(token)
        if known is None:
            question = CheckSession(token=token, address=address)
            try:
                known = await self._gateway.request("auth", question, Session)
            except RequestFailedError as error:
                raise AuthError(error.message) from error
            self._remember(token, known)
        return known

    def check_from_thread(self, token: str, address: str) -> Session:
        """As `check`, for Flask's threads."""
        known = self._recall(token)
        if known is None:
            question = CheckSession(token=token, address=address)
            try:
                known = self._gateway.request_from_thread("auth", question, Session)
            except RequestFailedError as error:
                raise AuthError(error.message) from error
            self._remember(token, known)
        return known

    def forget_user(self, user: str) -> None:
        """Drop what is remembered of a user's sessions."""
        for key, known in list(self._known.items()):
            if known.session.user == user:
                self._known.pop(key, None)

    def forget(self, token: str) -> None:
        """Drop what is remembered of one token."""
        self._known.pop(_key(token), None)

    def _recall(self, token: str) -> Session | None:
        known = self._known.get(_key(token))
        if known is None or known.until < time.monotonic():
            return None
        if known.session.expires_ms <= time.time_ns() // 1_000_000:
            return None
        return known.session

    def _remember(self, token: str, session: Session) -> None:
        if len(self._known) >= _MAX_REMEMBERED:
            self._known.clear()
        self._known[_key(token)] = _Remembered(session, time.monotonic() + REMEMBER_S)


def may(session: Session, permission: str) -> bool:
    """Does the session hold the permission? `*` holds all, `trade.*` all of trade's."""
    held = session.permissions
    return permission in held or "*" in held or f"{permission.partition('.')[0]}.*" in held


def _key(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
