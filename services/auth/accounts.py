"""Accounts: who is there, with which role and password. Knows nothing of the bus."""

import contextlib
import re
from collections.abc import Callable
from pathlib import Path

from ...bus.contracts.auth import User
from ...configs.errors import RequestFailedError
from ...configs.files import replace
from . import passwords
from .models import ApiKeyRow, PasskeyRow, RecoveryRow, UserRow
from .passwords import PasswordHasher
from .roles import RoleStore
from .sessions import SessionStore

ADMIN = "admin"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")


class Accounts:
    """The table of users. Hashing blocks: callers give hashes, made off the loop.

    Args:
        now_ms: wall clock.
        first_files: what opens the first account before somebody has chosen its password: the file of
            its first password, and the wizard's token. They go with that choice.
    """

    def __init__(
        self,
        sessions: SessionStore,
        roles: RoleStore,
        now_ms: Callable[[], int],
        first_files: tuple[Path, Path],
    ) -> None:
        self._sessions, self._roles, self._now_ms = sessions, roles, now_ms
        self._first_files = first_files

    def make_first(self, hasher: PasswordHasher) -> bool:
        """On the first run, make `admin` with a generated password in the file; was it the first run?"""
        if UserRow.select().exists():
            return False
        password = passwords.generate()
        # The file goes first: a password without an account is replaced, an account without one is lost.
        replace(self._first_files[0], f"{password}\n".encode(), mode=0o600)
        self._insert(ADMIN, "admin", hasher.hash(password), must_change=False)
        return True

    def find(self, name: str) -> UserRow | None:
        """The enabled or disabled account of that name."""
        row: UserRow | None = UserRow.get_or_none(UserRow.name == normal(name))
        return row

    def linked(self, subject: str) -> UserRow | None:
        """The account that was made for somebody of another provider."""
        row: UserRow | None = UserRow.get_or_none(UserRow.linked == subject[:255])
        return row

    def link(self, row: UserRow, subject: str) -> None:
        """Note for whom of another provider an account was made."""
        row.linked = subject[:255]
        row.save(only=[UserRow.linked])

    def get(self, name: str) -> UserRow:
        """As `find`.

        Raises:
            RequestFailedError: user_unknown.
        """
        row = self.find(name)
        if row is None:
            raise RequestFailedError("user_unknown", f"There is no user {name[:40]!r}.")
        return row

    def add(self, name: str, role: str, password_hash: str, *, must_change: bool) -> None:
        """Make an account.

        Raises:
            RequestFailedError: user_exists, user_name, role_unknown.
        """
        name = normal(name)
        if not _NAME.fullmatch(name):
            raise RequestFailedError(
                "user_name",
                "A user name has 1 to 32 small letters, digits, dots, dashes or underscores "
                "and begins with a letter or digit.",
            )
        self._roles.demand(role)
        if self.find(name) is not None:
            raise RequestFailedError("user_exists", f"There is a user {name} already.")
        self._insert(name, role, password_hash, must_change=must_change)

    def set_password(self, row: UserRow, password_hash: str, *, must_change: bool) -> None:
        """Replace a password; the files of the first run go when it was the admin's."""
        row.password, row.must_change_password = password_hash, must_change
        row.save()
        if row.name == ADMIN:
            for file in self._first_files:
                with contextlib.suppress(FileNotFoundError):
                    file.unlink()

    def change(self, name: str, *, role: str | None, enabled: bool | None) -> str:
        """Change role or state; a lock ends the sessions. The account's name, as it is written there.

        Raises:
            RequestFailedError: user_unknown, role_unknown, last_admin.
        """
        row = self.get(name)
        if role is not None:
            self._roles.demand(role)
        stays_admin = (role in (None, "admin")) and enabled is not False
        if not stays_admin:
            self._spare_last_admin(row)
        row.role = row.role if role is None else role
        row.enabled = row.enabled if enabled is None else enabled
        row.save()
        if not row.enabled:
            self._sessions.end_all(row.name)
        return str(row.name)

    def remove(self, name: str) -> str:
        """Remove an account and its sessions; its name, as it was written there.

        Raises:
            RequestFailedError: user_unknown, last_admin.
        """
        row = self.get(name)
        self._spare_last_admin(row)
        self._sessions.end_all(row.name)
        ApiKeyRow.delete().where(ApiKeyRow.user == row.name).execute()
        RecoveryRow.delete().where(RecoveryRow.user == row.name).execute()
        PasskeyRow.delete().where(PasskeyRow.user == row.name).execute()
        row.delete_instance()
        return str(row.name)

    def all(self) -> list[User]:
        """Every account, by name."""
        return [
            User(
                name=row.name,
                role=row.role,
                enabled=row.enabled,
                created_ms=row.created_ms,
                last_login_ms=row.last_login_ms,
                sessions=self._sessions.count(row.name),
                totp=row.totp is not None,
                must_change_password=row.must_change_password,
            )
            for row in UserRow.select().order_by(UserRow.name)
        ]

    def _insert(self, name: str, role: str, password_hash: str, *, must_change: bool) -> None:
        UserRow.create(
            name=name,
            role=role,
            password=password_hash,
            must_change_password=must_change,
            created_ms=self._now_ms(),
        )

    def _spare_last_admin(self, row: UserRow) -> None:
        others = UserRow.select().where(
            (UserRow.role == "admin") & (UserRow.enabled == True) & (UserRow.name != row.name)  # noqa: E712  # SQL
        )
        if row.role == "admin" and not others.exists():
            raise RequestFailedError("last_admin", f"{row.name} is the last admin; make another one first.")


def normal(name: str) -> str:
    """Names are compared in small letters, without spaces around."""
    return name.strip().lower()
