"""Owner: auth. Numbers 0x0560 to 0x0567: the first run, before anybody has a password of their own."""

from .auth import LoginResult
from .base import Delivery, Message, message, request


@message(0x0560, delivery=Delivery.REPLY)
class SetupState(Message, frozen=True, kw_only=True, gc=False):
    """Does this home wait for its first person? `user` is the account that the set-up token opens."""

    open: bool
    user: str = ""


@request(0x0561, reply=SetupState, permission="")
class GetSetup(Message, frozen=True, kw_only=True, gc=False):
    """Ask whether the first-run wizard is still to be done."""


@request(0x0562, reply=LoginResult, permission="")
class ClaimSetup(Message, frozen=True, kw_only=True, gc=False):
    """Take the first account over: the token from keys/setup-token, once, for a password of one's own."""

    token: str
    password: str
    address: str
    user_agent: str = ""
