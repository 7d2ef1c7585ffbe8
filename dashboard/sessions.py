"""Who is asking: session tokens checked with auth, remembered for a short time."""

import hashlib
import time
from dataclasses import dataclass

from ..bus.contracts.auth import CheckApiKey, CheckSession, Session
from ..configs.errors import AuthError, RequestFailedError
from .gateway import Gateway

COOKIE = "__Host-session"
BEARER = "Bearer "
REMEMBER_S = 30.0
# Auth may have much to do; a page that comes late is better than one that says that it cannot.
PATIENCE_S = 10.0
GRACE_S = 5.0
_MAX_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Proof:
    """What somebody shows to say who they are: a session's token, or an API key."""

    secret: str
    by_key: bool = False


@dataclass(frozen=True, slots=True)
class _Remembered:
    session: Session
    until: float


class Sessions:
    """Asks auth about tokens. Only hashes of tokens are kept. Used by the loop and by Flask's threads."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._known: dict[str, _Remembered] = {}
        self._revocations = 0

    async def check(self, proof: Proof, address: str) -> Session:
        """The session of a token, or what an API key may do from this address.

        Raises:
            AuthError: it is not valid, or has ended.
            BusTimeoutError: auth does not answer.
        """
        known = self._recall(_key(proof, address))
        if known is None:
            asked_at = self._revocations
            known = await self._ask(_question(proof, address))
            self._remember(_key(proof, address), known, asked_at)
        return known

    def check_from_thread(self, proof: Proof, address: str) -> Session:
        """As `check`, for Flask's threads."""
        known = self._recall(_key(proof, address))
        if known is None:
            asked_at = self._revocations
            try:
                known = self._gateway.request_from_thread(
                    "auth", _question(proof, address), Session, PATIENCE_S
                )
            except RequestFailedError as error:
                raise AuthError(error.message) from error
            self._remember(_key(proof, address), known, asked_at)
        return known

    async def look(self, proof: Proof, address: str) -> Session:
        """As `check`, asking auth anew, and without prolonging the session: nobody did anything.

        Raises:
            AuthError: it is not valid, or has ended.
            BusTimeoutError: auth does not answer.
        """
        return await self._ask(_question(proof, address, used=False))

    async def _ask(self, question: CheckSession | CheckApiKey) -> Session:
        try:
            return await self._gateway.request("auth", question, Session, PATIENCE_S)
        except RequestFailedError as error:
            raise AuthError(error.message) from error

    def forget_user(self, user: str) -> None:
        """Drop what is remembered of a user's sessions, and what is being asked about just now."""
        self._revocations += 1
        for key, known in list(self._known.items()):
            if known.session.user == user:
                self._known.pop(key, None)

    def replaced(self, token: str, session: Session) -> None:
        """A session has another token: what its pages sent before they heard of it is still answered."""
        self._known[_key(Proof(token), "")] = _Remembered(session, time.monotonic() + GRACE_S)

    def forget(self, token: str) -> None:
        """Drop what is remembered of one session's token."""
        self._revocations += 1
        self._known.pop(_key(Proof(token), ""), None)

    @property
    def revocations(self) -> int:
        """How often sessions were revoked so far; what was checked before the last one is not certain."""
        return self._revocations

    def _recall(self, key: str) -> Session | None:
        known = self._known.get(key)
        if known is None or known.until < time.monotonic() or ended(known.session):
            return None
        return known.session

    def _remember(self, key: str, session: Session, asked_at: int) -> None:
        if asked_at != self._revocations:
            return  # auth may have answered before the revocation that was told here meanwhile
        if len(self._known) >= _MAX_REMEMBERED:
            self._known.clear()
        self._known[key] = _Remembered(session, time.monotonic() + REMEMBER_S)


def ended(session: Session) -> bool:
    """Has its time run out? API keys may be without end (0)."""
    return 0 < session.expires_ms <= time.time_ns() // 1_000_000


def proof_of(authorization: str, cookie: str) -> Proof:
    """What a caller shows: an API key in `Authorization: Bearer cb_…`, else the session's cookie."""
    if authorization.startswith(BEARER):
        return Proof(authorization.removeprefix(BEARER).strip(), by_key=True)
    return Proof(cookie)


def _question(proof: Proof, address: str, *, used: bool = True) -> CheckSession | CheckApiKey:
    if proof.by_key:
        return CheckApiKey(secret=proof.secret, address=address)
    return CheckSession(token=proof.secret, address=address, used=used)


def _key(proof: Proof, address: str) -> str:
    # A key may be bound to networks; a session is not.
    shown = f"key {address} {proof.secret}" if proof.by_key else proof.secret
    return hashlib.sha256(shown.encode()).hexdigest()
