"""The desk for logging in: throttled, in constant time, with the second factor where there is one."""

import asyncio

from ...bus.api import Request
from ...bus.contracts.auth import (
    ChangePassword,
    CheckSession,
    EndSession,
    ListSessions,
    Login,
    LoginResult,
    Logout,
    RotateSession,
    Session,
    SessionInfo,
    Sessions,
)
from ...bus.contracts.base import Done
from ...bus.contracts.factors import JudgePassword, PasswordJudgement
from ...configs.errors import RequestFailedError
from . import passwords
from .accounts import normal
from .context import AuthContext
from .factors import SecondFactors
from .hashing import BusyError
from .models import SessionRow, UserRow
from .passwords import MAX_LENGTH

_ID_LENGTH = 16


class LoginDesk:
    """Sessions, from login to logout. What a login came to is told by `LoginResult.code`; "" is success."""

    def __init__(self, context: AuthContext, factors: SecondFactors) -> None:
        self._context, self._factors = context, factors

    def serve(self) -> None:
        """Answer requests."""
        bus = self._context.bus
        bus.serve(Login, self._login)
        bus.serve(CheckSession, self._check)
        bus.serve(Logout, self._logout)
        bus.serve(ChangePassword, self._change_password)
        bus.serve(ListSessions, self._list)
        bus.serve(EndSession, self._end)
        bus.serve(RotateSession, self._rotate)
        bus.serve(JudgePassword, self._judge)

    async def _login(self, request: Request[Login]) -> LoginResult:
        wish = request.message
        result = await self._decide(wish)
        user, detail = wish.user.strip()[:40], result.code or "logged in"
        if result.code != "totp_required":
            self._context.audit("login", user, "login", wish.address[:64], detail, ok=not result.code)
        return result

    async def _decide(self, wish: Login) -> LoginResult:
        context, name = self._context, normal(wish.user)
        wait_s = context.throttle.wait_s(name, wish.address)
        if wait_s > 0:
            return _refused("throttled", f"Too many failed logins; try again in {wait_s:.0f} s.", wait_s)
        row = context.accounts.find(name)
        usable = row is not None and row.enabled and len(wish.password) <= MAX_LENGTH
        # Counted before it is checked: tries sent at the same moment cannot slip past the limit together.
        wait_s = context.throttle.failed(name, wish.address)
        try:
            right = await context.hashing.verify(row.password if row and usable else None, wish.password)
        except BusyError:
            return _refused("busy", "Too many people log in at this moment; try again in a few seconds.", 5.0)
        if row is None or not right:
            return _refused("login_failed", "User name or password is wrong.", wait_s)
        if row.totp is not None and not wish.totp:
            context.throttle.undo(name, wish.address)
            return _refused("totp_required", "Type the code of your second factor.", 0.0)
        if row.totp is not None and not self._factors.accepts(row, wish.totp):
            return _refused("totp_wrong", "The code is wrong, or was used before.", wait_s)
        context.throttle.succeeded(name, wish.address)
        if context.hashing.is_dated(row.password):
            row.password = await context.hashing.hash(wish.password)
            row.save(only=[UserRow.password])
        return context.open_session(row, wish.address, wish.user_agent)

    def _check(self, request: Request[CheckSession]) -> Session:
        session, row = self._context.session_of(request.message.token, used=request.message.used)
        return self._context.describe(session, row)

    def _logout(self, request: Request[Logout]) -> Done:
        user = self._context.sessions.end(request.message.token)
        if user:
            self._context.revoked(user)
            self._context.audit("login", user, "logout", "")
        return Done()

    async def _change_password(self, request: Request[ChangePassword]) -> Done:
        wish, context = request.message, self._context
        _, row = context.session_of(wish.token)
        try:
            await context.demand_password(row, wish.current)
        except RequestFailedError as error:
            context.audit("user", row.name, "change password", row.name, error.code, ok=False)
            raise
        if wish.new == wish.current:
            raise RequestFailedError("password_same", "The new password is the same as the current one.")
        new_hash = await context.new_hash(row.name, wish.new)
        context.accounts.set_password(row, new_hash, must_change=False)
        context.sessions.end_all(row.name, but=wish.token)
        context.revoked(row.name)
        context.audit("user", row.name, "change password", row.name)
        return Done(message="The password is changed; all other sessions have ended.")

    async def _judge(self, request: Request[JudgePassword]) -> PasswordJudgement:
        wish = request.message
        given = wish.password[: MAX_LENGTH + 1], wish.user[:80]
        score, reason = await asyncio.to_thread(passwords.judge, *given)
        return PasswordJudgement(score=score, ok=not reason, reason=reason)

    def _rotate(self, request: Request[RotateSession]) -> LoginResult:
        context = self._context
        _, row = context.session_of(request.message.token)
        made = context.sessions.rotate(request.message.token)
        if made is None:
            return _refused("session_invalid", "You are not logged in, or the session has ended.", 0.0)
        token, session = made
        return LoginResult(token=token, session=context.describe(session, row))

    def _list(self, request: Request[ListSessions]) -> Sessions:
        current, row = self._context.session_of(request.message.token)
        rows = self._context.sessions.of_user(row.name)
        return Sessions(sessions=[self._info(session, current) for session in rows])

    def _info(self, session: SessionRow, current: SessionRow) -> SessionInfo:
        return SessionInfo(
            id=session.token_hash[:_ID_LENGTH],
            address=session.address,
            user_agent=session.user_agent,
            created_ms=session.created_ms,
            seen_ms=session.seen_ms,
            expires_ms=self._context.sessions.expires_ms(session),
            current=session.token_hash == current.token_hash,
        )

    def _end(self, request: Request[EndSession]) -> Done:
        wish, context = request.message, self._context
        current, row = context.session_of(wish.token)
        rows = [
            session
            for session in context.sessions.of_user(row.name)
            if (
                session.token_hash.startswith(wish.id)
                if wish.id
                else session.token_hash != current.token_hash
            )
        ]
        if wish.id and (len(wish.id) != _ID_LENGTH or not rows):
            raise RequestFailedError("session_unknown", "There is no such session; it may have ended.")
        for session in rows:
            session.delete_instance()
        context.revoked(row.name)
        context.audit("login", row.name, "end sessions", row.name, str(len(rows)))
        return Done(message=f"{len(rows)} sessions have ended.")


def _refused(code: str, reason: str, wait_s: float) -> LoginResult:
    return LoginResult(token="", session=None, code=code, reason=reason, retry_after_s=wait_s)
