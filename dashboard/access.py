"""Who may call what. Every route says which permission it needs; a route that says nothing is refused."""

import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import structlog
from flask import Flask, Request, current_app, g, redirect, request
from werkzeug.wrappers import Response

from ..bus.contracts.auth import Session, permits
from ..configs.accounts import MAIN
from ..configs.errors import AuthError
from .assets import HSTS
from .context import dashboard
from .problems import ApiProblem
from .rates import STRANGERS, USERS, Rate, Rates
from .sessions import COOKIE, Sessions, proof_of

V = TypeVar("V", bound=Callable[..., Any])

PUBLIC = "public"
ANY_USER = "any user"
PAGES = "cryptobot-pages"
FORM_COOKIE = "__Host-form"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_DEMAND = "cryptobot_demand"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Strict-Transport-Security": HSTS,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: with it browsers send `Origin: null` with the forms of our own pages.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Demand:
    """What a route needs of its caller.

    Args:
        permission: a permission's name, ANY_USER or PUBLIC.
        resource: the part of the address that names the resource, for permissions narrowed to resources.
        account: for permissions narrowed to accounts, by the word `account` of the query. Without the word
            `one` takes main, `all` every account, `any` those that the caller may (`permitted`).
        step_up: the person has to have proved who they are a short time ago; API keys cannot.
        with_old_password: also for somebody who has to change a given password first.
    """

    permission: str
    resource: str = ""
    step_up: bool = False
    with_old_password: bool = False
    account: Literal["", "one", "all", "any"] = ""


def requires(
    permission: str,
    *,
    resource: str = "",
    step_up: bool = False,
    with_old_password: bool = False,
    account: Literal["", "one", "all", "any"] = "",
) -> Callable[[V], V]:
    """Declare what a route needs (see Demand)."""
    demand = Demand(permission, resource, step_up, with_old_password, account)

    def mark(view: V) -> V:
        setattr(view, _DEMAND, demand)
        return view

    return mark


def demand_of(view: Callable[..., Any]) -> Demand | None:
    """What a route declared; None when it declared nothing."""
    declared: Demand | None = getattr(view, _DEMAND, None)
    return declared


def install(app: Flask, sessions: Sessions, log: structlog.typing.FilteringBoundLogger) -> None:
    """Put the checks in front of every route and the headers on every answer."""
    rates = Rates()

    @app.before_request
    def check() -> Response | None:
        if request.url_rule is None:
            return None
        view = app.view_functions[request.endpoint or ""]
        return _check(view, sessions, rates, log)

    @app.after_request
    def harden(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Cache-Control", "no-store")
        if is_api() and (response.mimetype or "").endswith("json"):
            # Whoever is lured to an address of the API gets a file, not a page.
            response.headers.setdefault("Content-Disposition", 'attachment; filename="api.json"')
        return response


def _check(
    view: Callable[..., Any], sessions: Sessions, rates: Rates, log: structlog.typing.FilteringBoundLogger
) -> Response | None:
    g.session = None
    demand = demand_of(view)
    if demand is None:
        raise ApiProblem(403, "permission_undeclared", "This address is closed: it declares no permission.")
    shown = request.headers.get("Authorization", "") if is_api() else ""
    proof = proof_of(shown, request.cookies.get(COOKIE, ""))
    changes = request.method not in _SAFE_METHODS
    if changes and not proof.by_key:
        _check_origin(request)
    address = request.remote_addr or ""
    if demand.permission == PUBLIC or not proof.secret:
        _demand_calm(rates, log, f"address {address}", STRANGERS)
    if demand.permission == PUBLIC:
        return None
    try:
        if not proof.secret:
            raise AuthError("You are not logged in.")
        g.session = sessions.check_from_thread(proof, address)
    except AuthError as error:
        # Tokens and keys are guessed no faster than passwords.
        _demand_calm(rates, log, f"address {address}", STRANGERS)
        if is_api():
            raise ApiProblem(401, "not_logged_in", str(error)) from error
        return redirect("/login")
    _demand_calm(rates, log, f"user {g.session.user}", USERS)
    if changes and not proof.by_key:
        _check_token(g.session)
    try:
        _check_permission(g.session, demand, log)
    except ApiProblem:
        if request.path != "/":
            raise
        return redirect(_first_page(g.session))
    if g.session.must_change_password and not demand.with_old_password:
        if is_api():
            raise ApiProblem(403, "password_old", "Change the password that you were given first (Account).")
        return redirect("/account")
    g.by_key = proof.by_key
    if demand.step_up:
        demand_step_up()
    return None


def _first_page(session: Session) -> str:
    """Where somebody begins who may not see the overview."""
    pages = current_app.extensions[PAGES]
    return next((page.path for page in pages if permits(session.permissions, page.permission)), "/account")


def _demand_calm(rates: Rates, log: structlog.typing.FilteringBoundLogger, who: str, rate: Rate) -> None:
    wait_s = rates.wait_s(who, rate)
    if wait_s > 0:
        # The first of each burst is told; log lines are what the monitor's rules look at.
        if rates.first_refusal(who):
            log.warning("too many requests", who=who, path=request.path[:80])
        raise ApiProblem(429, "too_many_requests", "Too many requests; try again in a moment.", wait_s)


def _check_permission(session: Session, demand: Demand, log: structlog.typing.FilteringBoundLogger) -> None:
    if demand.permission == ANY_USER:
        return
    resource = str((request.view_args or {}).get(demand.resource, ""))
    if demand.account:
        allowed, resource = _check_account(session, demand)
    else:
        allowed = permits(session.permissions, demand.permission, resource)
    if not allowed:
        which = f" for {resource}" if resource else ""
        log.warning(
            "permission denied", user=session.user, permission=demand.permission, path=request.path[:80]
        )
        raise ApiProblem(
            403,
            "permission_denied",
            f"Your role {session.role} lacks the permission {demand.permission}{which}.",
        )


def _check_account(session: Session, demand: Demand) -> tuple[bool, str]:
    """Whether the caller may do this to the accounts that it is about, and the name to blame.

    Raises:
        ApiProblem: unknown_account.
    """
    known, named = dashboard().gateway.accounts, request.args.get("account", "")
    if named and named not in known:
        raise ApiProblem(
            404, "unknown_account", f"There is no account {named[:40]!r}; there are {', '.join(known)}."
        )
    g.demanded = demand.permission
    asked = [named] if named else [MAIN] if demand.account == "one" else list(known)
    refused = [one for one in asked if not permits(session.permissions, demand.permission, one)]
    enough = len(refused) < len(asked) if demand.account == "any" else not refused
    return enough, ", ".join(refused) if len(known) > 1 else ""


def permitted() -> list[str]:
    """The accounts that this request is about: those that it names and that its caller may."""
    named = request.args.get("account", "")
    known = [named] if named else dashboard().gateway.accounts
    return [one for one in known if permits(g.session.permissions, g.demanded, one)]


def demand_step_up() -> None:
    """Let nobody pass but a person who has proved who they are a short time ago.

    Raises:
        ApiProblem: person_needed, step_up_needed.
    """
    if g.by_key:
        raise ApiProblem(403, "person_needed", "This needs a person at the dashboard, not an API key.")
    if g.session.stepped_up_until_ms <= time.time_ns() // 1_000_000:
        raise ApiProblem(403, "step_up_needed", "Prove again that it is you (second factor, or password).")


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
