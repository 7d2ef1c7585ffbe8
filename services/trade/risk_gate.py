"""What the risk service allows, kept in force by trade. Fails closed: no word from risk, nothing is opened.

Only orders that could make a position larger are concerned, and every order when risk says HALTED.
Protective orders do not come by here.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from decimal import Decimal

from ...bus.api import AsyncBusApi, Received
from ...bus.contracts.risk import RiskBlock, RiskCap, RiskVerdict, verdict_topic
from ...bus.contracts.strategy import OrderIntent
from ...configs.schema import Settings
from . import ids, money
from .limits import ACTIVE, HALTED, Denial, Picture, Subject
from .order import OrderRecord
from .states import State

_OPENED_REMEMBERED = 1000
# What is not seen by risk after so long will not be seen: it was taken back unsent, or risk began anew.
_OPENED_LONGEST_S = 10.0


def is_required(settings: Settings) -> bool:
    """Whether the settings say that risk runs beside trade."""
    override = settings.services.get("risk")
    return override is not None and override.enabled is True


class RiskGate:
    """The newest verdict and what was opened since.

    Args:
        required: nothing is opened before the first verdict, and after a silence.
        clock: seconds that never go back.
        wall_ms: UTC milliseconds, to know how old a verdict is that the broker kept.
    """

    def __init__(
        self,
        *,
        required: bool,
        account: str = ids.MAIN,
        clock: Callable[[], float] = time.monotonic,
        wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self.required, self._clock, self._wall_ms = required, clock, wall_ms
        self._account = account
        self._verdict: RiskVerdict | None = None
        self._ends_s = float("-inf")
        self._opened: OrderedDict[str, tuple[str, str, Decimal, float]] = OrderedDict()

    def follow(self, bus: AsyncBusApi) -> None:
        """Listen to risk, beginning with what it said last."""
        bus.subscribe(verdict_topic(self._account), RiskVerdict, self._heard, last_value=True)

    def _heard(self, received: Received[RiskVerdict]) -> None:
        if received.message.account == self._account:
            self.take(received.message)

    def take(self, verdict: RiskVerdict) -> None:
        """A verdict arrived; one that was kept for long has ended already."""
        age_s = max(0.0, (self._wall_ms() - verdict.issued_ms) / 1000)
        self._verdict = verdict
        self._ends_s = self._clock() + verdict.valid_s - age_s
        self._forget_seen(verdict.seen_order)

    def shrink(self, intent: OrderIntent, amount: Decimal, picture: Picture) -> Decimal:
        """The amount that the room leaves of a wish; all of it for what reduces, or when risk denies instead.

        Args:
            amount: in base units, not yet on the venue's grid.
        """
        verdict, price = self._verdict, intent.price or picture.price
        if verdict is None or not verdict.shrink or price is None or price <= 0:
            return amount
        if intent.reduce_only or _reduces(intent.side, amount, picture):
            return amount
        rooms = [self._room(cap) for cap in verdict.caps if _concerns(cap, intent.symbol, intent.source)]
        if not rooms:
            return amount
        most = money.divide(max(min(rooms), money.ZERO), price)
        # With no room at all the wish stays as it is, so that its denial names the limit and not the size.
        return min(amount, most) if most > 0 else amount

    def judge(self, subject: Subject) -> Denial | None:
        """None when risk has nothing against an order."""
        verdict = self._verdict
        if not self.required and (verdict is None or verdict.ended):
            return None
        if verdict is None or verdict.ended or self._clock() > self._ends_s:
            return None if subject.reduces else self._silent()
        if verdict.state == HALTED:
            return Denial("risk_halted", f"{_because(verdict)} A person re-arms with `cryptobot risk rearm`.")
        if subject.reduces:
            return None
        if verdict.state != ACTIVE:
            return Denial("risk_reducing", f"{_because(verdict)} Only orders that reduce a position pass.")
        return self._blocked(verdict, subject) or self._no_room(verdict, subject)

    def on_order(self, order: OrderRecord) -> None:
        """An order that was journalled uses up room until a verdict has seen it."""
        if order.id in self._opened or order.state is not State.PENDING:
            return
        price = order.price or order.reference_price or money.ZERO
        opens = order.side == "buy" and not order.reduce_only
        value = money.multiply(order.amount, price) if opens else money.ZERO
        self._opened[order.id] = (order.symbol, order.source, value, self._clock())
        while len(self._opened) > _OPENED_REMEMBERED:
            self._opened.popitem(last=False)

    def _silent(self) -> Denial:
        return Denial(
            "risk_silent",
            "The risk service says nothing, so nothing is opened; orders that reduce a position pass. "
            "`cryptobot status` shows whether it runs.",
        )

    def _blocked(self, verdict: RiskVerdict, subject: Subject) -> Denial | None:
        now = self._wall_ms()
        for block in verdict.blocks:
            in_force = block.until_ms == 0 or now < block.until_ms
            if in_force and _concerns(block, subject.market.symbol, subject.source):
                return Denial("risk_blocked", block.sentence)
        return None

    def _no_room(self, verdict: RiskVerdict, subject: Subject) -> Denial | None:
        for cap in verdict.caps:
            if not _concerns(cap, subject.market.symbol, subject.source):
                continue
            room = self._room(cap)
            if subject.value > room:
                left = max(room, money.ZERO)
                return Denial(
                    "risk_no_room",
                    f"The order is worth {subject.value:.2f}, {left:.2f} more may be opened. {cap.sentence}",
                )
        return None

    def _room(self, cap: RiskCap) -> Decimal:
        """What is left of a cap after the orders that risk has not seen yet."""
        room = cap.room
        oldest = self._clock() - _OPENED_LONGEST_S
        for symbol, source, value, since_s in self._opened.values():
            if since_s >= oldest and _concerns(cap, symbol, source):
                room = money.subtract(room, value)
        return room

    def _forget_seen(self, seen_order: str) -> None:
        """Orders reach risk in the order in which they were journalled."""
        if seen_order not in self._opened:
            return
        while self._opened:
            order_id, _ = self._opened.popitem(last=False)
            if order_id == seen_order:
                return


def _reduces(side: str, amount: Decimal, picture: Picture) -> bool:
    held = picture.position
    opposite = side == "sell" if held > 0 else side == "buy" and held < 0
    return opposite and money.add(amount, picture.closing) <= abs(held)


def _concerns(rule: RiskBlock | RiskCap, symbol: str, source: str) -> bool:
    if isinstance(rule, RiskBlock) and rule.symbol and rule.symbol != symbol:
        return False
    base = symbol.partition("/")[0]
    return rule.scope == "all" or rule.name == {"symbol": symbol, "asset": base, "strategy": source}.get(
        rule.scope
    )


def _because(verdict: RiskVerdict) -> str:
    sentences = [reason.sentence for reason in verdict.reasons if reason.state == verdict.state]
    return " ".join(sentences) or f"Risk says {verdict.state}."
