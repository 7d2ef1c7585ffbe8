"""Everything that data reads of one venue: candles with their history, trades, the tops of the books."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import structlog

from ...bus import topics
from ...bus.api import AsyncBusApi
from ...bus.contracts.base import Done
from ...bus.contracts.market import Book, Candle, MarketTrade, WatchCandles, timeframe_ms
from ...bus.contracts.market import Feed as FeedState
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
from ...configs.schema import DataSettings
from ..connectors.venue import Market, Resumed, Venue
from .feed import Feed, Publish
from .library import Library, SeriesName
from .recorder import Recorder, remove_older
from .store import CandleStore
from .watch import StaleWatch

BOOK_INTERVAL_S = 0.1
_FINEST = Decimal("0.00000001")
"""The step of a market whose venue tells none."""
_BACKOFF_FIRST_S = 0.5
_BACKOFF_MOST_S = 15.0


@dataclass(frozen=True, slots=True)
class Room:
    """What the readers of all venues share.

    Args:
        open_venue: opens a venue by its name.
        hold: keeps a series open for writing until the service ends.
        spawn: runs something beside, for as long as the service lives; named for logs.
    """

    bus: AsyncBusApi
    settings: DataSettings
    library: Library
    open_venue: Callable[[str], Awaitable[Venue]]
    hold: Callable[[SeriesName], CandleStore]
    spawn: Callable[[Coroutine[Any, Any, None], str], object]
    log: structlog.typing.FilteringBoundLogger


class VenueReader:
    """One venue.

    Args:
        markets: (symbol, timeframe) of everything that is watched from the start.
    """

    def __init__(self, exchange: str, markets: list[tuple[str, str]], room: Room) -> None:
        self.exchange, self._room = exchange, room
        self.loaded = asyncio.Event()
        self.opened: dict[tuple[str, str], CandleStore] = {}
        self.stores = {market: self._open_store(*market) for market in markets}
        self.feeds: dict[tuple[str, str], Feed] = {}
        self._recorders: dict[tuple[str, str], Recorder] = {}
        self._markets_known: dict[str, Market] = {}
        self._one_at_a_time = asyncio.Lock()
        self._venue: Venue | None = None
        self._watch = StaleWatch(room.bus, exchange, room.settings.stale_after_s)

    def start(self) -> None:
        """Begin to follow the venue."""
        self._room.spawn(self._follow(), self._named("venue"))

    async def close(self) -> None:
        if self._venue is not None:
            await self._venue.close()
        self.flush()

    def flush(self) -> None:
        """Write what was gathered of trades and books."""
        for recorder in self._recorders.values():
            recorder.flush()

    def remove_older(self, oldest_ms: int, days: float) -> tuple[int, int]:
        """Forget old candles and recordings; how many candles and files.

        Raises:
            OSError: the disk refuses.
        """
        candles = sum(store.forget_before(oldest_ms) for store in self.opened.values())
        folder = self._room.library.root / topics.part(self.exchange)
        return candles, remove_older(folder, days, datetime.now(UTC))

    def states(self) -> list[FeedState]:
        """Its streams of candles, for ListFeeds."""
        found = []
        for (symbol, timeframe), store in self.stores.items():
            feed, market = self.feeds.get((symbol, timeframe)), self._markets_known.get(symbol)
            found.append(
                FeedState(
                    exchange=self.exchange,
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
        return found

    async def watch(self, wish: WatchCandles) -> Done:
        """Follow one more timeframe of a market that is watched already.

        Raises:
            RequestFailedError: the market is not watched, or the venue is away or has no such candles.
        """
        symbols = sorted({symbol for symbol, _ in self.stores})
        if wish.symbol not in symbols:
            key = "data.symbols" if self.exchange == self._room.settings.exchange else "data.venues"
            raise RequestFailedError(
                "unknown_market",
                f"{wish.symbol} is not watched on {self.exchange}; add it to {key} "
                f"(data watches {', '.join(symbols)} on {self.exchange}).",
            )
        async with self._one_at_a_time:
            return await self._watch_more((wish.symbol, wish.timeframe))

    async def _watch_more(self, key: tuple[str, str]) -> Done:
        if key in self.stores:
            return Done(message="It is watched already.")
        if self._venue is None or not self.feeds.keys() >= self.stores.keys():
            raise RequestFailedError("venue_away", f"The venue {self.exchange} is not known yet.")
        try:
            timeframe_ms(key[1])
            store = self._open_store(*key)
            feed = Feed(self._venue, *key, store, self._publisher(*key))
            await feed.load_history(self._room.settings.history)
        except RetryLaterError as error:
            raise RequestFailedError("venue_away", str(error)) from error
        except (SettingsError, StartError, ConnectorError) as error:
            raise RequestFailedError("cannot_watch", str(error)) from error
        self.stores[key], self.feeds[key] = store, feed
        self._room.spawn(feed.run(), self._named(f"candles {key[0]} {key[1]}"))
        return Done(message="It is watched now.")

    async def _follow(self) -> None:
        """Open the venue, load what is missing, then follow it for ever; tries again while it is away."""
        backoff_s, room = _BACKOFF_FIRST_S, self._room
        while True:
            try:
                venue = await self._connect()
                break
            except (RetryLaterError, BusError) as error:
                room.log.warning(
                    "the venue is away", venue=self.exchange, reason=str(error), retry_s=backoff_s
                )
                await asyncio.sleep(backoff_s)
                backoff_s = min(backoff_s * 2, _BACKOFF_MOST_S)
            except (SettingsError, CredentialsError) as error:
                raise StartError(str(error)) from error
        for (symbol, _), feed in self.feeds.items():
            room.spawn(feed.run(), self._named(f"candles {symbol} {feed.timeframe}"))
        for symbol in sorted({symbol for symbol, _ in self.feeds}):
            room.spawn(self._follow_trades(venue, symbol), self._named(f"trades {symbol}"))
            room.spawn(self._follow_book(venue, symbol), self._named(f"book {symbol}"))
        room.spawn(self._watch.run(self.feeds.values()), self._named("stale"))
        self.loaded.set()

    async def _connect(self) -> Venue:
        """Open the venue once and load all history.

        Raises:
            RetryLaterError: it is busy or away.
            SettingsError: a market or the venue does not exist.
        """
        if self._venue is None:
            self._venue = await self._room.open_venue(self.exchange)
        markets = await self._venue.load_markets()
        for symbol, timeframe in self.stores:
            if symbol not in markets:
                near = ", ".join(sorted(markets)[:5])
                raise SettingsError(f"{self.exchange} has no market {symbol!r}; it has {near} and so on.")
            self._markets_known[symbol] = markets[symbol]
            store, publish = self.stores[symbol, timeframe], self._publisher(symbol, timeframe)
            feed = Feed(self._venue, symbol, timeframe, store, publish)
            await feed.load_history(self._room.settings.history)
            self.feeds[symbol, timeframe] = feed
        return self._venue

    def _open_store(self, symbol: str, timeframe: str) -> CandleStore:
        known = self.opened.get((symbol, timeframe))
        if known is not None:
            return known
        try:
            store = self._room.hold(SeriesName(self.exchange, symbol, timeframe))
        except (SettingsError, UsageError) as error:
            raise StartError(str(error)) from error
        self.opened[symbol, timeframe] = store
        return store

    def _publisher(self, symbol: str, timeframe: str) -> Publish:
        publisher = self._room.bus.topic(topics.candle(self.exchange, symbol, timeframe), Candle)

        def publish(candle: Candle) -> None:
            publisher.send(candle)

        return publish

    async def _follow_trades(self, venue: Venue, symbol: str) -> None:
        publisher = self._room.bus.topic(topics.trade(self.exchange, symbol), MarketTrade)
        recorder = self._recorder("trades", symbol)
        async for item in venue.watch_trades(symbol):
            if isinstance(item, Resumed):
                continue
            trade = MarketTrade(
                exchange=self.exchange,
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
        publisher = self._room.bus.topic(topics.book(self.exchange, symbol), Book)
        due, recorder = time.monotonic(), self._recorder("books", symbol)
        async for item in venue.watch_book(symbol):
            if isinstance(item, Resumed):
                continue
            book = Book(
                exchange=self.exchange, symbol=symbol, ts_ms=item.ts_ms, bids=item.bids, asks=item.asks
            )
            publisher.send(book)
            if recorder is not None:
                recorder.add(item.ts_ms, book)
            due = max(due + BOOK_INTERVAL_S, time.monotonic())
            await asyncio.sleep(due - time.monotonic())

    def _recorder(self, kind: str, symbol: str) -> Recorder | None:
        """Where trades or books of a market are kept; None when they are not."""
        if kind not in self._room.settings.record:
            return None
        folder = self._room.library.root / topics.part(self.exchange) / topics.part(symbol) / kind
        made = self._recorders[kind, symbol] = Recorder(folder)
        return made

    def _named(self, what: str) -> str:
        return what if self.exchange == self._room.settings.exchange else f"{self.exchange} {what}"
