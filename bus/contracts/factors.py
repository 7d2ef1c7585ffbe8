"""Owner: auth. Numbers 0x0570 to 0x057F: second factors, recovery codes, how good passwords are."""

from .auth import RecoveryCodes
from .base import Delivery, Message, message, request


@message(0x0570, delivery=Delivery.REPLY)
class SecondFactor(Message, frozen=True, kw_only=True, gc=False):
    """Whether an account has a second factor, and how many recovery codes were not used yet."""

    on: bool
    recovery_codes: int


@request(0x0571, reply=SecondFactor, permission="account.password")
class GetSecondFactor(Message, frozen=True, kw_only=True, gc=False):
    """One's own."""

    token: str


@request(0x0572, reply=RecoveryCodes, permission="account.password")
class RenewRecoveryCodes(Message, frozen=True, kw_only=True, gc=False):
    """Other recovery codes for one's own second factor, which stays; those of before are worth nothing.

    RequestFailedError("step_up_needed") when the session's person has not proved who they are lately.
    """

    token: str


@request(0x0573, reply=RecoveryCodes, permission="user.manage")
class ResetRecoveryCodes(Message, frozen=True, kw_only=True, gc=False):
    """Other recovery codes for somebody's second factor, which stays."""

    user: str
    actor: str


@message(0x0574, delivery=Delivery.REPLY)
class PasswordJudgement(Message, frozen=True, kw_only=True, gc=False):
    """What a password would come to: 0 (very weak) to 4; below 3 it is refused, for that reason."""

    score: int
    ok: bool
    reason: str


@request(0x0575, reply=PasswordJudgement, permission="")
class JudgePassword(Message, frozen=True, kw_only=True, gc=False):
    """How good a password is for a user, by the rule that takes or refuses it. Nothing is kept."""

    password: str
    user: str = ""
