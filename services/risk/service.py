"""The risk service: looks at every account each second and tells its trade service what it may do.

Whatever goes wrong in here ends in a verdict that opens nothing, or in silence, which trade takes for one.
"""

import asyncio
import contextlib

import msgspec

from ...bus.api import Request
from ...bus.contracts.risk import GetRisk, RearmRisk, RiskReport
from ...configs import accounts
from ...configs.errors import RequestFailedError
from ...configs.paths import Home
from ..database.health import watch
from ..host.service import Service, run
from . import together
from .desk import Desk
from .inputs import Inputs
from .keeping import Keeper

_LONGEST_PATIENCE_S = 2.0
_LEAST_PAUSE_S = 0.1


class RiskService(Service):
    """Every account by itself, and all of them together."""

    name = "risk"

    async def setup(self) -> None:
        self._keeper = Keeper(self.home)
        self._wake = asyncio.Event()
        self.desks = {name: self._desk(name) for name in accounts.names(self.settings)}
        for desk in self.desks.values():
            desk.inputs.follow()
        self.bus.serve(GetRisk, self._report)
        self.bus.serve(RearmRisk, self._rearm)
        await self.bus.settled()
        await self._check()
        self.spawn(self._watch(), "watch")
        self.spawn(watch(self, self._keeper.database), "database health")

    def _desk(self, name: str) -> Desk:
        settings = accounts.for_account(self.settings, name)
        patience_s = min(_LONGEST_PATIENCE_S, settings.risk.silence_s / 2)
        inputs = Inputs(self.bus, settings, patience_s, self._wake.set, account=name)
        return Desk(name, self.bus, settings, inputs, self._keeper.of(name), patience_s, self.log)

    async def stop(self) -> None:
        for desk in getattr(self, "desks", {}).values():
            desk.end()
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
        """Judge every account that can be read; one that cannot keeps none of the others from trading."""
        desks = list(self.desks.values())
        seen = await asyncio.gather(*(desk.look() for desk in desks))
        found = together.judge(self.settings.risk, {desk.name: desk.picture for desk in desks})
        for desk, was_read in zip(desks, seen, strict=True):
            if was_read:
                desk.judge(*found[desk.name])
        await asyncio.gather(*(desk.tell_trade() for desk in desks))

    def _report(self, request: Request[GetRisk]) -> RiskReport:
        return self._told(self._named(request.message.account))

    async def _rearm(self, request: Request[RearmRisk]) -> RiskReport:
        asked = request.message
        desks = [self._named(asked.account)] if asked.account else list(self.desks.values())
        self._refuse(asked, desks)
        for desk in desks:
            if desk.keeper.memory.latched or asked.blocks:
                await desk.rearm(asked)
        await self._check()
        return self._told(desks[0])

    def _told(self, desk: Desk) -> RiskReport:
        return msgspec.structs.replace(desk.report(), accounts=list(self.desks))

    def _named(self, account: str) -> Desk:
        desk = self.desks.get(account)
        if desk is None:
            raise RequestFailedError(
                "unknown_account", f"There is no account {account[:40]}; there are {', '.join(self.desks)}."
            )
        return desk

    def _refuse(self, asked: RearmRisk, desks: list[Desk]) -> None:
        """Raises RequestFailedError: nobody is named, a service asks, or there is nothing to end."""
        if not asked.actor.strip():
            raise RequestFailedError("actor_missing", "Say who re-arms.")
        if asked.actor.startswith("service:"):
            raise RequestFailedError("person_needed", "Risk is re-armed by a person, not by a service.")
        if not asked.blocks and not any(desk.keeper.memory.latched for desk in desks):
            said = ", ".join(dict.fromkeys(desk.verdict.state for desk in desks))
            raise RequestFailedError(
                "not_halted", f"Risk has not halted trading (it says {said}); there is nothing to re-arm."
            )


def main(home: Home) -> int:
    """Run the risk service in this process."""
    return run(RiskService, home)
