"""Logging in and out. Not a page of the menu."""

from flask import Flask, redirect, render_template, request
from werkzeug.wrappers import Response

from ...bus.contracts.auth import Login, LoginResult, Logout
from ...bus.contracts.base import Done
from ...bus.contracts.signin import (
    BeginPasskeyLogin,
    FinishPasskeyLogin,
    ListProviders,
    PasskeyOptions,
    Provider,
    Providers,
)
from ...configs.errors import BusError, RequestFailedError
from ..access import ANY_USER, PUBLIC, check_form_token, form_token, keep_form_token, requires
from ..api.answers import answer
from ..api.shapes import Message
from ..context import dashboard
from ..problems import ApiProblem
from ..sessions import COOKIE

# Checking a password is slow on purpose, and slower on a small machine.
LOGIN_TIMEOUT_S = 15.0
LIST_TIMEOUT_S = 2.0
MAX_FIELD = 1024
AUTH_AWAY = "The auth service does not answer; it may be starting. Try again in a moment."


def install(app: Flask) -> None:
    """Add the routes."""
    app.add_url_rule("/login", "login", login_page, methods=["GET"])
    app.add_url_rule("/login", "log_in", log_in, methods=["POST"])
    app.add_url_rule("/login/passkey", "begin_passkey_login", begin_passkey_login, methods=["POST"])
    app.add_url_rule("/login/passkey/finish", "passkey_login", passkey_login, methods=["POST"])
    app.add_url_rule("/logout", "log_out", log_out, methods=["POST"])


@requires(PUBLIC)
def login_page() -> Response:
    """The form."""
    return login_form()


@requires(PUBLIC)
def log_in() -> Response:
    """Check name and password with auth; a new session gets a new token."""
    if not check_form_token():
        return login_form("The form was out of date. Please try again.", 403)
    user, password = request.form.get("user", "")[:MAX_FIELD], request.form.get("password", "")[:MAX_FIELD]
    question = Login(
        user=user, password=password, address=request.remote_addr or "",
        user_agent=request.user_agent.string[:200], totp=request.form.get("totp", "")[:64],
    )  # fmt: skip
    try:
        result = dashboard().gateway.request_from_thread("auth", question, LoginResult, LOGIN_TIMEOUT_S)
    except RequestFailedError as error:
        return login_form(error.message, 403, user)
    except BusError:
        return login_form(AUTH_AWAY, 503, user)
    if not result.token:
        with_code = result.code in ("totp_required", "totp_wrong")
        status = 429 if result.retry_after_s > 0 else 403
        return login_form(_refusal(result), status, user, with_code=with_code)
    return with_session(redirect("/", 303), result)


@requires(PUBLIC)
def begin_passkey_login() -> Response:
    """A challenge for the passkeys of this host."""
    _demand_form_token()
    question = BeginPasskeyLogin(origin=request.headers.get("Origin", "")[:MAX_FIELD])
    return answer(dashboard().gateway.request_from_thread("auth", question, PasskeyOptions))


@requires(PUBLIC)
def passkey_login() -> Response:
    """Check what the passkey signed; a new session gets a new token."""
    _demand_form_token()
    form = request.form
    question = FinishPasskeyLogin(
        ceremony=form.get("ceremony", "")[:MAX_FIELD], response=form.get("response", ""),
        address=request.remote_addr or "", user_agent=request.user_agent.string[:200],
    )  # fmt: skip
    result = dashboard().gateway.request_from_thread("auth", question, LoginResult)
    if not result.token:
        raise ApiProblem(403, result.code, _refusal(result))
    return with_session(answer(Message(message="Welcome.")), result)


@requires(ANY_USER, with_old_password=True)
def log_out() -> Response:
    """End the session here and in auth."""
    board, token = dashboard(), request.cookies.get(COOKIE, "")
    board.sessions.forget(token)
    board.gateway.tell_from_thread(board.gateway.on_logout, token)
    try:
        board.gateway.request_from_thread("auth", Logout(token=token), Done)
    except BusError as error:
        board.log.warning("logout not carried to auth", reason=str(error))
    gone = redirect("/login", 303)
    gone.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="Strict")
    return gone


def _demand_form_token() -> None:
    if not check_form_token():
        raise ApiProblem(403, "form_old", "The page is out of date; load it again.")


def with_session(response: Response, result: LoginResult) -> Response:
    """An answer that brings the browser its new session."""
    response.set_cookie(COOKIE, result.token, secure=True, httponly=True, samesite="Strict", path="/")
    return response


def login_form(problem: str = "", status: int = 200, user: str = "", *, with_code: bool = False) -> Response:
    """The form, with what is wrong."""
    token = form_token()
    page = render_template(
        "login.html", problem=problem, form_token=token, user=user, with_code=with_code,
        providers=_providers(),
    )  # fmt: skip
    return keep_form_token(Response(page, status, mimetype="text/html"), token)


def _refusal(result: LoginResult) -> str:
    reason = result.reason or "Name or password is wrong."
    if result.retry_after_s > 0:
        return f"{reason} Try again in {result.retry_after_s:.0f} s."
    return reason


def _providers() -> list[Provider]:
    """The providers of the login page; none while auth does not answer."""
    try:
        gateway = dashboard().gateway
        return gateway.request_from_thread("auth", ListProviders(), Providers, LIST_TIMEOUT_S).providers
    except (BusError, RequestFailedError):
        return []
