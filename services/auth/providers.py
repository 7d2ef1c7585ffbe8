"""The desk for logins by other providers: who comes back with what, and which account that is."""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from ...bus.api import Request
from ...bus.contracts.auth import LoginResult
from ...bus.contracts.signin import (
    BeginProviderLogin,
    FinishProviderLogin,
    ListProviders,
    ProviderLogin,
    Providers,
)
from ...bus.contracts.signin import Provider as ProviderInfo
from ...configs.errors import RequestFailedError
from ...configs.sections.oidc import OidcProvider
from .accounts import normal
from .context import AuthContext
from .models import UserRow
from .oidc import Begun, Provider, ProviderError
from .pending import Pending

SECRET = "oidc.{name}.client_secret"  # noqa: S105  # the name of a secret


class ProviderDesk:
    """Logins by providers on the bus.

    Args:
        settings: the providers by name.
        secret: a provider's client secret by name, "" when it has none.
    """

    def __init__(
        self, context: AuthContext, settings: Mapping[str, OidcProvider], secret: Callable[[str], str]
    ) -> None:
        self._context = context
        self._providers = {name: Provider(name, one, secret(name)) for name, one in settings.items()}
        self._begun: Pending[Begun] = Pending(context.now_ms)

    def serve(self) -> None:
        """Answer requests."""
        bus = self._context.bus
        bus.serve(ListProviders, self._list)
        bus.serve(BeginProviderLogin, self._begin)
        bus.serve(FinishProviderLogin, self._finish)

    def _list(self, request: Request[ListProviders]) -> Providers:
        return Providers(
            providers=[ProviderInfo(name=name, title=one.title) for name, one in self._providers.items()]
        )

    async def _begin(self, request: Request[BeginProviderLogin]) -> ProviderLogin:
        wish = request.message
        provider = self._providers.get(wish.provider)
        if provider is None:
            raise RequestFailedError("provider_unknown", f"There is no provider {wish.provider[:40]!r}.")
        state = secrets.token_urlsafe(24)
        url, begun = await asyncio.to_thread(provider.begin, wish.redirect_uri, state)
        return ProviderLogin(url=url, state=state, ceremony=self._begun.put(begun))

    async def _finish(self, request: Request[FinishProviderLogin]) -> LoginResult:
        wish, context = request.message, self._context
        try:
            row = await self._proved(wish)
        except RequestFailedError as error:
            context.audit("login", "", "login by provider", wish.address[:64], error.code, ok=False)
            return LoginResult(token="", session=None, code=error.code, reason=error.message)
        context.audit("login", row.name, "login by provider", wish.address[:64])
        return context.open_session(row, wish.address, wish.user_agent)

    async def _proved(self, wish: FinishProviderLogin) -> UserRow:
        begun = self._begun.take(wish.ceremony)
        if not secrets.compare_digest(begun.state.encode(), wish.state.encode()):
            raise RequestFailedError("state_wrong", "This login was begun in another window; try again.")
        provider = self._providers[begun.provider]
        await asyncio.to_thread(provider.demand_issuer, wish.issuer)
        if wish.error or not wish.code:
            why = wish.error[:120] or "it sent no code"
            raise ProviderError(f"{provider.title} refused the login: {why}.")
        claims = await asyncio.to_thread(provider.finish, begun, wish.code)
        return await self._account(provider, claims)

    async def _account(self, provider: Provider, claims: Mapping[str, Any]) -> UserRow:
        settings, context = provider.settings, self._context
        value = str(claims.get(settings.claim, ""))
        if settings.claim == "email" and claims.get("email_verified") is not True:
            raise ProviderError(f"{provider.title} has not verified the address {value[:80]!r}.")
        name = normal(settings.accounts.get(value, ""))
        row = context.accounts.find(name) if name else await self._new(provider, claims, value)
        if row is None or not row.enabled:
            raise RequestFailedError(
                "account_unknown",
                f"{value[:80] or 'Somebody without a name'} has no account here; an admin can name one under "
                f"auth.providers.{provider.name}.accounts.",
            )
        return row

    async def _new(self, provider: Provider, claims: Mapping[str, Any], value: str) -> UserRow | None:
        """An account for somebody who comes for the first time, where the settings allow that.

        It is known by the provider's name and subject, so that nobody takes over an account by a name.
        """
        if not provider.settings.new_users_role or not value:
            return None
        context = self._context
        linked = context.accounts.linked(f"{provider.name} {claims['sub']}")
        if linked is not None:
            return linked
        name = str(claims.get("preferred_username") or value).partition("@")[0]
        unknown = await context.hashing.hash(secrets.token_urlsafe(32))
        context.accounts.add(name, provider.settings.new_users_role, unknown, must_change=False)
        row = context.accounts.get(name)
        context.accounts.link(row, f"{provider.name} {claims['sub']}")
        context.audit("user", f"provider:{provider.name}", "add user", row.name, f"role {row.role}")
        return row
