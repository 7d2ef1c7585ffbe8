"""Owner: auth. Numbers 0x0550 to 0x055F: passkeys (WebAuthn), logins by other providers (OpenID Connect)."""

from .auth import LoginResult
from .base import Delivery, Done, Message, message, request


@message(0x0550, delivery=Delivery.REPLY)
class PasskeyOptions(Message, frozen=True, kw_only=True, gc=False):
    """What a browser needs for `navigator.credentials` (WebAuthn level 2) as JSON; the ceremony's name."""

    ceremony: str
    options: str


@request(0x0551, reply=PasskeyOptions, permission="account.password")
class BeginPasskey(Message, frozen=True, kw_only=True, gc=False):
    """Make a passkey for one's own account. `origin` is the page's, such as https://localhost:8443."""

    token: str
    origin: str


@request(0x0552, reply=Done, permission="account.password")
class FinishPasskey(Message, frozen=True, kw_only=True, gc=False):
    """Keep the passkey that the browser made; `response` is its answer as JSON."""

    token: str
    ceremony: str
    response: str
    name: str = ""


@message(0x0553, delivery=Delivery.REPLY)
class Passkey(Message, frozen=True, kw_only=True, gc=False):
    """One passkey. Times are 0 when never."""

    id: str
    name: str
    created_ms: int
    last_used_ms: int


@message(0x0554, delivery=Delivery.REPLY)
class Passkeys(Message, frozen=True, kw_only=True, gc=False):
    """Newest first."""

    passkeys: list[Passkey]


@request(0x0555, reply=Passkeys, permission="account.password")
class ListPasskeys(Message, frozen=True, kw_only=True, gc=False):
    """One's own passkeys."""

    token: str


@request(0x0556, reply=Done, permission="account.password")
class RemovePasskey(Message, frozen=True, kw_only=True, gc=False):
    """Remove one of one's own passkeys."""

    token: str
    id: str


@request(0x0557, reply=PasskeyOptions, permission="")
class BeginPasskeyLogin(Message, frozen=True, kw_only=True, gc=False):
    """Begin a login by passkey; the passkey itself says whose it is."""

    origin: str


@request(0x0558, reply=LoginResult, permission="")
class FinishPasskeyLogin(Message, frozen=True, kw_only=True, gc=False):
    """End a login by passkey; `response` is the browser's answer as JSON."""

    ceremony: str
    response: str
    address: str
    user_agent: str = ""


@message(0x0559, delivery=Delivery.REPLY)
class Provider(Message, frozen=True, kw_only=True, gc=False):
    """Another place that can say who somebody is (OpenID Connect)."""

    name: str
    title: str


@message(0x055A, delivery=Delivery.REPLY)
class Providers(Message, frozen=True, kw_only=True, gc=False):
    """As the settings list them."""

    providers: list[Provider]


@request(0x055B, reply=Providers, permission="")
class ListProviders(Message, frozen=True, kw_only=True, gc=False):
    """Which providers are there to log in by."""


@message(0x055C, delivery=Delivery.REPLY)
class ProviderLogin(Message, frozen=True, kw_only=True, gc=False):
    """Send the browser to `url`; `state` comes back with it, `ceremony` stays with the browser."""

    url: str
    state: str
    ceremony: str


@request(0x055D, reply=ProviderLogin, permission="")
class BeginProviderLogin(Message, frozen=True, kw_only=True, gc=False):
    """Begin a login by a provider that sends the browser back to `redirect_uri`."""

    provider: str
    redirect_uri: str


@request(0x055E, reply=LoginResult, permission="")
class FinishProviderLogin(Message, frozen=True, kw_only=True, gc=False):
    """End it with what the provider gave the browser: a code, or an error; `issuer` as in RFC 9207."""

    ceremony: str
    state: str
    address: str
    code: str = ""
    error: str = ""
    user_agent: str = ""
    issuer: str = ""
