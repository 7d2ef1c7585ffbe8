"""The risk service: looks at the account every second and tells trade what it may do.

Whatever goes wrong in here ends in a verdict that opens nothing, or in silence, which trade takes for one.
"""

import asyncio
import contextlib
import time

import msgspec

from ...bus import topics
from ...bus.api import Request
from ...bus.contracts.risk import VERDICT_TOPIC, GetRisk, RearmRisk, RiskReason, RiskReport, RiskVerdict
from ...bus.contracts.service import Alert, Audit
from ...bus.contracts.trade import SetTradingState, TradingState
from ...configs.errors import BusTimeoutError, CryptoBotError, RequestFailedError
from ...configs.paths import Home
from ..database.health import watch
from ..host.service import Service, run
from . import drawdown
from .figures import figures
from .inputs import Inputs
from .keeping import Keeper, Memory
from .officer import HALTED, REDUCING, Officer, Opinion
from .picture import Picture

ACTOR = "service:risk"
_LONGEST_PATIENCE_S = 2.0
_LEAST_PAUSE_S = 0.1


class RiskService(Service):
    """One account."""

    name = "risk"

    async def setup(self) -> None:
        settings = self.settings.risk
        self._officer = Officer(settings, drawdown.zone_of(settings.day_zone))
        self._keeper = Keeper(self.home)
        self._wake = asyncio.Event()
        self._patience_s = min(_LONGEST_PATIENCE_S, settings.silence_s / 2)
        self._inputs = Inputs(self.bus, self.settings, self._patience_s, self._wake.set)
        self._publisher = self.bus.topic(VERDICT_TOPIC, RiskVerdict)
        self._verdict = self._starting()
        self._seen: tuple[Picture, Opinion] | None = None
        self._told_s = 0.0
        self._error = ""
        self._inputs.follow()
        self.bus.serve(GetRisk, self._report_to)
        self.bus.serve(RearmRisk, self._rearm)
        await self.bus.settled()
        await self._check()
        self.spawn(self._watch(), "watch")
        self.spawn(watch(self, self._keeper.database), "database health")

    async def stop(self) -> None:
        if hasattr(self, "_verdict"):
            verdict = msgspec.structs.replace(self._verdict, ended=True, issued_ms=_now_ms())
            self._publisher.send(verdict)
        if hasattr(self, "_keeper"):
            self._keeper.close()

    async def _watch(self) -> None:
        """Check once every interval, and soon when an order or a fill was told; trade itself counts what it
        lets pass in between.
        """
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self.settings.risk.interval_s)
            self._wake.clear()
            await self._check()
            await asyncio.sleep(_LEAST_PAUSE_S)

    async def _check(self) -> None:
        try:
            picture = await self._inputs.read()
            memory = self._keeper.memory
            opinion = self._officer.judge(
                memory, picture, self._inputs.executions.trades, self._inputs.markets.window
            )
            self._keeper.keep(opinion.memory)
            self._seen, self._error = (picture, opinion), ""
            verdict = opinion.verdict
        except (BusTimeoutError, RequestFailedError) as error:
            verdict = self._failing("account_unknown", f"Trade does not tell of the account: {error}")
        except Exception as error:  # the guard itself failed: nothing is opened until it works again
            self.log.exception("check failed")
            verdict = self._failing("check_failed", f"The limits cannot be checked ({error!r}).")
        self._say(verdict)
        await self._tell_trade()

    def _starting(self) -> RiskVerdict:
        return self._officer.verdict(
            [*self._keeper.memory.latched, _passing("starting", "Risk has only begun.")], _now_ms()
        )

    def _failing(self, code: str, sentence: str) -> RiskVerdict:
        """What latches stays, and nothing is opened."""
        self._error = sentence
        return self._officer.verdict([*self._keeper.memory.latched, _passing(code, sentence)], _now_ms())

    def _say(self, verdict: RiskVerdict) -> None:
        before, self._verdict = self._verdict, verdict
        self._publisher.send(verdict)
        if before.state == verdict.state and _codes(before) == _codes(verdict):
            return
        sentences = " ".join(reason.sentence for reason in verdict.reasons)
        self.log.warning("verdict", state=verdict.state, codes=sorted(_codes(verdict)), reason=sentences)
        if _codes(verdict) == {"starting"}:
            return
        self._alert(verdict, sentences)

    def _alert(self, verdict: RiskVerdict, sentences: str) -> None:
        calm = not verdict.reasons
        severity = "critical" if verdict.state == HALTED else "warning"
        title = "Risk lets everything pass" if calm else f"Risk says {verdict.state}"
        alert = Alert(
            key="risk:verdict",
            severity=severity,
            source="risk",
            title=title,
            detail=sentences,
            recovered=calm,
        )
        self.bus.publish(topics.alert(severity), alert)

    async def _tell_trade(self) -> None:
        """A new halt halts trade itself as well: it is then in trade's own books, whatever becomes of us."""
        memory = self._keeper.memory
        if memory.trade_told or not memory.latched:
            return
        wish = SetTradingState(
            state=HALTED,
            reason=" ".join(reason.sentence for reason in memory.latched),
            actor=ACTOR,
            cancel_orders=self.settings.risk.on_halt in ("cancel", "flatten"),
            flatten=self.settings.risk.on_halt == "flatten",
        )
        before = await self._inputs.trading_state()
        if before is not None and before.actor != ACTOR:
            self._keeper.keep(msgspec.structs.replace(self._keeper.memory, trade_before=before.state))
        try:
            await self.bus.request("trade", wish, TradingState, timeout_s=self._patience_s, tries=1)
        except CryptoBotError as error:
            self.log.warning("trade was not told of the halt; it will be told again", reason=str(error))
            return
        self._audit(ACTOR, "halt", wish.reason)
        self._keeper.keep(msgspec.structs.replace(self._keeper.memory, trade_told=True))

    def _report_to(self, _request: Request[GetRisk]) -> RiskReport:
        return self._report()

    async def _rearm(self, request: Request[RearmRisk]) -> RiskReport:
        asked, memory = request.message, self._keeper.memory
        self._refuse(asked, memory)
        marks = memory.marks if memory.marks is None else drawdown.rearmed(memory.marks)
        now = _now_ms()
        halted = bool(memory.latched)
        codes = ", ".join(reason.code for reason in memory.latched) or "pauses"
        self._keeper.keep(
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
        await self._check()
        return self._report()

    def _refuse(self, asked: RearmRisk, memory: Memory) -> None:
        """Raises RequestFailedError: nobody is named, a service asks, or there is nothing to end."""
        if not asked.actor.strip():
            raise RequestFailedError("actor_missing", "Say who re-arms.")
        if asked.actor.startswith("service:"):
            raise RequestFailedError("person_needed", "Risk is re-armed by a person, not by a service.")
        if not memory.latched and not asked.blocks:
            raise RequestFailedError(
                "not_halted",
                f"Risk has not halted trading (it says {self._verdict.state}); there is nothing to re-arm.",
            )

    async def _resume_trade(self, asked: RearmRisk) -> None:
        """Give trade the state back that it had before our halt; what a person has set since then stays."""
        now, before = await self._inputs.trading_state(), self._keeper.memory.trade_before
        if now is None or now.actor != ACTOR or before == HALTED:
            return
        wish = SetTradingState(state=before, reason=asked.reason, actor=asked.actor)
        try:
            await self.bus.request("trade", wish, TradingState, timeout_s=self._patience_s)
        except CryptoBotError as error:
            raise RequestFailedError(
                "trade_not_resumed",
                f"Risk is armed again, but trade did not answer ({error}). Run `cryptobot resume`.",
            ) from error

    def _report(self) -> RiskReport:
        memory, marks = self._keeper.memory, self._keeper.memory.marks
        found = []
        if self._seen is not None:
            found = figures(*self._seen, self.settings.risk, self._inputs.markets.window)
        equity = self._seen[0].equity if self._seen is not None else None
        return RiskReport(
            verdict=self._verdict,
            figures=found,
            currency=self._seen[0].currency if self._seen is not None else "",
            equity=equity,
            day=marks.day if marks is not None else "",
            day_start_equity=None if marks is None else marks.equity_at(marks.day_start),
            best_equity=None if marks is None else marks.equity_at(marks.best),
            armed_ms=memory.armed_ms,
            armed_by=memory.armed_by,
            error=self._error,
        )

    def _audit(self, actor: str, action: str, detail: str) -> None:
        entry = Audit(kind="trading", actor=actor, action=action, subject="risk", detail=detail, ok=True)
        self.bus.publish(topics.audit("trading"), entry)


def _passing(code: str, sentence: str) -> RiskReason:
    return RiskReason(code=code, state=REDUCING, sentence=sentence, since_ms=_now_ms(), latched=False)


def _codes(verdict: RiskVerdict) -> set[str]:
    return {reason.code for reason in verdict.reasons}


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def main(home: Home) -> int:
    """Run the risk service in this process."""
    return run(RiskService, home)
