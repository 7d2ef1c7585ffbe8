"""The portfolio service: a desk for every account, and all of them added up."""

import asyncio
import time
from collections.abc import Sequence

from ...bus.api import Request
from ...bus.contracts.portfolio import (
    GetPortfolioReport,
    ListPortfolioHistory,
    ListTaxLots,
    PlanRebalance,
    PortfolioHistory,
    PortfolioReport,
    Rebalance,
    RebalancePlan,
    RebalanceResult,
    TaxLots,
)
from ...configs import accounts
from ...configs.errors import RequestFailedError
from ...configs.paths import Home
from ..database.health import watch
from ..host.service import Service, run
from . import together
from .desk import Desk
from .keeping import ALL, Keeper

_READY_WITHIN_S = 10.0


class PortfolioService(Service):
    """Every account, each on its venue, and what the settings say is held elsewhere."""

    name = "portfolio"

    async def setup(self) -> None:
        self._keeper = Keeper(self.home)
        self.desks = {name: self._desk(name) for name in accounts.names(self.settings)}
        self._whole = together.Whole(self._keeper.of(ALL), self.desks)
        self.bus.serve(GetPortfolioReport, self._report)
        self.bus.serve(PlanRebalance, self._plan)
        self.bus.serve(Rebalance, self._rebalance)
        self.bus.serve(ListTaxLots, self._lots)
        self.bus.serve(ListPortfolioHistory, self._history)
        await self.bus.settled()
        self.spawn(self._watch(), "watch")
        self.spawn(watch(self, self._keeper.database), "database health")
        try:
            async with asyncio.timeout(_READY_WITHIN_S):
                await asyncio.gather(*(desk.first.wait() for desk in self.desks.values()))
        except TimeoutError:
            notes = {name: desk.note for name, desk in self.desks.items() if desk.note}
            self.log.warning("ready, but not every account is known yet", reasons=notes)
        self.spawn(self._close_interrupted(), "interrupted")

    def _desk(self, name: str) -> Desk:
        settings = accounts.for_account(self.settings, name)
        return Desk(name, self.bus, settings, self._keeper.of(name), self.log)

    async def stop(self) -> None:
        if hasattr(self, "_keeper"):
            self._keeper.close()

    async def _watch(self) -> None:
        while True:
            await self._look()
            # The beginning needs two readings that agree; it need not wait for the next round.
            known = all(desk.seen is not None for desk in self.desks.values())
            await asyncio.sleep(self.settings.portfolio.interval_s if known else 0.2)

    async def _look(self) -> None:
        await asyncio.gather(*(desk.look() for desk in self.desks.values()))
        if len(self.desks) > 1:
            moments = {name: desk.seen and desk.seen[1] for name, desk in self.desks.items()}
            self._whole.take(moments, time.time_ns() // 1_000_000)

    async def _close_interrupted(self) -> None:
        for desk in self.desks.values():
            await desk.close_interrupted()

    async def _report(self, request: Request[GetPortfolioReport]) -> PortfolioReport:
        chosen = self._chosen(request.message.account)
        if len(chosen) == 1:
            return await chosen[0].report()
        await self._look()
        reports = [await desk.report() for desk in chosen]
        return together.report(reports, [_place(desk) for desk in chosen], self._whole)

    async def _plan(self, request: Request[PlanRebalance]) -> RebalancePlan:
        return await self._named(request.message.account).plan()

    async def _rebalance(self, request: Request[Rebalance]) -> RebalanceResult:
        asked = request.message
        holding = (name for name, desk in self.desks.items() if asked.plan_id in desk.plans)
        owner = next(holding, asked.account or accounts.MAIN)
        if asked.account not in ("", owner):
            raise RequestFailedError(
                "wrong_account", f"The plan {asked.plan_id} is for the account {owner}, not {asked.account}."
            )
        return await self._named(owner).rebalance(asked)

    def _lots(self, request: Request[ListTaxLots]) -> TaxLots:
        found = [desk.lots(request.message) for desk in self._chosen(request.message.account)]
        disposals = [one for lots in found for one in lots.disposals]
        return TaxLots(
            method=found[0].method,
            disposals=sorted(disposals, key=lambda one: one.disposed_ms),
            open=[one for lots in found for one in lots.open],
        )

    def _history(self, request: Request[ListPortfolioHistory]) -> PortfolioHistory:
        chosen = self._chosen(request.message.account)
        if len(chosen) == 1:
            return chosen[0].history(request.message)
        return self._whole.history(request.message)

    def _chosen(self, account: str) -> Sequence[Desk]:
        return [self._named(account)] if account else list(self.desks.values())

    def _named(self, account: str) -> Desk:
        desk = self.desks.get(account)
        if desk is None:
            raise RequestFailedError(
                "unknown_account", f"There is no account {account[:40]}; there are {', '.join(self.desks)}."
            )
        return desk


def _place(desk: Desk) -> together.Place:
    trading = desk.seen[0].trading_state.state if desk.seen is not None else ""
    return together.Place(desk.name, desk.exchange, trading)


def main(home: Home) -> int:
    """Run the portfolio service in this process."""
    return run(PortfolioService, home)
