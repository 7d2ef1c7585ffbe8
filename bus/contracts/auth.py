"""Owner: auth. Numbers 0x05xx. Passwords and tokens travel only inside requests; no event carries one."""

import fnmatch

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
    stepped_up_until_ms: int = 0


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
    """Is this token good? RequestFailedError("session_invalid") when not.

    Args:
        used: a person did something; without it the session goes on ageing.
    """

    token: str
    address: str = ""
    used: bool = True


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


def permits(permissions: list[str], needed: str, resource: str = "") -> bool:
    """Do these permissions allow `needed`, on this resource?

    A permission may be narrowed to resources by a pattern: `strategy.control:ema-*` allows it for strategies
    whose names match, and for nothing else. Without a pattern it holds for all.
    """
    if not needed:
        return True
    for permission in permissions:
        name, _, pattern = permission.partition(":")
        if name == needed and (not pattern or (resource and fnmatch.fnmatchcase(resource, pattern))):
            return True
    return False


def covers(permissions: list[str], wanted: str) -> bool:
    """Does whoever holds these permissions hold all of `wanted`, which may be narrowed to resources itself?

    A pattern is covered by no pattern, or by the very same one; a plain resource by every pattern it matches.
    """
    name, _, pattern = wanted.partition(":")
    if wanted in permissions:
        return True
    return permits(permissions, name, "" if any(sign in pattern for sign in "*?[") else pattern)


@message(0x0520, delivery=Delivery.REPLY)
class TotpSetup(Message, frozen=True, kw_only=True, gc=False):
    """A new second factor, not yet in force: the secret in base32 and as otpauth:// for a QR code."""

    secret: str
    uri: str


@request(0x0521, reply=TotpSetup, permission="account.password")
class BeginTotp(Message, frozen=True, kw_only=True, gc=False):
    """Make a second factor for one's own account; in force after ConfirmTotp."""

    token: str
    password: str


@message(0x0522, delivery=Delivery.REPLY)
class RecoveryCodes(Message, frozen=True, kw_only=True, gc=False):
    """Each of these works once instead of a TOTP code. They are shown once and kept as hashes."""

    codes: list[str]


@request(0x0523, reply=RecoveryCodes, permission="account.password")
class ConfirmTotp(Message, frozen=True, kw_only=True, gc=False):
    """Put the second factor in force with a code from the device; all other sessions of the user end."""

    token: str
    code: str


@request(0x0524, reply=Done, permission="account.password")
class DisableTotp(Message, frozen=True, kw_only=True, gc=False):
    """Take one's own second factor away; needs the password and a code."""

    token: str
    password: str
    code: str


@request(0x0525, reply=Session, permission="account.password")
class StepUp(Message, frozen=True, kw_only=True, gc=False):
    """Prove again who one is, before something dangerous: by TOTP code, or password where there is none."""

    token: str
    code: str = ""
    password: str = ""


@message(0x0526, delivery=Delivery.REPLY)
class SessionInfo(Message, frozen=True, kw_only=True, gc=False):
    """One session of a user. `id` names it and is worth nothing as a token."""

    id: str
    address: str
    user_agent: str
    created_ms: int
    seen_ms: int
    expires_ms: int
    current: bool


@message(0x0527, delivery=Delivery.REPLY)
class Sessions(Message, frozen=True, kw_only=True, gc=False):
    """Newest first."""

    sessions: list[SessionInfo]


@request(0x0528, reply=Sessions, permission="account.password")
class ListSessions(Message, frozen=True, kw_only=True, gc=False):
    """One's own sessions."""

    token: str


@request(0x0529, reply=Done, permission="account.password")
class EndSession(Message, frozen=True, kw_only=True, gc=False):
    """End one of one's own sessions; with an empty id, all but this one."""

    token: str
    id: str = ""


@request(0x052A, reply=Done, permission="user.manage")
class ResetTotp(Message, frozen=True, kw_only=True, gc=False):
    """Take the second factor of somebody who lost it away; that user's sessions end."""

    user: str
    actor: str


