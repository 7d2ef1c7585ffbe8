"""Logging in: throttled, in constant time, hashed in a thread so that the loop never waits."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from ...bus.contracts.auth import Login, LoginResult, Session
from .accounts import Accounts, normal
from .models import SessionRow, UserRow
from .passwords import MAX_LENGTH, PasswordHasher
from .permissions import ROLES
from .sessions import SessionStore, csrf_token
from .throttle import LoginThrottle

T = TypeVar("T")

# Each hash takes 64 MiB: few at a time, and a queue that ends.
_AT_ONCE = 2
_WAITING = 50


class BusyError(Exception):
    """More logins wait than can be worked off soon."""


class Hashing:
    """A `PasswordHasher` for asyncio."""

    def __init__(self, hasher: PasswordHasher) -> None:
        self._hasher = hasher
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    async def verify(self, stored: str | None, password: str) -> bool:
        """Is it the right password?

        Raises:
            BusyError: too many wait already.
        """
        return await self._in_thread(lambda: self._hasher.verify(stored, password))

    async def hash(self, password: str) -> str:
        return await self._in_thread(lambda: self._hasher.hash(password))

    def is_dated(self, stored: str) -> bool:
        return self._hasher.is_dated(stored)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._waiting >= _WAITING:
            raise BusyError
        self._waiting += 1
        try:
            async with self._slots:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1


class LoginDesk:
    """Decides about logins. What happened is told by `LoginResult.code`; "" is success."""

    def __init__(
        self,
        accounts: Accounts,
        sessions: SessionStore,
        throttle: LoginThrottle,
        hashing: Hashing,
        now_ms: Callable[[], int],
    ) -> None:
        self._accounts, self._sessions, self._throttle = accounts, sessions, throttle
        self._hashing, self._now_ms = hashing, now_ms

    async def login(self, request: Login) -> LoginResult:
        """Check name and password; on success open a session."""
        name = normal(request.user)
        wait_s = self._throttle.wait_s(name, request.address)
        if wait_s > 0:
            return _refused("throttled", f"Too many failed logins; try again in {wait_s:.0f} s.", wait_s)
        row = self._accounts.find(name)
        usable = row is not None and row.enabled and len(request.password) <= MAX_LENGTH
        # Counted before it is checked: tries sent at the same moment cannot slip past the limit together.
        wait_s = self._throttle.failed(name, request.address)
        try:
            right = await self._hashing.verify(row.password if row and usable else None, request.password)
        except BusyError:
            return _refused("busy", "Too many people log in at this moment; try again in a few seconds.", 5.0)
        if row is None or not right:
            return _refused("login_failed", "User name or password is wrong.", wait_s)
        self._throttle.succeeded(name, request.address)
        return await self._opened(row, request)

    async def _opened(self, row: UserRow, request: Login) -> LoginResult:
        if self._hashing.is_dated(row.password):
            row.password = await self._hashing.hash(request.password)
        row.last_login_ms = self._now_ms()
        row.save(only=[UserRow.password, UserRow.last_login_ms])
        token, session = self._sessions.open(row.name, request.address, request.user_agent)
        return LoginResult(token=token, session=self.describe(token, session, row))

    def describe(self, token: str, session: SessionRow, row: UserRow) -> Session:
        """A session as others see it."""
        return Session(
            user=row.name,
            role=row.role,
            permissions=sorted(ROLES.get(row.role, frozenset())),
            csrf_token=csrf_token(token),
            expires_ms=self._sessions.expires_ms(session),
            must_change_password=row.must_change_password,
        )


def _refused(code: str, reason: str, wait_s: float) -> LoginResult:
    return LoginResult(token="", session=None, code=code, reason=reason, retry_after_s=wait_s)
