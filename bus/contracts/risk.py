"""Owner: risk. Numbers 0x08xx. Money is Decimal, percentages too: 5 is five percent."""

from decimal import Decimal

from .base import Delivery, Message, message, request

VERDICT_TOPIC = "risk.verdict"
"""Sent by risk alone; `risk.state` beside it is trade's own state."""


def verdict_topic(account: str) -> str:
    """Where an account hears its verdict; no other account's begins so."""
    return VERDICT_TOPIC if account == "main" else f"risk.account.{account}"


@message(0x0801)
class RiskVerdict(Message, frozen=True, kw_only=True, gc=False):
    """What may be traded now, sent every second and at each change. Trade takes the stricter of this and its
    own state.

    Args:
        state: ACTIVE, REDUCING (only what makes a position smaller) or HALTED (no order at all but
            protective ones and cancels).
        reasons: why it is not ACTIVE; empty when it is.
        blocks: where nothing may be opened.
        caps: how much more may be opened, until the next verdict.
        seen_order: the newest order that the caps count already, "" before the first.
        shrink: an order that is larger than a cap is made smaller; else it is denied.
        valid_s: how long it is in force after it was sent; then nothing may be opened.
        ended: risk was stopped in order; without a setting that demands it, trading goes on without it.
    """

    state: str
    reasons: list["RiskReason"]
    blocks: list["RiskBlock"]
    caps: list["RiskCap"]
    seen_order: str
    shrink: bool
    issued_ms: int
    valid_s: float
    ended: bool = False
    account: str = "main"


@message(0x0802, delivery=Delivery.REPLY)
class RiskReason(Message, frozen=True, kw_only=True, gc=False):
    """Why trading is not ACTIVE. `latched`: it stays until a person re-arms."""

    code: str
    state: str
    sentence: str
    since_ms: int
    latched: bool


@message(0x0803, delivery=Delivery.REPLY)
class RiskBlock(Message, frozen=True, kw_only=True, gc=False):
    """Nothing may be opened in `name` until `until_ms`; 0 is until the reason is gone.

    `scope` is all, symbol, asset or strategy; a block of a strategy may hold for one `symbol` only.
    """

    scope: str
    name: str
    symbol: str
    code: str
    sentence: str
    until_ms: int


@message(0x0804, delivery=Delivery.REPLY)
class RiskCap(Message, frozen=True, kw_only=True, gc=False):
    """So much more, in quote units, may be opened within a scope (as of RiskBlock); `code` is the limit's."""

    scope: str
    name: str
    room: Decimal
    code: str
    sentence: str


@message(0x0805, delivery=Delivery.REPLY)
class RiskFigure(Message, frozen=True, kw_only=True, gc=False):
    """One limit and how much of it is used. `limit` is None when it is off, `value` when it is not known.

    `action` says what happens at the limit, `sentence` all of it in words.
    """

    code: str
    title: str
    scope: str
    value: Decimal | None
    limit: Decimal | None
    unit: str
    action: str
    sentence: str


@message(0x0806, delivery=Delivery.REPLY)
class RiskReport(Message, frozen=True, kw_only=True, gc=False):
    """The verdict in force and the figures behind it; `error` is "" while the checks work. `accounts` are the
    names of all.
    """

    verdict: RiskVerdict
    figures: list[RiskFigure]
    currency: str
    equity: Decimal | None
    day: str
    day_start_equity: Decimal | None
    best_equity: Decimal | None
    armed_ms: int
    armed_by: str
    error: str
    account: str = "main"
    accounts: list[str] = []


@request(0x0807, reply=RiskReport, permission="trade.read")
class GetRisk(Message, frozen=True, kw_only=True, gc=False):
    """How things stand with an account, and why."""

    account: str = "main"


@request(0x0808, reply=RiskReport, permission="trade.halt")
class RearmRisk(Message, frozen=True, kw_only=True, gc=False):
    """A person lets trading go on after risk halted it. Losses count from now on.

    With `blocks` pauses in markets and strategies end, too. What risk halted in trade is resumed; what a
    person halted there stays halted. `account` "" is every account that risk halted.
    """

    actor: str
    reason: str
    blocks: bool = False
    account: str = ""
