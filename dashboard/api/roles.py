"""Roles over the API: what each may do, and roles of one's own."""

from flask import Flask, Response

from ...bus.contracts.auth import SetRole
from ...bus.contracts.base import Done
from ..access import requires
from ..context import session
from .answers import PREFIX, answer, ask, body
from .reach import TIMEOUT_S, all_accounts, demand_reach, demand_role_within
from .shapes import Message, RoleChange, Roles

BUILTIN = ("admin", "trader", "viewer")


def install(app: Flask) -> None:
    """Add the routes."""
    add = app.add_url_rule
    add(f"{PREFIX}/roles", "api_roles", roles, methods=["GET"])
    add(f"{PREFIX}/roles/<name>", "api_set_role", set_role, methods=["POST"])


@requires("user.read")
def roles() -> Response:
    """Every role with its permissions, and all permissions there are."""
    known = all_accounts().roles
    return answer(Roles(roles=known, builtin=list(BUILTIN), permissions=sorted(known["admin"])))


@requires("user.manage", step_up=True)
def set_role(name: str) -> Response:
    """Make or change a role of one's own; without permissions it is removed."""
    wanted = body(RoleChange)
    demand_role_within(name)
    demand_reach(wanted.permissions, f"The role {name[:40]}")
    question = SetRole(role=name, permissions=wanted.permissions, actor=session().user)
    return answer(Message(message=ask("auth", question, Done, TIMEOUT_S).message))
