"""Passkeys: login by a key pair in a person's device (W3C Web Authentication, level 2).

The device signs a challenge that auth made, for the origin that the page has; nothing that could be stolen
from here can log anybody in. A passkey proves possession and, by the device's own check (finger, face, PIN),
the person: it counts as both factors.
"""

import ipaddress
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ...bus.api import Request
from ...bus.contracts.auth import LoginResult
from ...bus.contracts.base import Done
from ...bus.contracts.signin import (
    BeginPasskey,
    BeginPasskeyLogin,
    FinishPasskey,
    FinishPasskeyLogin,
    ListPasskeys,
    Passkey,
    PasskeyOptions,
    Passkeys,
    RemovePasskey,
)
from ...configs.errors import RequestFailedError
from .context import AuthContext
from .models import PasskeyRow, UserRow
from .pending import Pending

MAX_RESPONSE = 20_000
MAX_PASSKEYS = 20


@dataclass(frozen=True, slots=True)
class _Ceremony:
    """A challenge that waits for its answer; `user` is empty for a login."""

    challenge: bytes
    origin: str
    domain: str
    user: str = ""


class PasskeyDesk:
    """Passkeys on the bus."""

    def __init__(self, context: AuthContext) -> None:
        self._context = context
        self._ceremonies: Pending[_Ceremony] = Pending(context.now_ms)

    def serve(self) -> None:
        """Answer requests."""
        bus = self._context.bus
        bus.serve(BeginPasskey, self._begin)
        bus.serve(FinishPasskey, self._finish)
        bus.serve(ListPasskeys, self._list)
        bus.serve(RemovePasskey, self._remove)
        bus.serve(BeginPasskeyLogin, self._begin_login)
        bus.serve(FinishPasskeyLogin, self._finish_login)

    def _begin(self, request: Request[BeginPasskey]) -> PasskeyOptions:
        import webauthn
        from webauthn.helpers import structs

        _, row = self._context.session_of(request.message.token)
        known = self._of(row.name)
        if len(known) >= MAX_PASSKEYS:
            raise RequestFailedError("passkeys_full", f"There are {MAX_PASSKEYS} passkeys; remove one first.")
        ceremony = _ceremony(request.message.origin, row.name)
        options = webauthn.generate_registration_options(
            rp_id=ceremony.domain,
            rp_name="CryptoBot",
            user_name=row.name,
            user_id=row.name.encode(),
            challenge=ceremony.challenge,
            authenticator_selection=structs.AuthenticatorSelectionCriteria(
                resident_key=structs.ResidentKeyRequirement.REQUIRED,
                user_verification=structs.UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[
                structs.PublicKeyCredentialDescriptor(id=webauthn.base64url_to_bytes(one.credential))
                for one in known
            ],
        )
        name = self._ceremonies.put(ceremony)
        return PasskeyOptions(ceremony=name, options=webauthn.options_to_json(options))

    def _finish(self, request: Request[FinishPasskey]) -> Done:
        import webauthn
        from webauthn.helpers import bytes_to_base64url

        wish, context = request.message, self._context
        _, row = context.session_of(wish.token)
        ceremony = self._ceremonies.take(wish.ceremony)
        if ceremony.user != row.name:
            raise RequestFailedError("ceremony_unknown", "Somebody else began this; try again.")
        made = _verified(
            webauthn.verify_registration_response,
            credential=_response(wish.response),
            expected_challenge=ceremony.challenge,
            expected_rp_id=ceremony.domain,
            expected_origin=ceremony.origin,
            require_user_verification=True,
        )
        PasskeyRow.create(
            credential=bytes_to_base64url(made.credential_id),
            user=row.name,
            public_key=bytes_to_base64url(made.credential_public_key),
            uses=made.sign_count,
            name=wish.name.strip()[:80] or "Passkey",
            created_ms=context.now_ms(),
        )
        context.audit("user", row.name, "passkey added", row.name, wish.name.strip()[:80])
        return Done(message="The passkey is kept; it logs you in without a password.")

    def _list(self, request: Request[ListPasskeys]) -> Passkeys:
        _, row = self._context.session_of(request.message.token)
        found = [
            Passkey(
                id=one.credential, name=one.name, created_ms=one.created_ms, last_used_ms=one.last_used_ms
            )
            for one in self._of(row.name)
        ]
        return Passkeys(passkeys=found)

    def _remove(self, request: Request[RemovePasskey]) -> Done:
        wish, context = request.message, self._context
        _, row = context.session_of(wish.token)
        mine = (PasskeyRow.credential == wish.id) & (PasskeyRow.user == row.name)
        if not PasskeyRow.delete().where(mine).execute():
            raise RequestFailedError("passkey_unknown", "There is no such passkey.")
        context.audit("user", row.name, "passkey removed", row.name)
        return Done(message="The passkey is removed.")

    def _begin_login(self, request: Request[BeginPasskeyLogin]) -> PasskeyOptions:
        import webauthn
        from webauthn.helpers import structs

        ceremony = _ceremony(request.message.origin)
        options = webauthn.generate_authentication_options(
            rp_id=ceremony.domain,
            challenge=ceremony.challenge,
            user_verification=structs.UserVerificationRequirement.REQUIRED,
        )
        name = self._ceremonies.put(ceremony)
        return PasskeyOptions(ceremony=name, options=webauthn.options_to_json(options))

    def _finish_login(self, request: Request[FinishPasskeyLogin]) -> LoginResult:
        wish, context = request.message, self._context
        try:
            row = self._proved(wish)
        except RequestFailedError as error:
            context.audit("login", "", "login by passkey", wish.address[:64], error.code, ok=False)
            return LoginResult(token="", session=None, code=error.code, reason=error.message)
        context.audit("login", row.name, "login by passkey", wish.address[:64])
        return context.open_session(row, wish.address, wish.user_agent)

    def _proved(self, wish: FinishPasskeyLogin) -> UserRow:
        """Whose passkey signed the challenge.

        Raises:
            RequestFailedError: ceremony_unknown, passkey_wrong.
        """
        import webauthn

        ceremony = self._ceremonies.take(wish.ceremony)
        if ceremony.user:
            raise RequestFailedError("ceremony_unknown", "This was begun for another purpose; try again.")
        response = _response(wish.response)
        key = PasskeyRow.get_or_none(PasskeyRow.credential == str(response.get("id", "")))
        row = self._context.accounts.find(key.user) if key is not None else None
        if key is None or row is None or not row.enabled:
            raise RequestFailedError("passkey_wrong", "This passkey is not known here.")
        proof = _verified(
            webauthn.verify_authentication_response,
            credential=response,
            expected_challenge=ceremony.challenge,
            expected_rp_id=ceremony.domain,
            expected_origin=ceremony.origin,
            credential_public_key=webauthn.base64url_to_bytes(key.public_key),
            credential_current_sign_count=key.uses,
            require_user_verification=True,
        )
        key.uses, key.last_used_ms = proof.new_sign_count, self._context.now_ms()
        key.save(only=[PasskeyRow.uses, PasskeyRow.last_used_ms])
        return row

    def _of(self, user: str) -> list[PasskeyRow]:
        return list(PasskeyRow.select().where(PasskeyRow.user == user).order_by(PasskeyRow.created_ms.desc()))


def _ceremony(origin: str, user: str = "") -> _Ceremony:
    """A new challenge for pages of this origin.

    Raises:
        RequestFailedError: origin_wrong.
    """
    parts = urlsplit(origin)
    if parts.scheme != "https" or not parts.hostname or _is_address(parts.hostname):
        raise RequestFailedError(
            "origin_wrong",
            "Passkeys belong to a name, not to an address: open the dashboard as https://localhost, "
            "or under its host name.",
        )
    return _Ceremony(secrets.token_bytes(32), origin, parts.hostname, user)


def _verified(verify: Callable[..., Any], **given: Any) -> Any:
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        return verify(**given)
    except WebAuthnException as error:
        raise RequestFailedError("passkey_wrong", f"The passkey's answer was refused: {error}.") from error


def _response(text: str) -> dict[str, Any]:
    import msgspec

    try:
        if len(text) > MAX_RESPONSE:
            raise msgspec.DecodeError("it is too long")
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError) as error:
        raise RequestFailedError("passkey_wrong", f"The passkey's answer is broken: {error}.") from error


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
