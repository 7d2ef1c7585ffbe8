"""From a picture to a verdict. Everything that decides is here or in the pure modules beside; no bus, no
clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal

import msgspec
import numpy as np

from ...bus.contracts.risk import RiskCap, RiskReason, RiskVerdict
from ...configs.sections.risk import RiskSettings
from ..accounting.exact import ZERO, divide, money, multiply, rounded
from ..accounting.returns import Window
from ..accounting.subpositions import ClosedTrade
from . import drawdown, exposure, guards, streaks, tails
from .keeping import Memory, transferred_text
from .picture import Picture

ACTIVE, REDUCING, HALTED = "ACTIVE", "REDUCING", "HALTED"
_ORDER = (ACTIVE, REDUCING, HALTED)
_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class TailFigures:
    """Value at risk and expected shortfall in percent of the equity; None while they are not known."""

    value_at_risk: Decimal | None
    shortfall: Decimal | None


@dataclass(frozen=True, slots=True)
class Opinion:
    """What follows from one picture."""

    memory: Memory
    verdict: RiskVerdict
    daily_loss: Decimal | None
    total_loss: Decimal | None
    tail: TailFigures


class Officer:
    """The rules with their settings."""

    def __init__(self, settings: RiskSettings, zone: tzinfo, account: str = "main") -> None:
        self._settings, self._zone, self._account = settings, zone, account

    def judge(
        self,
        memory: Memory,
        picture: Picture,
        trades: Sequence[ClosedTrade],
        window: Window,
        *,
        reasons: Sequence[RiskReason] = (),
        caps: Sequence[RiskCap] = (),
    ) -> Opinion:
        """The verdict of a moment, and the memory that must be kept before it is told.

        Args:
            reasons, caps: what follows from all accounts together.
        """
        memory = self._valued(memory, picture)
        daily, lost = self._losses(memory, picture)
        tail = self._tail(picture, window)
        latched = {reason.code: reason for reason in memory.latched}
        passing: list[RiskReason] = [*reasons]
        for reason in (*self._drawdowns(daily, lost, picture), *self._tails(tail, picture)):
            if reason.latched:
                latched.setdefault(reason.code, reason)
            else:
                passing.append(reason)
        new_halt = len(latched) > len(memory.latched)
        memory = msgspec.structs.replace(
            memory,
            latched=tuple(latched.values()),
            trade_told=memory.trade_told and not new_halt,
        )
        if picture.equity is None:
            passing.append(_unknown_equity(picture))
        blocks = [
            *guards.blocks(picture, self._settings),
            *streaks.blocks(trades, self._settings, picture.now_ms, memory.lifted_ms),
        ]
        verdict = self.verdict(
            (*memory.latched, *passing),
            picture.now_ms,
            blocks=blocks,
            caps=[*exposure.caps(picture, self._settings, window), *caps],
            seen_order=picture.seen_order,
        )
        return Opinion(memory, verdict, daily, lost, tail)

    def verdict(self, reasons: Sequence[RiskReason], now_ms: int, **parts: object) -> RiskVerdict:
        """The strictest of the reasons; `parts` are blocks, caps and seen_order."""
        state = max((reason.state for reason in reasons), key=_ORDER.index, default=ACTIVE)
        given = {"blocks": [], "caps": [], "seen_order": "", **parts}
        return RiskVerdict(
            state=state,
            reasons=list(reasons),
            shrink=self._settings.oversize_orders == "shrink",
            issued_ms=now_ms,
            valid_s=self._settings.silence_s,
            account=self._account,
            **given,  # type: ignore[arg-type]
        )

    def _valued(self, memory: Memory, picture: Picture) -> Memory:
        """Units, marks and what came from outside, brought up to now; as they were while nothing is known."""
        if picture.equity is None:
            return memory
        day = drawdown.day_of(picture.now_ms, self._zone)
        if memory.marks is None:
            marks = drawdown.begun(picture.equity, day)
        else:
            before = {asset: Decimal(text) for asset, text in memory.transferred.items()}
            flow = drawdown.flow_value(before, picture.transferred, picture.prices)
            marks = drawdown.advanced(memory.marks, picture.equity, flow, day)
        return msgspec.structs.replace(memory, marks=marks, transferred=transferred_text(picture.transferred))

    def _losses(self, memory: Memory, picture: Picture) -> tuple[Decimal | None, Decimal | None]:
        if memory.marks is None or picture.equity is None:
            return None, None
        daily = drawdown.daily_loss(memory.marks, self._settings.daily_drawdown_from)
        return daily, drawdown.total_loss(memory.marks)

    def _drawdowns(self, daily: Decimal | None, lost: Decimal | None, picture: Picture) -> list[RiskReason]:
        settings, found = self._settings, []
        limit = settings.max_daily_drawdown_percent
        if daily is not None and limit is not None and daily >= limit:
            halts = settings.daily_drawdown_action == "halt"
            sentence = (
                f"Today's loss is {rounded(daily)} % of the day's {_reference(settings)}; "
                f"{limit} % are allowed (risk.max_daily_drawdown_percent)."
            )
            found.append(
                _reason("daily_drawdown", HALTED if halts else REDUCING, sentence, picture, latched=halts)
            )
        limit = settings.max_total_drawdown_percent
        if lost is not None and limit is not None and lost >= limit:
            sentence = (
                f"The account is {rounded(lost)} % below its best; {limit} % are allowed "
                "(risk.max_total_drawdown_percent)."
            )
            found.append(_reason("total_drawdown", HALTED, sentence, picture, latched=True))
        return found

    def _tail(self, picture: Picture, window: Window) -> TailFigures:
        if picture.equity is None or picture.equity <= 0:
            return TailFigures(None, None)
        held = [symbol for symbol in picture.watched if picture.exposure(symbol) > 0]
        if not held:
            return TailFigures(ZERO, ZERO)
        settings = self._settings
        returns = window.returns(held)
        values = np.array([float(picture.exposure(symbol)) for symbol in held])
        confidence = float(settings.tail_confidence)
        if settings.tail_method == "historical":
            found = tails.historical(tails.losses(returns, values, settings.tail_horizon_candles), confidence)
        else:
            found = tails.parametric(returns, values, confidence, settings.tail_horizon_candles)
        if found is None:
            return TailFigures(None, None)
        at_risk, shortfall = (
            max(divide(multiply(money(part), _HUNDRED), picture.equity), ZERO) for part in found
        )
        return TailFigures(at_risk, shortfall)

    def _tails(self, tail: TailFigures, picture: Picture) -> list[RiskReason]:
        found = []
        for code, title, value, limit, key in (
            (
                "value_at_risk",
                "value at risk",
                tail.value_at_risk,
                self._settings.max_value_at_risk_percent,
                "risk.max_value_at_risk_percent",
            ),
            (
                "expected_shortfall",
                "expected shortfall",
                tail.shortfall,
                self._settings.max_expected_shortfall_percent,
                "risk.max_expected_shortfall_percent",
            ),
        ):
            if limit is None or picture.equity is None:
                continue
            if value is None:
                sentence = f"The {title} cannot be told from so few candles ({key} is {limit})."
                found.append(_reason(code, REDUCING, sentence, picture))
            elif value > limit:
                sentence = f"The {title} is {rounded(value)} % of the equity; {limit} % are allowed ({key})."
                found.append(_reason(code, REDUCING, sentence, picture))
        return found


def _reference(settings: RiskSettings) -> str:
    return "best" if settings.daily_drawdown_from == "peak" else "start"


def _unknown_equity(picture: Picture) -> RiskReason:
    sentence = "The equity is not known: a price is missing for something that is held."
    return _reason("unknown_equity", REDUCING, sentence, picture)


def _reason(code: str, state: str, sentence: str, picture: Picture, *, latched: bool = False) -> RiskReason:
    return RiskReason(code=code, state=state, sentence=sentence, since_ms=picture.now_ms, latched=latched)
