"""Who may call what. Every route says which permission it needs; a route that says nothing is refused."""

import hmac
import secrets
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, Request, g, redirect, request
from werkzeug.wrappers import Response

from ..bus.contracts.auth import Session
from ..configs.errors import AuthError
from .problems import ApiProblem
from .sessions import COOKIE, Sessions, may

V = TypeVar("V", bound=Callable[..., Any])

PUBLIC = "public"
ANY_USER = "any user"
FORM_COOKIE = "__Host-form"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_PERMISSION = "cryptobot_permission"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: with it browsers send `Origin: null` with the forms of our own pages.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def requires(permission: str) -> Callable[[V], V]:
    """Declare what a route needs: a permission's name, ANY_USER or PUBLIC."""

    def mark(view: V) -> V:
        setattr(view, _PERMISSION, permission)
        return view

    return mark


def permission_of(view: Callable[..., Any]) -> str | None:
    """What a route declared; None when it declared nothing."""
    declared: str | None = getattr(view, _PERMISSION, None)
    return declared


def install(app: Flask, sessions: Sessions) -> None:
    """Put the checks in front of every route and the headers on every answer."""

    @app.before_request
    def check() -> Response | None:
        if request.url_rule is None:
            return None
        view = app.view_functions[request.endpoint or ""]
        return _check(view, sessions)

    @app.after_request
    def harden(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Cache-Control", "no-store")
        return response


def _check(view: Callable[..., Any], sessions: Sessions) -> Response | None:
    g.session = None
    permission = permission_of(view)
    if permission is None:
        raise ApiProblem(403, "permission_undeclared", "This address is closed: it declares no permission.")
    if request.method not in _SAFE_METHODS:
        _check_origin(request)
    if permission == PUBLIC:
        return None
    token = request.cookies.get(COOKIE, "")
    try:
        if not token:
            raise AuthError("You are not logged in.")
        g.session = sessions.check_from_thread(token, request.remote_addr or "")
    except AuthError as error:
        if is_api():
            raise ApiProblem(401, "not_logged_in", str(error)) from error
        return redirect("/login")
    if request.method not in _SAFE_METHODS:
        _check_token(g.session)
    if permission != ANY_USER and not may(g.session, permission):
        raise ApiProblem(
            403, "permission_denied", f"Your role {g.session.role} lacks the permission {permission}."
        )
    return None


def is_api() -> bool:
    """Does the caller expect JSON?"""
    return request.path.startswith("/api/")


def _check_origin(asked: Request) -> None:
    origin = asked.headers.get("Origin")
    if origin != f"https://{asked.host}":
        raise ApiProblem(403, "foreign_origin", "This request came from another site and was refused.")


def _check_token(session: Session) -> None:
    sent = request.headers.get("X-CSRF-Token") or request.form.get("csrf_token", "")
    if not hmac.compare_digest(sent.encode(), session.csrf_token.encode()):
        raise ApiProblem(403, "csrf_failed", "The page is out of date; load it again and repeat.")


def form_token() -> str:
    """The token of a form that is used before there is a session; `keep_form_token` sets the cookie."""
    known = request.cookies.get(FORM_COOKIE, "")
    return known if len(known) >= 32 else secrets.token_urlsafe(24)


def keep_form_token(response: Response, token: str) -> Response:
    """Put the form's token into a cookie that no other site can write."""
    response.set_cookie(FORM_COOKIE, token, secure=True, httponly=True, samesite="Strict", path="/")
    return response


def check_form_token() -> bool:
    """Did the form come from our own page?"""
    cookie, sent = request.cookies.get(FORM_COOKIE, ""), request.form.get("form_token", "")
    return bool(cookie) and hmac.compare_digest(cookie.encode(), sent.encode())
