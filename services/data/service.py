"""The data service: reads a venue's markets, keeps their history, publishes them on the bus."""

import asyncio
import contextlib
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import ClassVar

from ...bus import topics
from ...bus.api import Request
from ...bus.contracts.base import Done
from ...bus.contracts.market import (
    Book,
    Candle,
    Candles,
    Feeds,
    ListCandles,
    ListFeeds,
    MarketTrade,
    WatchCandles,
    timeframe_ms,
)
from ...bus.contracts.market import Feed as FeedState
from ...bus.contracts.paper import GetPaperInfo, PaperInfo
from ...configs.errors import (
    BusError,
    ConnectorError,
    CredentialsError,
    RequestFailedError,
    RetryLaterError,
    SettingsError,
    StartError,
    UsageError,
)
from ...configs.paths import Home
from ..connectors.registry import open_venue
from ..connectors.venue import Market, Resumed, Venue
from ..host.service import Service
from ..host.service import run as run_service
from .columns import Columns
from .feed import Feed, Publish
from .library import Library, SeriesName
from .recorder import FLUSH_S, Recorder, remove_older
from .store import CandleStore
from .text import decimal_text
from .watch import StaleWatch

READY_WITHIN_S = 20.0
"""After this the service counts as ready without a venue: the alert about the stale feed says what is
wrong.
"""

BOOK_INTERVAL_S = 0.1
_MOST_CANDLES = 10_000
_FINEST = Decimal("0.00000001")
"""The step of a market whose venue tells none."""
_BACKOFF_FIRST_S = 0.5
_RETENTION_EVERY_S = 3600.0
_BACKOFF_MOST_S = 15.0


