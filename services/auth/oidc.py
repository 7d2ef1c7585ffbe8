"""Login by other providers: OpenID Connect Core 1.0, authorization code flow with PKCE (RFC 7636).

Everything that the provider says is checked before it counts: issuer, signature by the provider's keys,
audience, nonce, age. The provider says who somebody is; what an account may do is decided here alone.
"""

import secrets
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ...configs.errors import RequestFailedError
from ...configs.sections.oidc import OidcProvider

TIMEOUT_S = 10.0
LEEWAY_S = 60
MAX_DOCUMENT = 1 << 20
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_KEEP_S = 3600.0


@dataclass(frozen=True, slots=True)
class Begun:
    """A login under way: what has to come back, and what only we know."""

    provider: str
    state: str
    nonce: str
    verifier: str
    redirect_uri: str


class ProviderError(RequestFailedError):
    """The provider, or what came from it, cannot be trusted or reached."""

    def __init__(self, reason: str) -> None:
        super().__init__("provider_failed", reason)


class Provider:
    """One provider. Blocks on the network: call it from a thread.

    Args:
        name: as in the settings.
        client_secret: empty for a public client, which PKCE alone protects.
    """

    def __init__(self, name: str, settings: OidcProvider, client_secret: str) -> None:
        self.name, self.settings = name, settings
        self._client_secret = client_secret
        self._document: dict[str, Any] = {}
        self._read_at = 0.0

    def begin(self, redirect_uri: str, state: str) -> tuple[str, Begun]:
        """The address to send the browser to, and what is kept meanwhile.

        Raises:
            ProviderError: the provider does not answer as OpenID Connect Discovery 1.0 says.
        """
        begun = Begun(self.name, state, secrets.token_urlsafe(32), secrets.token_urlsafe(48), redirect_uri)
        with self._client(begun) as client:
            url, _ = client.create_authorization_url(
                self._known("authorization_endpoint"),
                state=state,
                nonce=begun.nonce,
                code_verifier=begun.verifier,
            )
        return str(url), begun

    def finish(self, begun: Begun, code: str) -> dict[str, Any]:
        """Who it is: the checked claims of the ID token.

        Raises:
            ProviderError: the code, the token or its claims are not right.
        """
        from authlib.integrations.base_client.errors import OAuthError
        from requests import RequestException

        try:
            with self._client(begun) as client:
                token = client.fetch_token(
                    self._known("token_endpoint"), code=code, code_verifier=begun.verifier, timeout=TIMEOUT_S
                )
        except (OAuthError, RequestException, ValueError) as error:
            raise ProviderError(f"{self.title} did not accept the login: {error}.") from error
        return self._checked(str(token.get("id_token", "")), begun.nonce)

    def demand_issuer(self, told: str) -> None:
        """Does the answer come from this provider (RFC 9207)? Blocks, too.

        Whoever offers logins by several providers could else be given the code of one in the name of another.

        Raises:
            ProviderError: it does not, or does not say so although this provider always does.
        """
        self._known("token_endpoint")
        must = self._document.get("authorization_response_iss_parameter_supported") is True
        if (told or must) and told != self.settings.issuer:
            raise ProviderError(f"The answer is not of {self.title}: it names {told[:120]!r}.")

    @property
    def title(self) -> str:
        """What people read."""
        return self.settings.title or self.name

    def _client(self, begun: Begun) -> Any:
        from authlib.integrations.requests_client import OAuth2Session

        method = "client_secret_basic" if self._client_secret else "none"
        return OAuth2Session(
            self.settings.client_id,
            self._client_secret or None,
            scope=" ".join(self.settings.scopes),
            redirect_uri=begun.redirect_uri,
            code_challenge_method="S256",
            token_endpoint_auth_method=method,
        )

    def _checked(self, id_token: str, nonce: str) -> dict[str, Any]:
        from joserfc import jwk, jwt
        from joserfc.errors import JoseError

        try:
            published: Any = self._get(self._known("jwks_uri"))
            keys = jwk.KeySet.import_key_set(published)
            token = jwt.decode(id_token, keys, algorithms=list(ALGORITHMS))
            rules = jwt.JWTClaimsRegistry(
                leeway=LEEWAY_S,
                iss={"essential": True, "value": self.settings.issuer},
                aud={"essential": True, "value": self.settings.client_id},
                sub={"essential": True},
                exp={"essential": True},
                iat={"essential": True},
                nonce={"essential": True, "value": nonce},
            )
            rules.validate(token.claims)
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise ProviderError(f"What {self.title} says cannot be trusted: {error}.") from error
        party = token.claims.get("azp", self.settings.client_id)
        if party != self.settings.client_id:
            raise ProviderError(f"What {self.title} says cannot be trusted: it was said to {party!s:.80}.")
        return dict(token.claims)

    def _known(self, name: str) -> str:
        """An address of the provider's discovery document, read again once an hour."""
        if not self._document or time.monotonic() - self._read_at > _KEEP_S:
            issuer = self.settings.issuer
            document = self._get(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            if document.get("issuer") != issuer:
                raise ProviderError(
                    f"{self.title} calls itself {str(document.get('issuer'))[:120]!r}, but the settings say "
                    f"{issuer!r}; auth.providers.{self.name}.issuer must be written as the provider does."
                )
            self._document, self._read_at = document, time.monotonic()
        address = self._document.get(name)
        if not isinstance(address, str) or not is_safe(address):
            raise ProviderError(f"{self.title} names no usable {name}.")
        return address

    def _get(self, address: str) -> dict[str, Any]:
        import requests

        try:
            with requests.get(address, timeout=TIMEOUT_S, stream=True, allow_redirects=False) as answer:
                answer.raise_for_status()
                text = answer.raw.read(MAX_DOCUMENT + 1, decode_content=True)
            if len(text) > MAX_DOCUMENT:
                raise ValueError("its answer is too long")
            return _json_object(text)
        except (requests.RequestException, ValueError, OSError) as error:
            raise ProviderError(f"{self.title} cannot be reached at {address}: {error}.") from error


def is_safe(address: str) -> bool:
    """Is it https, or http that does not leave this machine?"""
    parts = urlsplit(address)
    return parts.scheme == "https" or (
        parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
    )


def _json_object(text: bytes) -> dict[str, Any]:
    import msgspec

    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"its answer is no JSON object ({error})") from error
