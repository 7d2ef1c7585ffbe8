"""API keys over the API. auth decides; the secret of a new key is shown once, in the answer."""

from flask import Flask, Response, request

from ...bus.contracts.auth import ApiKeys, CreateApiKey, ListApiKeys, NewApiKey, RevokeApiKey, permits
from ...bus.contracts.base import Done
from ..access import requires
from ..context import session
from ..problems import ApiProblem
from .answers import PREFIX, answer, ask, body
from .lists import page_of
from .reach import demand_own_or_manager, demand_reach
from .shapes import Message, NewKey


def install(app: Flask) -> None:
    """Add the routes."""
    add = app.add_url_rule
    add(f"{PREFIX}/keys", "api_keys", keys, methods=["GET"])
    add(f"{PREFIX}/keys", "api_create_key", create_key, methods=["POST"])
    add(f"{PREFIX}/keys/<name>/revoke", "api_revoke_key", revoke_key, methods=["POST"])


@requires("apikey.manage")
def keys() -> Response:
    """API keys without their secrets; those of others for who manages accounts: ?user=&cursor=&limit=."""
    wanted, asking = request.args.get("user", ""), session()
    if not permits(asking.permissions, "user.manage"):
        wanted = wanted or asking.user
    demand_own_or_manager(wanted or asking.user)
    return page_of(ask("auth", ListApiKeys(user=wanted), ApiKeys), "keys", lambda one: one.id)


@requires("apikey.manage", step_up=True)
def create_key() -> Response:
    """Make an API key. It never may do more than its user may."""
    wanted, actor = body(NewKey), session().user
    demand_own_or_manager(wanted.user or actor)
    demand_reach(wanted.scopes, "Such a key")
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
    if not permits(session().permissions, "user.manage"):
        own = ask("auth", ListApiKeys(user=session().user), ApiKeys).keys
        if all(one.id != name for one in own):
            raise ApiProblem(404, "not_found", "You have no such API key.")
    done = ask("auth", RevokeApiKey(id=name, actor=session().user), Done)
    return answer(Message(message=done.message))
