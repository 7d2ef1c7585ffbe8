"""What every desk of auth works with: the tables, the clock, and the way to tell others."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from ...bus import topics
from ...bus.api import AsyncBusApi
from ...bus.contracts.auth import LoginResult, Session, SessionsRevoked
from ...bus.contracts.service import Audit
from ...configs.errors import RequestFailedError
from . import passwords
from .accounts import Accounts
from .hashing import BusyError, Hashing
from .models import SessionRow, UserRow
from .roles import RoleStore
from .sessions import SessionStore
from .throttle import OWN_PASSWORD, LoginThrottle


class AuthContext:
    """One of it in a running service.

    Args:
        now_ms: wall clock.
        transaction: of auth's database.
    """

    def __init__(
        self,
        bus: AsyncBusApi,
        accounts: Accounts,
        sessions: SessionStore,
        roles: RoleStore,
        hashing: Hashing,
        now_ms: Callable[[], int],
        transaction: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self.bus, self.accounts, self.sessions, self.roles = bus, accounts, sessions, roles
        self.hashing, self.now_ms, self.transaction = hashing, now_ms, transaction
        self.throttle = LoginThrottle(now_ms)

    def session_of(self, token: str, *, used: bool = True) -> tuple[SessionRow, UserRow]:
        """The session of a token and its user.

        Raises:
            RequestFailedError: session_invalid.
        """
        session = self.sessions.check(token, used=used)
        row = self.accounts.find(session.user) if session is not None else None
        if session is None or row is None or not row.enabled:
            raise RequestFailedError("session_invalid", "You are not logged in, or the session has ended.")
        return session, row

    def describe(self, session: SessionRow, row: UserRow) -> Session:
        """A session as others see it."""
        return Session(
            user=row.name,
            role=row.role,
            permissions=self.roles.permissions(row.role),
            csrf_token=self.sessions.csrf_token(session),
            expires_ms=self.sessions.expires_ms(session),
            must_change_password=row.must_change_password,
            stepped_up_until_ms=self.sessions.stepped_up_until_ms(session),
        )

    def open_session(self, row: UserRow, address: str, user_agent: str) -> LoginResult:
        """Log somebody in who has just proved who they are."""
        row.last_login_ms = self.now_ms()
        row.save(only=[UserRow.last_login_ms])
        token, session = self.sessions.open(row.name, address, user_agent)
        self.sessions.stepped_up(session)
        return LoginResult(token=token, session=self.describe(session, row))

    async def demand_password(self, row: UserRow, password: str) -> None:
        """Check somebody's own password again, throttled.

        Raises:
            RequestFailedError: password_wrong, throttled, busy.
        """
        self.demand_calm(row)
        self.throttle.failed(row.name, OWN_PASSWORD)
        try:
            right = await self.hashing.verify(row.password, password)
        except BusyError:
            raise busy() from None
        if not right:
            raise RequestFailedError("password_wrong", "The current password is wrong.")
        self.throttle.succeeded(row.name, OWN_PASSWORD)

    def demand_calm(self, row: UserRow, what: str = OWN_PASSWORD) -> None:
        """Raises RequestFailedError throttled after too many wrong passwords, or codes (`what` OWN_CODE)."""
        wait_s = self.throttle.wait_s(row.name, what)
        if wait_s > 0:
            raise RequestFailedError("throttled", f"Too many wrong tries; try again in {wait_s:.0f} s.")

    async def new_hash(self, user: str, password: str) -> str:
        """The hash of a new password.

        Raises:
            RequestFailedError: password_weak, busy.
        """
        weakness = passwords.weakness(password, user)
        if weakness:
            raise RequestFailedError("password_weak", weakness)
        try:
            return await self.hashing.hash(password)
        except BusyError:
            raise busy() from None

    def revoked(self, user: str) -> None:
        """Tell everybody to forget the sessions of a user."""
        self.bus.publish(topics.audit("session"), SessionsRevoked(user=user))

    def audit(
        self, kind: str, actor: str, action: str, subject: str, detail: str = "", *, ok: bool = True
    ) -> None:
        """Tell everybody, and the audit log, what was done."""
        event = Audit(
            kind=kind, actor=printable(actor), action=action, subject=printable(subject),
            detail=printable(detail), ok=ok,
        )  # fmt: skip
        self.bus.publish(topics.audit(kind), event)


def printable(text: str) -> str:
    """A text of a stranger without signs that would steer a terminal or break a line."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def busy() -> RequestFailedError:
    """The error when too many passwords wait to be checked."""
    return RequestFailedError("busy", "Too many people log in at this moment; try again in a few seconds.")
