"""Accounts over the API. auth decides; a generated password is shown once, in the answer."""

from flask import Flask, Response

from ...bus.contracts.auth import (
    AddUser,
    ChangeUser,
    ListUsers,
    NewPassword,
    RecoveryCodes,
    RemoveUser,
    ResetPassword,
    ResetTotp,
    Users,
)
from ...bus.contracts.base import Done
from ...bus.contracts.factors import ResetRecoveryCodes
from ..access import requires
from ..context import session
from .answers import PREFIX, answer, ask, body
from .lists import page_of
from .reach import demand_role_within, demand_user_within
from .shapes import Message, NewUser, UserChange

# Hashing a password is slow on purpose.
TIMEOUT_S = 15.0


def install(app: Flask) -> None:
    """Add the routes."""
    add = app.add_url_rule
    add(f"{PREFIX}/users", "api_users", users, methods=["GET"])
    add(f"{PREFIX}/users", "api_add_user", add_user, methods=["POST"])
    add(f"{PREFIX}/users/<name>", "api_change_user", change_user, methods=["POST"])
    add(f"{PREFIX}/users/<name>/password", "api_reset_password", reset_password, methods=["POST"])
    add(f"{PREFIX}/users/<name>/second-factor/reset", "api_reset_totp", reset_totp, methods=["POST"])
    add(f"{PREFIX}/users/<name>/recovery-codes", "api_reset_codes", reset_codes, methods=["POST"])
    add(f"{PREFIX}/users/<name>/remove", "api_remove_user", remove_user, methods=["POST"])


@requires("user.read")
def users() -> Response:
    """All accounts, and the roles there are."""
    return page_of(ask("auth", ListUsers(), Users, TIMEOUT_S), "users", lambda one: one.name)


@requires("user.manage", step_up=True)
def add_user() -> Response:
    """Make an account with a generated password, to be changed at the first login."""
    wanted = body(NewUser)
    demand_role_within(wanted.role)
    question = AddUser(user=wanted.user, role=wanted.role, actor=session().user)
    return answer(ask("auth", question, NewPassword, TIMEOUT_S), 201)


@requires("user.manage", step_up=True)
def change_user(name: str) -> Response:
    """Give another role, lock or unlock."""
    wanted = body(UserChange)
    demand_user_within(name)
    if wanted.role is not None:
        demand_role_within(wanted.role)
    question = ChangeUser(user=name, actor=session().user, role=wanted.role, enabled=wanted.enabled)
    done = ask("auth", question, Done, TIMEOUT_S)
    return answer(Message(message=done.message or f"{name} is changed."))


@requires("user.manage", step_up=True)
def reset_password(name: str) -> Response:
    """Give a generated password; the account's sessions end."""
    demand_user_within(name)
    return answer(ask("auth", ResetPassword(user=name, actor=session().user), NewPassword, TIMEOUT_S))


@requires("user.manage", step_up=True)
def reset_totp(name: str) -> Response:
    """Take the second factor of somebody who lost it away; their sessions end."""
    demand_user_within(name)
    done = ask("auth", ResetTotp(user=name, actor=session().user), Done, TIMEOUT_S)
    return answer(Message(message=done.message))


@requires("user.manage", step_up=True)
def reset_codes(name: str) -> Response:
    """Other recovery codes for somebody's second factor, to be handed over; shown this once."""
    demand_user_within(name)
    return answer(ask("auth", ResetRecoveryCodes(user=name, actor=session().user), RecoveryCodes, TIMEOUT_S))


@requires("user.manage", step_up=True)
def remove_user(name: str) -> Response:
    """Remove an account and its sessions."""
    demand_user_within(name)
    done = ask("auth", RemoveUser(user=name, actor=session().user), Done, TIMEOUT_S)
    return answer(Message(message=done.message or f"{name} is removed."))
