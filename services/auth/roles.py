"""Roles: the built-in ones, and those that admins make."""

import re

from ...configs.errors import RequestFailedError
from .models import RoleRow, UserRow
from .permissions import ALL, ROLES

_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
_PERMISSION = re.compile(r"([a-z]+\.[a-z]+)(?::[^\s:]{1,80})?")


class RoleStore:
    """The table of roles."""

    def permissions(self, role: str) -> list[str]:
        """What a role may do; nothing when it is not there any more."""
        if role in ROLES:
            return sorted(ROLES[role])
        row = RoleRow.get_or_none(RoleRow.name == role)
        return row.permissions.split() if row is not None else []

    def all(self) -> dict[str, list[str]]:
        """Every role."""
        own = {row.name: row.permissions.split() for row in RoleRow.select().order_by(RoleRow.name)}
        return {name: sorted(names) for name, names in ROLES.items()} | own

    def demand(self, role: str) -> None:
        """Raises RequestFailedError role_unknown when there is no such role."""
        if role not in self.all():
            raise RequestFailedError(
                "role_unknown", f"There is no role {role[:40]!r}; roles are {', '.join(self.all())}."
            )

    def set(self, role: str, permissions: list[str]) -> None:
        """Make or change a role; without permissions it is removed.

        Raises:
            RequestFailedError: role_builtin, role_name, permission_unknown, role_used, role_unknown.
        """
        if role in ROLES:
            raise RequestFailedError("role_builtin", f"The role {role} is built in and stays as it is.")
        if not _NAME.fullmatch(role):
            raise RequestFailedError(
                "role_name", "A role's name has 1 to 32 small letters, digits and dashes."
            )
        checked_permissions(permissions)
        if permissions:
            text = " ".join(sorted(set(permissions)))
            if not RoleRow.update(permissions=text).where(RoleRow.name == role).execute():
                RoleRow.create(name=role, permissions=text)
            return
        self.demand(role)
        if UserRow.select().where(UserRow.role == role).exists():
            raise RequestFailedError("role_used", f"Somebody still has the role {role}.")
        RoleRow.delete().where(RoleRow.name == role).execute()


def checked_permissions(permissions: list[str]) -> None:
    """Raises RequestFailedError permission_unknown when one of them does not exist."""
    for permission in permissions:
        match = _PERMISSION.fullmatch(permission)
        if match is None or match[1] not in ALL:
            raise RequestFailedError(
                "permission_unknown",
                f"There is no permission {permission[:80]!r}; there are {', '.join(sorted(ALL))}, "
                f"each also narrowed to resources, such as strategy.control:ema-*.",
            )