class DataService(Service):
    """Publishes `market.*`; answers ListCandles and ListFeeds."""

    name: ClassVar[str] = "data"

    async def setup(self) -> None:
        self._exchange = self.settings.data.exchange
        self._library, self._held = Library(self.home.state / "market"), contextlib.ExitStack()
        self._opened: dict[tuple[str, str], CandleStore] = {}
        self._recorders: dict[tuple[str, str], Recorder] = {}
        self._one_at_a_time = asyncio.Lock()
        self._venue: Venue | None = None
        self._feeds: dict[tuple[str, str], Feed] = {}
        self._markets_known: dict[str, Market] = {}
        self._note = ""
        self._watch = StaleWatch(self.bus, self._exchange, self.settings.data.stale_after_s)
        self._stores = {market: self._open_store(*market) for market in self._markets()}
        self.bus.serve(ListCandles, self._list_candles)
        self.bus.serve(ListFeeds, self._list_feeds)
        self.bus.serve(WatchCandles, self._watch_candles)
        loaded = asyncio.Event()
        self.spawn(self._follow_venue(loaded), "venue")
        self.spawn(self._keep_house(), "house")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._loaded_or_failed(loaded), READY_WITHIN_S)

    async def stop(self) -> None:
        if self._venue is not None:
            await self._venue.close()
        for recorder in self._recorders.values():
            recorder.flush()
        self._held.close()

    def _markets(self) -> list[tuple[str, str]]:
        """(symbol, timeframe) of everything that is watched: the settings of data, and what strategies
        ask for.
        """
        wanted = {(symbol, self.settings.data.timeframe) for symbol in self.settings.data.symbols}
        for instance in self.settings.strategy.instances.values():
            if instance.enabled:
                wanted.update((symbol, instance.timeframe) for symbol in instance.markets)
        return sorted(wanted)

    def _open_store(self, symbol: str, timeframe: str) -> CandleStore:
        known = self._opened.get((symbol, timeframe))
        if known is not None:
            return known
        try:
            name = SeriesName(self._exchange, symbol, timeframe)
            store = self._opened[symbol, timeframe] = self._held.enter_context(self._library.writing(name))
            return store
        except (SettingsError, UsageError) as error:
            raise StartError(str(error)) from error

    async def _loaded_or_failed(self, loaded: asyncio.Event) -> None:
        waits = [asyncio.ensure_future(loaded.wait()), asyncio.ensure_future(self._stopped.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if isinstance(self._failure, StartError):
            raise self._failure

    async def _follow_venue(self, loaded: asyncio.Event) -> None:
        """Open the venue, load what is missing, then follow it for ever; tries again while it is away."""
        backoff_s = _BACKOFF_FIRST_S
        while True:
            try:
                venue = await self._connect()
                break
            except (RetryLaterError, BusError) as error:
                self.log.warning("the venue is away", reason=str(error), retry_s=backoff_s)
                await asyncio.sleep(backoff_s)
                backoff_s = min(backoff_s * 2, _BACKOFF_MOST_S)
            except (SettingsError, CredentialsError) as error:
                raise StartError(str(error)) from error
        for (symbol, _), feed in self._feeds.items():
            self.spawn(feed.run(), f"candles {symbol} {feed.timeframe}")
        for symbol in sorted({symbol for symbol, _ in self._feeds}):
            self.spawn(self._follow_trades(venue, symbol), f"trades {symbol}")
            self.spawn(self._follow_book(venue, symbol), f"book {symbol}")
        self.spawn(self._watch.run(self._feeds.values()), "stale")
        loaded.set()

    async def _connect(self) -> Venue:
        """Open the venue once and load all history.

        Raises:
            RetryLaterError: it is busy or away.
            SettingsError: a market or the venue does not exist.
        """
        if self._venue is None:
            self._venue = await open_venue(self._exchange, bus=self.bus, settings=self.settings)
        markets = await self._venue.load_markets()
        for symbol, timeframe in self._stores:
            if symbol not in markets:
                near = ", ".join(sorted(markets)[:5])
                raise SettingsError(f"{self._exchange} has no market {symbol!r}; it has {near} and so on.")
            self._markets_known[symbol] = markets[symbol]
            feed = self._feed(self._venue, symbol, timeframe)
            await feed.load_history(self.settings.data.history)
            self._feeds[symbol, timeframe] = feed
        if self._exchange == "paper":
            self._note = (await self.bus.request("paper", GetPaperInfo(), PaperInfo)).note
        return self._venue

    def _feed(self, venue: Venue, symbol: str, timeframe: str) -> Feed:
        store = self._stores[symbol, timeframe]
        return Feed(venue, symbol, timeframe, store, self._publisher(symbol, timeframe))

    def _publisher(self, symbol: str, timeframe: str) -> Publish:
        publisher = self.bus.topic(topics.candle(self._exchange, symbol, timeframe), Candle)

        def publish(candle: Candle) -> None:
            publisher.send(candle)

        return publish

    async def _follow_trades(self, venue: Venue, symbol: str) -> None:
        publisher = self.bus.topic(topics.trade(self._exchange, symbol), MarketTrade)
        recorder = self._recorder("trades", symbol)
        async for item in venue.watch_trades(symbol):
            if isinstance(item, Resumed):
                continue
            trade = MarketTrade(
                exchange=self._exchange,
                symbol=symbol,
                id=item.id,
                ts_ms=item.ts_ms,
                side=item.side,
                price=item.price,
                amount=item.amount,
            )
            publisher.send(trade)
            if recorder is not None:
                recorder.add(item.ts_ms, trade)

    async def _follow_book(self, venue: Venue, symbol: str) -> None:
        """Publish the newest top of the book, at most every BOOK_INTERVAL_S: the stream keeps the newest
        only.
        """
        publisher = self.bus.topic(topics.book(self._exchange, symbol), Book)
        due, recorder = time.monotonic(), self._recorder("books", symbol)
        async for item in venue.watch_book(symbol):
            if isinstance(item, Resumed):
                continue
            book = Book(
                exchange=self._exchange, symbol=symbol, ts_ms=item.ts_ms, bids=item.bids, asks=item.asks
            )
            publisher.send(book)
            if recorder is not None:
                recorder.add(item.ts_ms, book)
            due = max(due + BOOK_INTERVAL_S, time.monotonic())
            await asyncio.sleep(due - time.monotonic())

    async def _watch_candles(self, request: Request[WatchCandles]) -> Done:
        """Follow one more timeframe of a market that is watched already."""
        wish = request.message
        key = (wish.symbol, wish.timeframe)
        if wish.exchange != self._exchange or wish.symbol not in {symbol for symbol, _ in self._stores}:
            raise RequestFailedError(
                "unknown_market",
                f"{wish.symbol} is not watched on {wish.exchange}; add it to data.symbols "
                f"(data watches {', '.join(self.settings.data.symbols)} on {self._exchange}).",
            )
        async with self._one_at_a_time:
            return await self._watch_more(key)

    async def _watch_more(self, key: tuple[str, str]) -> Done:
        if key in self._stores:
            return Done(message="It is watched already.")
        if self._venue is None or not self._feeds.keys() >= self._stores.keys():
            raise RequestFailedError("venue_away", f"The venue {self._exchange} is not known yet.")
        try:
            timeframe_ms(key[1])
            store = self._open_store(*key)
            feed = Feed(self._venue, *key, store, self._publisher(*key))
            await feed.load_history(self.settings.data.history)
        except RetryLaterError as error:
            raise RequestFailedError("venue_away", str(error)) from error
        except (SettingsError, StartError, ConnectorError) as error:
            raise RequestFailedError("cannot_watch", str(error)) from error
        self._stores[key], self._feeds[key] = store, feed
        self.spawn(feed.run(), f"candles {key[0]} {key[1]}")
        return Done(message="It is watched now.")

    def _recorder(self, kind: str, symbol: str) -> Recorder | None:
        """Where trades or books of a market are kept; None when they are not."""
        if kind not in self.settings.data.record:
            return None
        folder = self._library.root / topics.part(self._exchange) / topics.part(symbol) / kind
        made = self._recorders[kind, symbol] = Recorder(folder)
        return made

    async def _keep_house(self) -> None:
        """Now and then: write what was gathered, and remove what is older than data.keep_days."""
        due = 0.0
        while True:
            for recorder in self._recorders.values():
                recorder.flush()
            if self.settings.data.keep_days and time.monotonic() >= due:
                due = time.monotonic() + _RETENTION_EVERY_S
                self._remove_old(self.settings.data.keep_days)
            await asyncio.sleep(FLUSH_S)

    def _remove_old(self, days: float) -> None:
        oldest_ms = time.time_ns() // 1_000_000 - int(days * 86_400_000)
        try:
            candles = sum(store.forget_before(oldest_ms) for store in self._opened.values())
            files = remove_older(self._library.root / topics.part(self._exchange), days, datetime.now(UTC))
        except OSError as error:
            self.log.error("old data are not removed", reason=str(error))
            return
        if candles or files:
            self.log.info("old data removed", candles=candles, files=files)

    def _list_candles(self, request: Request[ListCandles]) -> Candles:
        wish = request.message
        store = self._stores.get((wish.symbol, wish.timeframe))
        if wish.exchange != self._exchange or store is None:
            known = ", ".join(f"{symbol} {timeframe}" for symbol, timeframe in self._stores)
            raise RequestFailedError(
                "unknown_market",
                f"{wish.exchange} {wish.symbol} {wish.timeframe} is not watched; watched are {known} "
                f"on {self._exchange}.",
            )
        limit = max(0, min(wish.limit, _MOST_CANDLES))
        return Candles(candles=_messages(wish, store.newest(limit, wish.since_ms, wish.before_ms)))

    def _list_feeds(self, _request: Request[ListFeeds]) -> Feeds:
        states = []
        for (symbol, timeframe), store in self._stores.items():
            feed, market = self._feeds.get((symbol, timeframe)), self._markets_known.get(symbol)
            states.append(
                FeedState(
                    exchange=self._exchange,
                    symbol=symbol,
                    timeframe=timeframe,
                    last_open_ms=store.last_open_ms,
                    candles=len(store),
                    stale=feed is None or self._watch.is_stale(feed),
                    amount_step=format(market.step or _FINEST, "f") if market is not None else "0",
                    min_amount=format(market.min_amount, "f") if market is not None else "0",
                    min_cost=format(market.min_cost, "f") if market is not None else "0",
                )
            )
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
