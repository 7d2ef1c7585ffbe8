"""How far somebody who administers may reach: never further than their own permissions.

Without it a role that may only manage accounts could make itself an admin.
"""

from collections.abc import Iterable

from ...bus.contracts.auth import ListUsers, Users, covers, permits
from ..context import session
from ..problems import ApiProblem
from .answers import ask

TIMEOUT_S = 15.0


def demand_reach(wanted: Iterable[str], what: str) -> None:
    """Let nobody give or take over more than they hold.

    Raises:
        ApiProblem: beyond_you.
    """
    held = session().permissions
    beyond = sorted(one for one in wanted if not covers(held, one))
    if beyond:
        named = ", ".join(beyond[:3]) + (" and more" if len(beyond) > 3 else "")
        raise ApiProblem(403, "beyond_you", f"{what} may do what you may not: {named}.")


def demand_role_within(role: str, accounts: Users | None = None) -> None:
    """As `demand_reach`, for all that a role may; an unknown role is auth's to refuse."""
    known = (accounts or all_accounts()).roles
    demand_reach(known.get(role, []), f"The role {role}")


def demand_user_within(name: str) -> None:
    """As `demand_reach`, for all that an account may; an unknown one is auth's to refuse."""
    accounts = all_accounts()
    role = next((one.role for one in accounts.users if one.name == name.strip().lower()), "")
    demand_reach(accounts.roles.get(role, []), f"{name[:40]}")


def demand_own_or_manager(user: str) -> None:
    """Other people's things belong to those who manage accounts.

    Raises:
        ApiProblem: permission_denied.
    """
    asking = session()
    if user != asking.user and not permits(asking.permissions, "user.manage"):
        raise ApiProblem(
            403, "permission_denied", "API keys of others need the permission user.manage, which you lack."
        )


def all_accounts() -> Users:
    """Accounts and roles as auth has them now."""
    return ask("auth", ListUsers(), Users, TIMEOUT_S)
