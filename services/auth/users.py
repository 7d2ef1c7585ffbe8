"""The desk for accounts and roles: what admins do."""

from ...bus.api import Request
from ...bus.contracts.auth import (
    AddUser,
    ChangeUser,
    ListUsers,
    NewPassword,
    RemoveUser,
    ResetPassword,
    SetRole,
    Users,
)
from ...bus.contracts.base import Done
from . import passwords
from .context import AuthContext


class UserDesk:
    """Accounts and roles on the bus."""

    def __init__(self, context: AuthContext) -> None:
        self._context = context

    def serve(self) -> None:
        """Answer requests."""
        bus = self._context.bus
        bus.serve(ListUsers, self._list)
        bus.serve(AddUser, self._add)
        bus.serve(ResetPassword, self._reset_password)
        bus.serve(ChangeUser, self._change)
        bus.serve(RemoveUser, self._remove)
        bus.serve(SetRole, self._set_role)

    def _list(self, request: Request[ListUsers]) -> Users:
        return Users(users=self._context.accounts.all(), roles=self._context.roles.all())

    async def _add(self, request: Request[AddUser]) -> NewPassword:
        wish, context = request.message, self._context
        password = wish.password or passwords.generate()
        new_hash = await context.new_hash(wish.user, password)
        context.accounts.add(wish.user, wish.role, new_hash, must_change=not wish.password)
        context.audit("user", wish.actor, "add user", wish.user, f"role {wish.role}")
        return NewPassword(user=wish.user, password="" if wish.password else password)

    async def _reset_password(self, request: Request[ResetPassword]) -> NewPassword:
        wish, context = request.message, self._context
        row = context.accounts.get(wish.user)
        password = wish.password or passwords.generate()
        new_hash = await context.new_hash(row.name, password)
        context.accounts.set_password(row, new_hash, must_change=not wish.password)
        context.throttle.forgive(row.name)
        context.sessions.end_all(row.name)
        context.revoked(row.name)
        context.audit("user", wish.actor, "reset password", row.name)
        return NewPassword(user=row.name, password="" if wish.password else password)

    def _change(self, request: Request[ChangeUser]) -> Done:
        wish, context = request.message, self._context
        user = context.accounts.change(wish.user, role=wish.role, enabled=wish.enabled)
        context.revoked(user)
        detail = f"role {wish.role or 'kept'}, enabled {'kept' if wish.enabled is None else wish.enabled}"
        context.audit("user", wish.actor, "change user", user, detail)
        return Done(message=f"User {user} is changed.")

    def _remove(self, request: Request[RemoveUser]) -> Done:
        wish, context = request.message, self._context
        user = context.accounts.remove(wish.user)
        context.revoked(user)
        context.audit("user", wish.actor, "remove user", user)
        return Done(message=f"User {user} is removed.")

    def _set_role(self, request: Request[SetRole]) -> Done:
        wish, context = request.message, self._context
        context.roles.set(wish.role, wish.permissions)
        for user in context.accounts.all():
            if user.role == wish.role:
                context.revoked(user.name)
        context.audit("user", wish.actor, "set role", wish.role, " ".join(wish.permissions))
        return Done(message=f"Role {wish.role} is {'changed' if wish.permissions else 'removed'}.")
