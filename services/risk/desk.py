"""Risk's desk for one account: reads it, judges it, tells its trade service, remembers."""

import time
from collections.abc import Sequence

import msgspec
import structlog

from ...bus import topics
from ...bus.api import AsyncBusApi
from ...bus.contracts.risk import (
    RearmRisk,
    RiskCap,
    RiskFigure,
    RiskReason,
    RiskReport,
    RiskVerdict,
    verdict_topic,
)
from ...bus.contracts.service import Alert, Audit
from ...bus.contracts.trade import SetTradingState, TradingState
from ...configs.accounts import MAIN, service_of
from ...configs.errors import BusTimeoutError, CryptoBotError, RequestFailedError
from ...configs.schema import Settings
from . import drawdown
from .figures import figures
from .inputs import Inputs
from .keeping import Keeper
from .officer import HALTED, REDUCING, Officer, Opinion
from .picture import Picture

ACTOR = "service:risk"


class Desk:
    """One account.

    Args:
        settings: as its process reads them (configs/accounts.py, `for_account`).
    """

    def __init__(
        self,
        name: str,
        bus: AsyncBusApi,
        settings: Settings,
        inputs: Inputs,
        keeper: Keeper,
        patience_s: float,
        log: structlog.typing.FilteringBoundLogger,
    ) -> None:
        self.name, self.inputs, self.keeper = name, inputs, keeper
        self._bus, self._settings, self._patience_s, self._log = bus, settings.risk, patience_s, log
        self._service, self._suffix = service_of(name), "" if name == MAIN else f":{name}"
        self.officer = Officer(settings.risk, drawdown.zone_of(settings.risk.day_zone), name)
        self._publisher = bus.topic(verdict_topic(name), RiskVerdict)
        self.verdict = self._starting()
        self._seen: tuple[Picture, Opinion] | None = None
        self._in_all: Sequence[RiskFigure] = ()
        self._error = ""
        self.picture: Picture | None = None

    async def look(self) -> bool:
        """Read the account; whether that went well. Its last picture stays until the next."""
        try:
            self.picture = await self.inputs.read()
        except (BusTimeoutError, RequestFailedError) as error:
            self._say(self.fails("account_unknown", f"Trade does not tell of the account: {error}"))
        except Exception as error:  # the guard itself failed: nothing is opened until it works again
            self._broken(error)
        else:
            return True
        return False

    def judge(
        self, reasons: Sequence[RiskReason], caps: Sequence[RiskCap], in_all: Sequence[RiskFigure]
    ) -> None:
        """Say what follows from the newest picture.

        Args:
            reasons, caps, in_all: what follows for this account from all of them together.
        """
        assert self.picture is not None
        try:
            opinion = self.officer.judge(
                self.keeper.memory,
                self.picture,
                self.inputs.executions.trades,
                self.inputs.markets.window,
                reasons=reasons,
                caps=caps,
            )
            self.keeper.keep(opinion.memory)
        except Exception as error:  # the guard itself failed: nothing is opened until it works again
            self._broken(error)
            return
        self._seen, self._in_all, self._error = (self.picture, opinion), in_all, ""
        self._say(opinion.verdict)

    def _broken(self, error: Exception) -> None:
        self._log.exception("check failed", account=self.name)
        self._say(self.fails("check_failed", f"The limits cannot be checked ({error!r})."))

    def end(self) -> None:
        """Tell trade that risk is stopped in order."""
        verdict = msgspec.structs.replace(self.verdict, ended=True, issued_ms=_now_ms())
        self._publisher.send(verdict)

    async def rearm(self, asked: RearmRisk) -> None:
        """A person lets trading go on.

        Raises:
            RequestFailedError: trade does not answer.
        """
        memory = self.keeper.memory
        marks = memory.marks if memory.marks is None else drawdown.rearmed(memory.marks)
        now = _now_ms()
        halted = bool(memory.latched)
        codes = ", ".join(reason.code for reason in memory.latched) or "pauses"
        self.keeper.keep(
            msgspec.structs.replace(
                memory,
                marks=marks if halted else memory.marks,
                latched=(),
                armed_ms=now if halted else memory.armed_ms,
                armed_by=asked.actor if halted else memory.armed_by,
                lifted_ms=now if asked.blocks else memory.lifted_ms,
                trade_told=True,
            )
        )
        self._audit(asked.actor, "rearm", f"{codes}: {asked.reason}")
        if halted:
            await self._resume_trade(asked)

    def _starting(self) -> RiskVerdict:
        return self.officer.verdict(
            [*self.keeper.memory.latched, _passing("starting", "Risk has only begun.")], _now_ms()
        )

    def fails(self, code: str, sentence: str) -> RiskVerdict:
        """What latches stays, and nothing is opened."""
        self._error = sentence
        return self.officer.verdict([*self.keeper.memory.latched, _passing(code, sentence)], _now_ms())

    def _say(self, verdict: RiskVerdict) -> None:
        before, self.verdict = self.verdict, verdict
        self._publisher.send(verdict)
        if before.state == verdict.state and _codes(before) == _codes(verdict):
            return
        sentences = " ".join(reason.sentence for reason in verdict.reasons)
        self._log.warning("verdict", state=verdict.state, codes=sorted(_codes(verdict)), reason=sentences)
        if _codes(verdict) == {"starting"}:
            return
        self._alert(verdict, sentences)

    def _alert(self, verdict: RiskVerdict, sentences: str) -> None:
        calm = not verdict.reasons
        severity = "critical" if verdict.state == HALTED else "warning"
        of = "" if self.name == MAIN else f" of {self.name}"
        title = f"Risk lets everything pass{of}" if calm else f"Risk says {verdict.state}{of}"
        alert = Alert(
            key=f"risk:verdict{self._suffix}",
            severity=severity,
            source="risk",
            title=title,
            detail=sentences,
            recovered=calm,
        )
        self._bus.publish(topics.alert(severity), alert)

    async def tell_trade(self) -> None:
        """A new halt halts trade itself as well: it is then in trade's own books, whatever becomes of us."""
        memory = self.keeper.memory
        if memory.trade_told or not memory.latched:
            return
        wish = SetTradingState(
            state=HALTED,
            reason=" ".join(reason.sentence for reason in memory.latched),
            actor=ACTOR,
            cancel_orders=self._settings.on_halt in ("cancel", "flatten"),
            flatten=self._settings.on_halt == "flatten",
        )
        before = await self.inputs.trading_state()
        if before is not None and before.actor != ACTOR:
            self.keeper.keep(msgspec.structs.replace(self.keeper.memory, trade_before=before.state))
        try:
            await self._bus.request(self._service, wish, TradingState, timeout_s=self._patience_s, tries=1)
        except CryptoBotError as error:
            self._log.warning("trade was not told of the halt; it will be told again", reason=str(error))
            return
        self._audit(ACTOR, "halt", wish.reason)
        self.keeper.keep(msgspec.structs.replace(self.keeper.memory, trade_told=True))

    async def _resume_trade(self, asked: RearmRisk) -> None:
        """Give trade the state back that it had before our halt; what a person has set since then stays."""
        now, before = await self.inputs.trading_state(), self.keeper.memory.trade_before
        if now is None or now.actor != ACTOR or before == HALTED:
            return
        wish = SetTradingState(state=before, reason=asked.reason, actor=asked.actor)
        try:
            await self._bus.request(self._service, wish, TradingState, timeout_s=self._patience_s)
        except CryptoBotError as error:
            raise RequestFailedError(
                "trade_not_resumed",
                f"Risk is armed again, but {self._service} did not answer ({error}). Run `cryptobot resume`.",
            ) from error

    def report(self) -> RiskReport:
        memory, marks = self.keeper.memory, self.keeper.memory.marks
        found = []
        if self._seen is not None:
            found = [*figures(*self._seen, self._settings, self.inputs.markets.window), *self._in_all]
        equity = self._seen[0].equity if self._seen is not None else None
        return RiskReport(
            verdict=self.verdict,
            figures=found,
            currency=self._seen[0].currency if self._seen is not None else "",
            equity=equity,
            day=marks.day if marks is not None else "",
            day_start_equity=None if marks is None else marks.equity_at(marks.day_start),
            best_equity=None if marks is None else marks.equity_at(marks.best),
            armed_ms=memory.armed_ms,
            armed_by=memory.armed_by,
            error=self._error,
            account=self.name,
        )

    def _audit(self, actor: str, action: str, detail: str) -> None:
        entry = Audit(
            kind="trading",
            actor=actor,
            action=action,
            subject="risk",
            detail=detail if self.name == MAIN else f"{self.name}: {detail}",
            ok=True,
        )
        self._bus.publish(topics.audit("trading"), entry)


def _passing(code: str, sentence: str) -> RiskReason:
    return RiskReason(code=code, state=REDUCING, sentence=sentence, since_ms=_now_ms(), latched=False)


def _codes(verdict: RiskVerdict) -> set[str]:
    return {reason.code for reason in verdict.reasons}


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
