"""Login by another provider: OpenID Connect."""

from typing import Annotated, Literal

import msgspec

from .base import Section, setting


class OidcProvider(Section, frozen=True, kw_only=True):
    """One provider, such as a company's Keycloak, Google or Authentik."""

    title: Annotated[str, setting("What the button of the login page says; empty takes the name.")] = ""
    issuer: Annotated[
        str,
        setting(
            "The provider's issuer: https, or http on this machine.",
            pattern=r"^(https://|http://(localhost|127\.0\.0\.1)[:/])",
            form="an address that begins with https://",
        ),
    ]
    client_id: Annotated[str, setting("What the provider calls this installation.", min_length=1)]
    scopes: Annotated[list[str], setting("What is asked for.")] = msgspec.field(
        default_factory=lambda: ["openid", "email", "profile"]
    )
    claim: Annotated[
        Literal["sub", "email", "preferred_username"],
        setting("Which claim says who it is; email counts only when the provider has verified it."),
    ] = "email"
    accounts: Annotated[dict[str, str], setting("The claim's value, and the account it logs in to.")] = (
        msgspec.field(default_factory=dict)
    )
    new_users_role: Annotated[
        str, setting("Role of an account made at the first login of somebody unknown; empty refuses them.")
    ] = ""
