"""The desk for API keys: narrow, ending, bound to networks, and never stronger than their user.

A key reads `cb_<id>_<secret>`; the id finds the row, the hash of the whole text proves it.
"""

import hashlib
import hmac
import ipaddress
import secrets

from ...bus.api import Request
from ...bus.contracts.auth import (
    ApiKey,
    ApiKeys,
    CheckApiKey,
    CreateApiKey,
    ListApiKeys,
    NewApiKey,
    RevokeApiKey,
    Session,
    covers,
)
from ...bus.contracts.base import Done
from ...configs.errors import RequestFailedError
from .context import AuthContext, printable
from .models import ApiKeyRow
from .roles import checked_permissions

_USED_STALE_MS = 10_000


class ApiKeyDesk:
    """API keys on the bus."""

    def __init__(self, context: AuthContext) -> None:
        self._context = context

    def serve(self) -> None:
        """Answer requests."""
        bus = self._context.bus
        bus.serve(CreateApiKey, self._create)
        bus.serve(ListApiKeys, self._list)
        bus.serve(RevokeApiKey, self._revoke)
        bus.serve(CheckApiKey, self._check)

    def _create(self, request: Request[CreateApiKey]) -> NewApiKey:
        wish, context = request.message, self._context
        row = context.accounts.get(wish.user)
        if not wish.scopes:
            raise RequestFailedError("scopes_missing", "An API key needs at least one scope.")
        checked_permissions(wish.scopes)
        _demand_networks(wish.addresses)
        now, key_id = context.now_ms(), secrets.token_hex(8)
        text = f"cb_{key_id}_{secrets.token_urlsafe(32)}"
        made = ApiKeyRow.create(
            id=key_id,
            secret_hash=_hash(text),
            user=row.name,
            name=printable(wish.name[:80]),
            scopes=" ".join(sorted(set(wish.scopes))),
            addresses=" ".join(wish.addresses),
            created_ms=now,
            expires_ms=now + int(wish.valid_s * 1000) if wish.valid_s > 0 else 0,
        )
        context.audit("user", wish.actor, "create API key", key_id, f"for {row.name}: {made.scopes}")
        return NewApiKey(key=_told(made), secret=text)

    def _list(self, request: Request[ListApiKeys]) -> ApiKeys:
        query = ApiKeyRow.select().order_by(ApiKeyRow.created_ms.desc())
        if request.message.user:
            query = query.where(ApiKeyRow.user == request.message.user)
        return ApiKeys(keys=[_told(row) for row in query])

    def _revoke(self, request: Request[RevokeApiKey]) -> Done:
        wish = request.message
        row = ApiKeyRow.get_or_none(ApiKeyRow.id == wish.id)
        if row is None:
            raise RequestFailedError("key_unknown", "There is no such API key.")
        row.delete_instance()
        self._context.revoked(row.user)
        self._context.audit("user", wish.actor, "revoke API key", wish.id)
        return Done(message=f"API key {wish.id} has ended.")

    def _check(self, request: Request[CheckApiKey]) -> Session:
        wish, context = request.message, self._context
        row = self._find(wish.secret)
        user = context.accounts.find(row.user) if row is not None else None
        now = context.now_ms()
        expired = row is not None and row.expires_ms and now >= row.expires_ms
        if row is None or user is None or not user.enabled or expired:
            raise RequestFailedError("key_invalid", "This API key is not valid, or has ended.")
        if not _is_within(wish.address, row.addresses.split()):
            context.audit("login", row.user, "API key", row.id, f"refused from {wish.address[:64]}", ok=False)
            raise RequestFailedError("key_address", "This API key may not be used from this address.")
        if abs(now - row.last_used_ms) > _USED_STALE_MS or row.last_address != wish.address[:64]:
            row.last_used_ms, row.last_address = now, wish.address[:64]
            row.save(only=[ApiKeyRow.last_used_ms, ApiKeyRow.last_address])
        return Session(
            user=user.name,
            role=user.role,
            permissions=_narrowed(row.scopes.split(), context.roles.permissions(user.role)),
            csrf_token="",
            expires_ms=row.expires_ms,
        )

    def _find(self, text: str) -> ApiKeyRow | None:
        parts = text.split("_", 2)
        row = (
            ApiKeyRow.get_or_none(ApiKeyRow.id == parts[1]) if len(parts) == 3 and parts[0] == "cb" else None
        )
        stored = row.secret_hash if row is not None else _hash("nobody")
        return row if hmac.compare_digest(stored, _hash(text)) else None


def _narrowed(scopes: list[str], permissions: list[str]) -> list[str]:
    """The scopes that the user's role still allows; where both name resources, both must be the same."""
    return [scope for scope in scopes if covers(permissions, scope)]


def _told(row: ApiKeyRow) -> ApiKey:
    return ApiKey(
        id=row.id,
        user=row.user,
        name=row.name,
        scopes=row.scopes.split(),
        addresses=row.addresses.split(),
        created_ms=row.created_ms,
        expires_ms=row.expires_ms,
        last_used_ms=row.last_used_ms,
        last_address=row.last_address,
    )


def _demand_networks(networks: list[str]) -> None:
    for network in networks:
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError:
            raise RequestFailedError(
                "address_wrong", f"{network[:60]!r} is no network such as 127.0.0.1 or 10.0.0.0/8."
            ) from None


def _is_within(address: str, networks: list[str]) -> bool:
    if not networks:
        return True
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found in ipaddress.ip_network(network, strict=False) for network in networks)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
