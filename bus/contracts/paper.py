"""Owner: paper. Numbers 0x06xx."""

from decimal import Decimal

from .base import Delivery, Message, message, request


@message(0x0601, delivery=Delivery.REPLY)
class PaperInfo(Message, frozen=True, kw_only=True, gc=False):
    """How to reach the paper exchange. `note` says what a person must know of its prices and speed."""

    rest_url: str
    ws_url: str
    ws_api_url: str
    api_key: str
    api_secret: str
    symbols: list[str]
    note: str


@request(0x0602, reply=PaperInfo, permission="secret.read")
class GetPaperInfo(Message, frozen=True, kw_only=True, gc=False):
    """Addresses and demo keys of the paper exchange; of an account that it does not have yet it makes one.

    Args:
        balances: what a new account holds; nothing is what the settings give.
    """

    account: str = ""
    balances: dict[str, Decimal] = {}


@message(0x0603, delivery=Delivery.REPLY)
class PaperFaults(Message, frozen=True, kw_only=True, gc=False):
    """Faults that are switched on, how often each kind struck, and the kinds there are (name: meaning)."""

    active: list["PaperFault"]
    struck: dict[str, int]
    kinds: dict[str, str]


@message(0x0604, delivery=Delivery.REPLY)
class PaperFault(Message, frozen=True, kw_only=True, gc=False):
    """One fault that is switched on; it strikes `count` times more."""

    kind: str
    target: str
    count: int
    seconds: float


@request(0x0605, reply=PaperFaults, permission="paper.fault")
class InjectPaperFault(Message, frozen=True, kw_only=True, gc=False):
    """Let the paper exchange fail on purpose; an empty `kind` only asks what is switched on.

    Args:
        kind: a name of `PaperFaults.kinds`, or "clear", which switches all off.
        target: beginning of the call it strikes, as "POST /api/v3/order" or "order.place"; empty is any.
        count: how often it strikes.
        seconds: how long a call is held or late, or how far the clock is off; 0 takes the usual.
    """

    kind: str
    target: str = ""
    count: int = 1
    seconds: float = 0.0
    actor: str = ""
