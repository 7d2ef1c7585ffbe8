"""The data service: reads the markets of one venue or several, keeps their history, publishes them."""

import asyncio
import contextlib
import time
from typing import ClassVar

from ...bus import endpoints
from ...bus.api import Request
from ...bus.contracts.base import Done
from ...bus.contracts.market import Candle, Candles, Feeds, ListCandles, ListFeeds, WatchCandles
from ...bus.contracts.paper import GetPaperInfo, PaperInfo
from ...configs.accounts import venue_of
from ...configs.errors import BusError, BusTimeoutError, RequestFailedError, StartError
from ...configs.paths import Home
from ..connectors.registry import open_venue
from ..connectors.venue import Venue
from ..host.service import Service
from ..host.service import run as run_service
from .columns import Columns
from .library import Library, SeriesName
from .reading import Room, VenueReader
from .recorder import FLUSH_S
from .store import CandleStore
from .text import decimal_text

READY_WITHIN_S = 20.0
"""After this the service counts as ready without a venue: the alert about the stale feed says what is
wrong.
"""

_MOST_CANDLES = 10_000
_RETENTION_EVERY_S = 3600.0
_PAPER = "paper"


class DataService(Service):
    """Publishes `market.*`; answers ListCandles, ListFeeds and WatchCandles."""

    name: ClassVar[str] = "data"

    async def setup(self) -> None:
        self._exchange = self.settings.data.exchange
        self._library, self._held = Library(self.home.state / "market"), contextlib.ExitStack()
        self._note = ""
        room = Room(
            bus=self.bus,
            settings=self.settings.data,
            library=self._library,
            open_venue=self._open_venue,
            hold=self._hold,
            spawn=self.spawn,
            log=self.log,
        )
        self._readers = {
            exchange: VenueReader(exchange, markets, room) for exchange, markets in self._markets().items()
        }
        self.bus.serve(ListCandles, self._list_candles)
        self.bus.serve(ListFeeds, self._list_feeds)
        self.bus.serve(WatchCandles, self._watch_candles)
        for reader in self._readers.values():
            reader.start()
        self.spawn(self._keep_house(), "house")
        self.spawn(self._offer_shortcut(), "shortcut")
        if _PAPER in self._readers:
            self.spawn(self._learn_note(), "note")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(
                self._loaded_or_failed(self._readers[self._exchange].loaded), READY_WITHIN_S
            )

    async def _offer_shortcut(self) -> None:
        """Let strategies have candles without the broker between, once the broker has what was said first."""
        if endpoints.of(self.home).secure:
            return  # there the broker checks who says what
        while True:
            with contextlib.suppress(BusTimeoutError):
                await self.bus.settled()
                break
        self.bus.offer_direct()

    async def stop(self) -> None:
        for reader in getattr(self, "_readers", {}).values():
            await reader.close()
        self._held.close()

    def _markets(self) -> dict[str, list[tuple[str, str]]]:
        """(symbol, timeframe) of everything that is watched, by venue: what the settings of data name, and
        on the venue of its account what each strategy trades on.
        """
        chosen = self.settings.data
        watched = {self._exchange: chosen.symbols, **chosen.venues}
        found = {
            exchange: {(symbol, chosen.timeframe) for symbol in symbols}
            for exchange, symbols in watched.items()
        }
        for instance in self.settings.strategy.instances.values():
            if instance.enabled:
                venue = venue_of(self.settings, instance.account)
                wanted = ((symbol, instance.timeframe) for symbol in instance.markets)
                found.setdefault(venue, set()).update(wanted)
        return {exchange: sorted(wanted) for exchange, wanted in found.items()}

    async def _open_venue(self, name: str) -> Venue:
        return await open_venue(name, bus=self.bus, settings=self.settings)

    def _hold(self, name: SeriesName) -> CandleStore:
        return self._held.enter_context(self._library.writing(name))

    async def _learn_note(self) -> None:
        """What a person must know of the paper exchange's prices."""
        await self._readers[_PAPER].loaded.wait()
        while not self._note:
            try:
                self._note = (await self.bus.request(_PAPER, GetPaperInfo(), PaperInfo)).note
            except BusError as error:
                self.log.info("the paper exchange does not answer", reason=str(error))

    async def _loaded_or_failed(self, loaded: asyncio.Event) -> None:
        waits = [asyncio.ensure_future(loaded.wait()), asyncio.ensure_future(self._stopped.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if isinstance(self._failure, StartError):
            raise self._failure

    async def _watch_candles(self, request: Request[WatchCandles]) -> Done:
        """Follow one more timeframe of a market that is watched already."""
        return await self._reader(request.message.exchange).watch(request.message)

    def _reader(self, exchange: str) -> VenueReader:
        reader = self._readers.get(exchange)
        if reader is None:
            raise RequestFailedError(
                "unknown_market",
                f"{exchange} is not watched; add it to data.venues (data watches "
                f"{', '.join(self._readers)}).",
            )
        return reader

    async def _keep_house(self) -> None:
        """Now and then: write what was gathered, and remove what is older than data.keep_days."""
        due = 0.0
        while True:
            for reader in self._readers.values():
                reader.flush()
            if self.settings.data.keep_days and time.monotonic() >= due:
                due = time.monotonic() + _RETENTION_EVERY_S
                self._remove_old(self.settings.data.keep_days)
            await asyncio.sleep(FLUSH_S)

    def _remove_old(self, days: float) -> None:
        oldest_ms = time.time_ns() // 1_000_000 - int(days * 86_400_000)
        try:
            removed = [reader.remove_older(oldest_ms, days) for reader in self._readers.values()]
        except OSError as error:
            self.log.error("old data are not removed", reason=str(error))
            return
        candles, files = sum(one for one, _ in removed), sum(one for _, one in removed)
        if candles or files:
            self.log.info("old data removed", candles=candles, files=files)

    def _list_candles(self, request: Request[ListCandles]) -> Candles:
        wish = request.message
        reader = self._reader(wish.exchange)
        store = reader.stores.get((wish.symbol, wish.timeframe))
        if store is None:
            known = ", ".join(f"{symbol} {timeframe}" for symbol, timeframe in reader.stores)
            raise RequestFailedError(
                "unknown_market",
                f"{wish.exchange} {wish.symbol} {wish.timeframe} is not watched; watched are {known} "
                f"on {wish.exchange}.",
            )
        limit = max(0, min(wish.limit, _MOST_CANDLES))
        return Candles(candles=_messages(wish, store.newest(limit, wish.since_ms)))

    def _list_feeds(self, _request: Request[ListFeeds]) -> Feeds:
        states = [state for reader in self._readers.values() for state in reader.states()]
        return Feeds(feeds=states, note=self._note)


def _messages(wish: ListCandles, columns: Columns) -> list[Candle]:
    rows = zip(
        columns.open_ms.tolist(),
        columns.open.tolist(),
        columns.high.tolist(),
        columns.low.tolist(),
        columns.close.tolist(),
        columns.volume.tolist(),
        strict=True,
    )
    return [
        Candle(
            exchange=wish.exchange,
            symbol=wish.symbol,
            timeframe=wish.timeframe,
            open_ms=open_ms,
            open=decimal_text(first),
            high=decimal_text(high),
            low=decimal_text(low),
            close=decimal_text(last),
            volume=decimal_text(volume),
            closed=True,
        )
        for open_ms, first, high, low, last, volume in rows
    ]


def main(home: Home) -> int:
    """Run the data service until it is told to stop."""
    return run_service(DataService, home)
