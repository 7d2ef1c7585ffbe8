"""The auth process: accounts and sessions on the bus."""

import asyncio
import time

from ...bus import topics
from ...bus.api import Request
from ...bus.contracts.auth import (
    AddUser,
    ChangePassword,
    ChangeUser,
    CheckSession,
    ListUsers,
    Login,
    LoginResult,
    Logout,
    NewPassword,
    RemoveUser,
    ResetPassword,
    Session,
    SessionsRevoked,
    Users,
)
from ...bus.contracts.base import Done
from ...bus.contracts.service import Audit
from ...configs.errors import RequestFailedError
from ...configs.paths import Home
from ..database.store import Database, open_database
from ..host.service import Service, run
from . import passwords
from .accounts import Accounts
from .login import BusyError, Hashing, LoginDesk
from .models import MIGRATIONS, MODELS, SessionRow, UserRow
from .passwords import PasswordHasher
from .permissions import ROLES
from .sessions import Limits, SessionStore
from .throttle import LoginThrottle

INITIAL_PASSWORD = "initial-password"  # noqa: S105  # a file name
_CLEAN_INTERVAL_S = 600.0


def main(home: Home) -> int:
    """Run the service; what its manifest names."""
    return run(AuthService, home)


class AuthService(Service):
    """Users, passwords, sessions."""

    name = "auth"
    _database: Database | None = None

    async def setup(self) -> None:
        self._database = open_database(
            self.home, "auth", models=MODELS, migrations=MIGRATIONS, synchronous="FULL"
        )
        limits = Limits(self.settings.dashboard.session_idle_s, self.settings.auth.session_absolute_s)
        hasher = PasswordHasher()
        self._sessions = SessionStore(limits, _now_ms)
        self._throttle = LoginThrottle(_now_ms)
        self._accounts = Accounts(self._sessions, _now_ms, self.home.keys / INITIAL_PASSWORD)
        self._hashing = Hashing(hasher)
        self._desk = LoginDesk(self._accounts, self._sessions, self._throttle, self._hashing, _now_ms)
        if await asyncio.to_thread(self._accounts.make_first, hasher):
            self.log.info("first run: the admin's password is in keys/initial-password")
        self._serve()
        self.spawn(self._clean(), "clean")

    async def stop(self) -> None:
        if self._database is not None:
            self._database.close()

    def _serve(self) -> None:
        self.bus.serve(Login, self._login)
        self.bus.serve(CheckSession, self._check)
        self.bus.serve(Logout, self._logout)
        self.bus.serve(ChangePassword, self._change_password)
        self.bus.serve(ListUsers, self._list)
        self.bus.serve(AddUser, self._add)
        self.bus.serve(ResetPassword, self._reset_password)
        self.bus.serve(ChangeUser, self._change_user)
        self.bus.serve(RemoveUser, self._remove)

    async def _login(self, request: Request[Login]) -> LoginResult:
        wish = request.message
        result = await self._desk.login(wish)
        user = wish.user.strip()[:40]
        detail = result.code or "logged in"
        self._audit("login", user, "login", wish.address[:64], detail, ok=not result.code)
        return result

    def _check(self, request: Request[CheckSession]) -> Session:
        session, row = self._session_of(request.message.token)
        return self._desk.describe(request.message.token, session, row)

    def _logout(self, request: Request[Logout]) -> Done:
        user = self._sessions.end(request.message.token)
        if user:
            self._revoked(user)
            self._audit("login", user, "logout", "", "", ok=True)
        return Done()

    async def _change_password(self, request: Request[ChangePassword]) -> Done:
        wish = request.message
        _, row = self._session_of(wish.token)
        wait_s = self._throttle.wait_s(row.name, "own password")
        if wait_s > 0:
            raise RequestFailedError("throttled", f"Too many wrong passwords; try again in {wait_s:.0f} s.")
        if not await self._is_right(row, wish.current):
            self._throttle.failed(row.name, "own password")
            self._audit("user", row.name, "change password", row.name, "current password is wrong", ok=False)
            raise RequestFailedError("password_wrong", "The current password is wrong.")
        if wish.new == wish.current:
            raise RequestFailedError("password_same", "The new password is the same as the current one.")
        new_hash = await self._new_hash(row.name, wish.new)
        self._accounts.set_password(row, new_hash, must_change=False)
        self._sessions.end_all(row.name, but=wish.token)
        self._revoked(row.name)
        self._audit("user", row.name, "change password", row.name, "", ok=True)
        return Done(message="The password is changed; all other sessions have ended.")

    def _list(self, request: Request[ListUsers]) -> Users:
        return Users(users=self._accounts.all(), roles={role: sorted(names) for role, names in ROLES.items()})

    async def _add(self, request: Request[AddUser]) -> NewPassword:
        wish = request.message
        password = wish.password or passwords.generate()
        new_hash = await self._new_hash(wish.user, password)
        self._accounts.add(wish.user, wish.role, new_hash, must_change=not wish.password)
        self._audit("user", wish.actor, "add user", wish.user, f"role {wish.role}", ok=True)
        return NewPassword(user=wish.user, password="" if wish.password else password)

    async def _reset_password(self, request: Request[ResetPassword]) -> NewPassword:
        wish = request.message
        row = self._accounts.get(wish.user)
        password = wish.password or passwords.generate()
        new_hash = await self._new_hash(row.name, password)
        self._accounts.set_password(row, new_hash, must_change=not wish.password)
        self._throttle.forgive(row.name)
        self._sessions.end_all(row.name)
        self._revoked(row.name)
        self._audit("user", wish.actor, "reset password", row.name, "", ok=True)
        return NewPassword(user=row.name, password="" if wish.password else password)

    def _change_user(self, request: Request[ChangeUser]) -> Done:
        wish = request.message
        self._accounts.change(wish.user, role=wish.role, enabled=wish.enabled)
        self._revoked(wish.user)
        detail = f"role {wish.role or 'kept'}, enabled {'kept' if wish.enabled is None else wish.enabled}"
        self._audit("user", wish.actor, "change user", wish.user, detail, ok=True)
        return Done(message=f"User {wish.user} is changed.")

    def _remove(self, request: Request[RemoveUser]) -> Done:
        wish = request.message
        self._accounts.remove(wish.user)
        self._revoked(wish.user)
        self._audit("user", wish.actor, "remove user", wish.user, "", ok=True)
        return Done(message=f"User {wish.user} is removed.")

    def _session_of(self, token: str) -> tuple[SessionRow, UserRow]:
        session = self._sessions.check(token)
        row = self._accounts.find(session.user) if session is not None else None
        if session is None or row is None or not row.enabled:
            raise RequestFailedError("session_invalid", "You are not logged in, or the session has ended.")
        return session, row

    async def _is_right(self, row: UserRow, password: str) -> bool:
        try:
            return await self._hashing.verify(row.password, password)
        except BusyError:
            raise _busy() from None

    async def _new_hash(self, user: str, password: str) -> str:
        weakness = passwords.weakness(password, user)
        if weakness:
            raise RequestFailedError("password_weak", weakness)
        try:
            return await self._hashing.hash(password)
        except BusyError:
            raise _busy() from None

    def _revoked(self, user: str) -> None:
        self.bus.publish(topics.audit("session"), SessionsRevoked(user=user))

    def _audit(self, kind: str, actor: str, action: str, subject: str, detail: str, *, ok: bool) -> None:
        event = Audit(kind=kind, actor=actor, action=action, subject=subject, detail=detail, ok=ok)
        self.bus.publish(topics.audit(kind), event)

    async def _clean(self) -> None:
        while True:
            self._sessions.clean()
            self._throttle.clean()
            await asyncio.sleep(_CLEAN_INTERVAL_S)


def _busy() -> RequestFailedError:
    return RequestFailedError("busy", "Too many people log in at this moment; try again in a few seconds.")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
