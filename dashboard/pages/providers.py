"""Login by another provider: away to it, and back. Not a page of the menu."""

from flask import Flask, redirect, render_template, request
from werkzeug.wrappers import Response

from ...bus.contracts.auth import LoginResult
from ...bus.contracts.signin import BeginProviderLogin, FinishProviderLogin, ProviderLogin
from ...configs.errors import BusError, RequestFailedError
from ..access import PUBLIC, requires
from ..context import dashboard
from .login import login_form, with_session

# The provider is asked while the browser waits.
PROVIDER_TIMEOUT_S = 25.0
CEREMONY_COOKIE = "__Host-provider"
_CEREMONY_S = 300
_MAX_FIELD = 4096


def install(app: Flask) -> None:
    """Add the routes."""
    app.add_url_rule("/login/with/<name>", "begin_provider_login", begin, methods=["GET"])
    app.add_url_rule("/login/back", "provider_login", finish, methods=["GET"])


@requires(PUBLIC)
def begin(name: str) -> Response:
    """Send the browser to the provider."""
    question = BeginProviderLogin(provider=name, redirect_uri=f"https://{request.host}/login/back")
    try:
        gateway = dashboard().gateway
        begun = gateway.request_from_thread("auth", question, ProviderLogin, PROVIDER_TIMEOUT_S)
    except (BusError, RequestFailedError) as error:
        return login_form(str(error), 503)
    away = redirect(begun.url, 302)
    # Lax: the browser comes back from another site, and brings it along only so.
    away.set_cookie(
        CEREMONY_COOKIE, begun.ceremony, max_age=_CEREMONY_S, secure=True, httponly=True, samesite="Lax",
        path="/",
    )  # fmt: skip
    return away


@requires(PUBLIC)
def finish() -> Response:
    """The browser is back with a code, or with a refusal."""
    given = {name: request.args.get(name, "")[:_MAX_FIELD] for name in ("state", "code", "error")}
    issuer = request.args.get("iss", "")[:_MAX_FIELD]
    question = FinishProviderLogin(
        ceremony=request.cookies.get(CEREMONY_COOKIE, ""), address=request.remote_addr or "",
        user_agent=request.user_agent.string[:200], issuer=issuer, **given,
    )  # fmt: skip
    try:
        gateway = dashboard().gateway
        result = gateway.request_from_thread("auth", question, LoginResult, PROVIDER_TIMEOUT_S)
    except (BusError, RequestFailedError) as error:
        return login_form(str(error), 503)
    if not result.token:
        return login_form(result.reason, 403)
    # A page of our own goes on from here: the session's cookie is not sent with what another site began.
    return with_session(Response(render_template("welcome.html"), mimetype="text/html"), result)
