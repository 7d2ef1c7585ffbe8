"""Owner: auth. Numbers 0x05xx. Passwords and tokens travel only inside requests; no event carries one."""

from .base import Delivery, Done, Message, message, request


@message(0x0501, delivery=Delivery.REPLY)
class Session(Message, frozen=True, kw_only=True, gc=False):
    """A valid session. `permissions` are names such as service.control; `csrf_token` is the session's."""

    user: str
    role: str
    permissions: list[str]
    csrf_token: str
    expires_ms: int
    must_change_password: bool = False


@message(0x0502, delivery=Delivery.REPLY)
class LoginResult(Message, frozen=True, kw_only=True, gc=False):
    """A new session and its secret token; or, with an empty token, the reason and when to try again."""

    token: str
    session: Session | None
    code: str = ""
    reason: str = ""
    retry_after_s: float = 0.0


@request(0x0503, reply=LoginResult, permission="")
class Login(Message, frozen=True, kw_only=True, gc=False):
    """Log in with a password from an address."""

    user: str
    password: str
    address: str
    user_agent: str = ""
    totp: str = ""


@request(0x0504, reply=Session, permission="")
class CheckSession(Message, frozen=True, kw_only=True, gc=False):
    """Is this token good? RequestFailedError("session_invalid") when not."""

    token: str
    address: str = ""


@request(0x0505, reply=Done, permission="")
class Logout(Message, frozen=True, kw_only=True, gc=False):
    """End a session."""

    token: str


@request(0x0506, reply=Done, permission="account.password")
class ChangePassword(Message, frozen=True, kw_only=True, gc=False):
    """Change one's own password; all other sessions of the user end."""

    token: str
    current: str
    new: str


@message(0x0507, delivery=Delivery.EVENT)
class SessionsRevoked(Message, frozen=True, kw_only=True, gc=False):
    """Sessions ended before their time: whoever remembers a session of `user` forgets it."""

    user: str


@message(0x0510, delivery=Delivery.REPLY)
class User(Message, frozen=True, kw_only=True, gc=False):
    """A person's account. Times are 0 when it never happened."""

    name: str
    role: str
    enabled: bool
    created_ms: int
    last_login_ms: int
    sessions: int
    totp: bool = False
    must_change_password: bool = False


@message(0x0511, delivery=Delivery.REPLY)
class Users(Message, frozen=True, kw_only=True, gc=False):
    """All accounts by name, and the roles that can be given with what each may do."""

    users: list[User]
    roles: dict[str, list[str]]


@request(0x0512, reply=Users, permission="user.read")
class ListUsers(Message, frozen=True, kw_only=True, gc=False):
    """Which accounts are there."""


@message(0x0513, delivery=Delivery.REPLY)
class NewPassword(Message, frozen=True, kw_only=True, gc=False):
    """The password that an account now has; empty when the caller chose it."""

    user: str
    password: str


@request(0x0514, reply=NewPassword, permission="user.manage")
class AddUser(Message, frozen=True, kw_only=True, gc=False):
    """Make an account; with an empty password one is generated, to be changed at the first login."""

    user: str
    role: str
    actor: str
    password: str = ""


@request(0x0515, reply=NewPassword, permission="user.manage")
class ResetPassword(Message, frozen=True, kw_only=True, gc=False):
    """Give an account another password; its sessions and lock-out end. Empty: one is generated."""

    user: str
    actor: str
    password: str = ""


@request(0x0516, reply=Done, permission="user.manage")
class ChangeUser(Message, frozen=True, kw_only=True, gc=False):
    """Change role or state of an account; None leaves it as it is. The last enabled admin stays one."""

    user: str
    actor: str
    role: str | None = None
    enabled: bool | None = None


@request(0x0517, reply=Done, permission="user.manage")
class RemoveUser(Message, frozen=True, kw_only=True, gc=False):
    """Remove an account and its sessions."""

    user: str
    actor: str
