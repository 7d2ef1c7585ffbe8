"""The service `paper`: the paper exchange in a process of its own, known on the bus."""

import asyncio
from pathlib import Path
from typing import ClassVar

import msgspec

from ...bus import topics
from ...bus.api import Request
from ...bus.contracts.paper import GetPaperInfo, InjectPaperFault, PaperFault, PaperFaults, PaperInfo
from ...bus.contracts.service import Audit
from ...configs.errors import RequestFailedError, StartError
from ...configs.machines import places
from ...configs.paths import Home
from ...configs.schema import PaperSettings
from ..connectors.venue import Venue
from ..host.service import Service, run
from .exchange import HOST, MAIN_ACCOUNT, PaperExchange
from .faults import KINDS, Fault
from .orders import RefusedError


class PaperService(Service):
    """Plays the recording, serves Binance's protocol on loopback, answers GetPaperInfo."""

    name: ClassVar[str] = "paper"
    exchange: PaperExchange

    async def setup(self) -> None:
        self._opened = asyncio.Event()
        self.bus.serve(GetPaperInfo, self._info)
        self.bus.serve(InjectPaperFault, self._fault)
        connect = None
        if self.settings.database.encrypted:
            from ..database.files import opener  # plain homes do not load what that needs

            connect = opener(self.home)
        place = places(self.settings.machines).get(self.name)
        self.exchange = PaperExchange(
            *self._own_place(),
            connect=connect,
            live=self._open_live,
            listen=self.settings.bus.host if place else HOST,
            told=place.address if place else HOST,
        )
        await self.exchange.start()
        self._opened.set()
        self.spawn(self._watch(), "exchange")
        self.log.info("open", rest_url=self.exchange.rest_url, note=self.exchange.note)

    def _own_place(self) -> tuple[PaperSettings, Path]:
        """Settings and folder: a further exchange has files of its own, and a port of its own."""
        chosen, folder = self.settings.paper, self.home.databases
        if self.name == PaperService.name:
            return chosen, folder
        return msgspec.structs.replace(chosen, port=0), folder / self.name

    async def _open_live(self) -> Venue:
        """The venue whose public prices are shown; no key is needed."""
        from ..connectors.registry import open_venue  # recorded prices need no connector

        name = self.settings.paper.live_exchange
        if name == PaperService.name or name == self.name:
            raise StartError("paper.live_exchange cannot be the paper exchange itself; name a real venue.")
        return await open_venue(name, bus=self.bus, settings=self.settings)

    async def stop(self) -> None:
        if self._opened.is_set():
            await self.exchange.stop()

    async def _watch(self) -> None:
        """Fails when the exchange does, as on a full disk; the supervisor then starts it again."""
        assert self.exchange.failed is not None, "the exchange is started"
        await self.exchange.failed

    async def _info(self, request: Request[GetPaperInfo]) -> PaperInfo:
        await self._opened.wait()
        exchange, wish = self.exchange, request.message
        try:
            account = await exchange.account(wish.account or MAIN_ACCOUNT, wish.balances)
        except ValueError as error:
            raise RequestFailedError("bad_balance", f"The account cannot hold that: {error}") from error
        return PaperInfo(
            rest_url=exchange.rest_url,
            ws_url=exchange.ws_url,
            ws_api_url=exchange.ws_api_url,
            api_key=account.api_key,
            api_secret=account.api_secret,
            symbols=exchange.symbols,
            note=exchange.note,
        )

    async def _fault(self, request: Request[InjectPaperFault]) -> PaperFaults:
        await self._opened.wait()
        exchange, wish = self.exchange, request.message
        if wish.kind == "clear":
            exchange.faults.clear()
        elif wish.kind:
            try:
                exchange.inject(Fault(wish.kind, wish.target, wish.count, wish.seconds))
            except RefusedError as error:
                raise RequestFailedError("fault_unknown", error.message) from error
        if wish.kind:
            self._audit(wish)
        active = [
            PaperFault(kind=f.kind, target=f.target, count=f.count, seconds=f.seconds)
            for f in exchange.faults.active
        ]
        return PaperFaults(active=active, struck=exchange.faults.struck, kinds=KINDS)

    def _audit(self, wish: InjectPaperFault) -> None:
        done = Audit(
            kind="trading",
            actor=wish.actor,
            action="paper fault",
            subject=wish.kind,
            detail=f"target {wish.target or 'any'}, {wish.count} times, {wish.seconds:g} s",
            ok=True,
        )
        self.log.warning("fault", kind=wish.kind, target=wish.target, count=wish.count, actor=wish.actor)
        self.bus.publish(topics.audit("trading"), done)


def main(home: Home) -> int:
    """Entry point; the supervisor's manifest names it."""
    return run(PaperService, home)
