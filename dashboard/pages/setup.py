"""The first run: a password with the set-up token, then the goal and the market. Not a page of the menu."""

from flask import Flask, redirect, render_template, request
from werkzeug.wrappers import Response

from ...bus.contracts.auth import LoginResult
from ...bus.contracts.setup import ClaimSetup, GetSetup, SetupState
from ...configs import firstrun
from ...configs.errors import BusError, RequestFailedError
from ..access import PUBLIC, check_form_token, form_token, keep_form_token, requires
from ..api.answers import answer
from ..api.setup import goals
from ..api.shapes import Message
from ..context import dashboard
from ..problems import ApiProblem
from .login import LIST_TIMEOUT_S, LOGIN_TIMEOUT_S, MAX_FIELD, with_session

# What is offered by name; every other exchange of ccxt works, too.
EXCHANGES = {"binance": "Binance", "coinbase": "Coinbase", "kraken": "Kraken", "bybit": "Bybit", "okx": "OKX"}


def install(app: Flask) -> None:
    """Add the routes."""
    app.add_url_rule("/setup", "setup", setup_page, methods=["GET"])
    app.add_url_rule("/setup", "claim_setup", claim, methods=["POST"])
    app.add_url_rule("/welcome", "welcome", welcome_page, methods=["GET"])


@requires(PUBLIC)
def setup_page() -> Response:
    """The first screen: a password of one's own. Who is late is sent on."""
    if not is_open():
        return redirect("/welcome")
    token = form_token()
    page = render_template("setup.html", form_token=token)
    return keep_form_token(Response(page, mimetype="text/html"), token)


@requires(PUBLIC)
def claim() -> Response:
    """Choose the first account's password with the token that the command line printed."""
    if not check_form_token():
        raise ApiProblem(403, "form_old", "The page is out of date; load it again.")
    form = request.form
    if form.get("new", "") != form.get("again", ""):
        raise ApiProblem(400, "passwords_differ", "The two passwords differ.")
    question = ClaimSetup(
        token=form.get("token", "")[:MAX_FIELD], password=form.get("new", "")[:MAX_FIELD],
        address=request.remote_addr or "", user_agent=request.user_agent.string[:200],
    )  # fmt: skip
    result = dashboard().gateway.request_from_thread("auth", question, LoginResult, LOGIN_TIMEOUT_S)
    return with_session(answer(Message(message="Welcome.")), result)


@requires("config.write")
def welcome_page() -> str:
    """The second and the third screen: what the bot shall do, and where."""
    return render_template(
        "begin.html", goals=goals(), exchanges=EXCHANGES, first=firstrun.pending(dashboard().home)
    )


def is_open() -> bool:
    """Does this home wait for its first person? While auth does not answer: no."""
    try:
        state = dashboard().gateway.request_from_thread("auth", GetSetup(), SetupState, LIST_TIMEOUT_S)
    except (BusError, RequestFailedError):
        return False
    return bool(state.open)
