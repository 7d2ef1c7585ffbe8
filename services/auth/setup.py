"""The desk for the first run: who can read the set-up token chooses the first account's password, once."""

import hmac
import secrets
from pathlib import Path

from ...bus.api import Request
from ...bus.contracts.auth import LoginResult
from ...bus.contracts.setup import ClaimSetup, GetSetup, SetupState
from ...configs.errors import RequestFailedError
from ...configs.files import replace
from .accounts import ADMIN
from .context import AuthContext
from .models import UserRow

SETUP_TOKEN = "setup-token"  # noqa: S105  # a file name
_TOKEN_BYTES = 24


class SetupDesk:
    """Open as long as the token's file is there: until it was used, or the first account was made safe.

    Args:
        file: where the token waits for its reader, readable by this user alone.
    """

    def __init__(self, context: AuthContext, file: Path) -> None:
        self._context, self._file = context, file

    def serve(self) -> None:
        """Answer requests."""
        self._context.bus.serve(GetSetup, self._state)
        self._context.bus.serve(ClaimSetup, self._claim)

    def make_token(self) -> None:
        """On the first run: a token that nobody can guess."""
        replace(self._file, f"{secrets.token_urlsafe(_TOKEN_BYTES)}\n".encode(), mode=0o600)

    def _state(self, request: Request[GetSetup]) -> SetupState:
        is_open = bool(self._token())
        return SetupState(open=is_open, user=ADMIN if is_open else "")

    async def _claim(self, request: Request[ClaimSetup]) -> LoginResult:
        wish, context = request.message, self._context
        row = self._checked(wish)
        new_hash = await context.new_hash(row.name, wish.password)
        if not self._token():
            raise _closed()  # somebody else came between
        context.accounts.set_password(row, new_hash, must_change=False)
        context.sessions.end_all(row.name)
        context.revoked(row.name)
        context.audit("user", row.name, "first password", row.name, wish.address[:64])
        return context.open_session(row, wish.address, wish.user_agent)

    def _checked(self, wish: ClaimSetup) -> UserRow:
        """The first account, for somebody who shows the right token; throttled as a login is.

        Raises:
            RequestFailedError: setup_closed, setup_token, throttled.
        """
        context, known = self._context, self._token()
        row = context.accounts.find(ADMIN)
        if not known or row is None:
            raise _closed()
        wait_s = context.throttle.wait_s(ADMIN, wish.address)
        if wait_s > 0:
            raise RequestFailedError("throttled", f"Too many wrong tries; try again in {wait_s:.0f} s.")
        if not hmac.compare_digest(wish.token.strip().encode(), known.encode()):
            context.throttle.failed(ADMIN, wish.address)
            context.audit("login", ADMIN, "first run", wish.address[:64], "setup_token", ok=False)
            raise RequestFailedError(
                "setup_token",
                "That is not the set-up token. It was printed where CryptoBot was started, "
                "and is in keys/setup-token of the home folder.",
            )
        return row

    def _token(self) -> str:
        """The token that opens the first account; "" when it is not to be had any more."""
        row = self._context.accounts.find(ADMIN)
        if row is None or not row.enabled or row.totp is not None:
            return ""
        try:
            return self._file.read_text(encoding="utf-8").strip()
        except OSError:
            return ""


def _closed() -> RequestFailedError:
    return RequestFailedError(
        "setup_closed", "The first run is over: the first account has a password. Log in with it."
    )
