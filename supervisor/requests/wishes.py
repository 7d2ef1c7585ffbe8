"""What a request on the control socket asks for, read once, and who asks."""

from typing import Any

import msgspec

from ...configs.errors import UsageError

_LONGEST_WAIT_S = 86_400.0


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """The arguments of all operations.

    Args:
        service, group: one service, the members of one group, or with neither everything.
        remember: a stop is kept as a person's wish; without it the next daemon starts the service again.
        action: what `plan` is asked about.
        manifest: of a service to add, as its file has it.
        program: what `replace` lets take over.
        uid: the user at the other end, as the kernel tells; -1 where it does not.
    """

    service: str = ""
    group: str = ""
    wait: bool = False
    timeout_s: float = 60.0
    remember: bool = True
    count: int = 0
    action: str = ""
    style: str = "text"
    manifest: dict[str, Any] = {}
    program: str = ""
    actor: str = ""
    uid: int = -1

    @property
    def subject(self) -> str:
        """For the audit log: the service, `group NAME`, or nothing for everything."""
        return f"group {self.group}" if self.group else self.service

    @property
    def who(self) -> str:
        """`cli:NAME`, with the name of the user that the kernel proves, where it does."""
        return f"cli:{_user(self.uid)}" if self.uid >= 0 else self.actor or "cli"


def read(arguments: dict[str, object]) -> Wish:
    """The arguments of one request.

    Raises:
        UsageError: one has a wrong type, or a service and a group are named together.
    """
    given = {key: value for key, value in arguments.items() if key in Wish.__struct_fields__}
    try:
        wish = msgspec.convert({key: value for key, value in given.items() if value is not None}, Wish)
    except msgspec.ValidationError as error:
        raise UsageError(f"The request is not understood: {error}.") from error
    if wish.service and wish.group:
        raise UsageError("Name a service or a group, not both.")
    if not 0 <= wish.timeout_s <= _LONGEST_WAIT_S:
        raise UsageError("A wait lasts between 0 s and a day.")
    return wish


def _user(uid: int) -> str:
    try:
        import pwd
    except ImportError:
        return str(uid)
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
