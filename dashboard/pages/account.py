"""One's own account. Not a page of the menu."""

from flask import Flask, Response, make_response, render_template, request

from ...bus.contracts.auth import ChangePassword
from ...bus.contracts.base import Done
from ...configs.errors import RequestFailedError
from ..access import ANY_USER, requires
from ..api.account import renewed
from ..context import dashboard, session
from ..sessions import COOKIE
from .login import LOGIN_TIMEOUT_S, MAX_FIELD


def install(app: Flask) -> None:
    """Add the routes."""
    app.add_url_rule("/account", "account", account_page, methods=["GET"])
    app.add_url_rule("/account/password", "change_password", change_password, methods=["POST"])


@requires(ANY_USER, with_old_password=True)
def account_page() -> str:
    """The user's own page."""
    return _account_page()


@requires(ANY_USER, with_old_password=True)
def change_password() -> Response | tuple[str, int]:
    """Change one's own password."""
    form, board = request.form, dashboard()
    if form.get("new", "") != form.get("again", ""):
        return _account_page(problem="The two new passwords differ."), 400
    question = ChangePassword(
        token=request.cookies.get(COOKIE, ""), current=form.get("current", "")[:MAX_FIELD],
        new=form.get("new", "")[:MAX_FIELD],
    )  # fmt: skip
    try:
        board.gateway.request_from_thread("auth", question, Done, LOGIN_TIMEOUT_S)
    except RequestFailedError as error:
        return _account_page(problem=error.message), 400
    board.sessions.forget_user(session().user)
    return renewed(make_response(_account_page(done="The password is changed.")))


def _account_page(problem: str = "", done: str = "") -> str:
    return render_template("pages/account.html", problem=problem, done=done, script="account")