@request(0x052B, reply=LoginResult, permission="account.password")
class RotateSession(Message, frozen=True, kw_only=True, gc=False):
    """Give one's own session another token; the old one ends. Done when its person proved who they are."""

    token: str


@message(0x0530, delivery=Delivery.REPLY)
class ApiKey(Message, frozen=True, kw_only=True, gc=False):
    """An API key without its secret. Times are 0 when never; `addresses` empty allows all."""

    id: str
    user: str
    name: str
    scopes: list[str]
    addresses: list[str]
    created_ms: int
    expires_ms: int
    last_used_ms: int
    last_address: str


@message(0x0531, delivery=Delivery.REPLY)
class ApiKeys(Message, frozen=True, kw_only=True, gc=False):
    """Newest first."""

    keys: list[ApiKey]


@message(0x0532, delivery=Delivery.REPLY)
class NewApiKey(Message, frozen=True, kw_only=True, gc=False):
    """A new key; its secret text is shown once."""

    key: ApiKey
    secret: str


@request(0x0533, reply=NewApiKey, permission="apikey.manage")
class CreateApiKey(Message, frozen=True, kw_only=True, gc=False):
    """Make an API key for a user. It never may do more than its user may.

    Args:
        scopes: permissions, also narrowed ones such as strategy.control:ema-*.
        valid_s: 0 for ever.
        addresses: networks such as 127.0.0.1 or 10.0.0.0/8 that may use it.
    """

    user: str
    name: str
    scopes: list[str]
    actor: str
    valid_s: float = 0.0
    addresses: list[str] = []


@request(0x0534, reply=ApiKeys, permission="apikey.manage")
class ListApiKeys(Message, frozen=True, kw_only=True, gc=False):
    """API keys of one user, or of all."""

    user: str = ""


@request(0x0535, reply=Done, permission="apikey.manage")
class RevokeApiKey(Message, frozen=True, kw_only=True, gc=False):
    """End an API key."""

    id: str
    actor: str


@request(0x0536, reply=Session, permission="")
class CheckApiKey(Message, frozen=True, kw_only=True, gc=False):
    """Is this API key good from this address? RequestFailedError("key_invalid") when not."""

    secret: str
    address: str


@request(0x0538, reply=Done, permission="user.manage")
class SetRole(Message, frozen=True, kw_only=True, gc=False):
    """Make or change a role of one's own; the built-in roles stay as they are. No permissions: remove it."""

    role: str
    permissions: list[str]
    actor: str


@message(0x0540, delivery=Delivery.REPLY)
class AuditEntry(Message, frozen=True, kw_only=True, gc=False):
    """One entry of the audit log; `number` counts from 1 without a gap."""

    number: int
    ts_ms: int
    source: str
    kind: str
    actor: str
    action: str
    subject: str
    detail: str
    ok: bool
    seal: str


@message(0x0541, delivery=Delivery.REPLY)
class AuditLog(Message, frozen=True, kw_only=True, gc=False):
    """Newest first."""

    entries: list[AuditEntry]


@request(0x0542, reply=AuditLog, permission="audit.read")
class ListAudit(Message, frozen=True, kw_only=True, gc=False):
    """The audit log; empty filters take everything. `before` pages back: entries with smaller numbers."""

    kind: str = ""
    actor: str = ""
    search: str = ""
    since_ms: int = 0
    before: int = 0
    limit: int = 200


@message(0x0543, delivery=Delivery.REPLY)
class AuditReport(Message, frozen=True, kw_only=True, gc=False):
    """Whether the chain holds; when not, the first wrong entry and why."""

    ok: bool
    entries: int
    wrong_number: int = 0
    reason: str = ""


@request(0x0544, reply=AuditReport, permission="audit.read")
class VerifyAudit(Message, frozen=True, kw_only=True, gc=False):
    """Check every seal of the audit log."""
