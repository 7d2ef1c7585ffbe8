"""API keys over the API. auth decides; the secret of a new key is shown once, in the answer."""

from flask import Flask, Response, request

from ...bus.contracts.auth import ApiKeys, CreateApiKey, ListApiKeys, NewApiKey, RevokeApiKey
from ...bus.contracts.base import Done
from ..access import requires
from ..context import session
from .answers import PREFIX, answer, ask, body
from .shapes import Message, NewKey


def install(app: Flask) -> None:
    """Add the routes."""
    add = app.add_url_rule
    add(f"{PREFIX}/keys", "api_keys", keys, methods=["GET"])
    add(f"{PREFIX}/keys", "api_create_key", create_key, methods=["POST"])
    add(f"{PREFIX}/keys/<name>/revoke", "api_revoke_key", revoke_key, methods=["POST"])


@requires("apikey.manage")
def keys() -> Response:
    """API keys without their secrets: ?user=."""
    return answer(ask("auth", ListApiKeys(user=request.args.get("user", "")), ApiKeys))


@requires("apikey.manage", step_up=True)
def create_key() -> Response:
    """Make an API key. It never may do more than its user may."""
    wanted, actor = body(NewKey), session().user
    question = CreateApiKey(
        user=wanted.user or actor,
        name=wanted.name,
        scopes=wanted.scopes,
        actor=actor,
        valid_s=wanted.valid_s,
        addresses=wanted.addresses,
    )
    return answer(ask("auth", question, NewApiKey), 201)


@requires("apikey.manage", step_up=True)
def revoke_key(name: str) -> Response:
    """End an API key at once."""
    done = ask("auth", RevokeApiKey(id=name, actor=session().user), Done)
    return answer(Message(message=done.message))
