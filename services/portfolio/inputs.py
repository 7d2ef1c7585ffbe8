"""What the portfolio learns over the bus: candles, books, orders and fills as they come, the account when it
is asked for.
"""

import asyncio
import math
import time
from decimal import Decimal
from typing import TypeVar

import structlog

from ...bus import topics
from ...bus.api import AsyncBusApi, Received
from ...bus.contracts.base import Message
from ...bus.contracts.market import Book, Candle, Candles, Feed, Feeds, ListCandles, ListFeeds, timeframe_ms
from ...bus.contracts.trade import Fill, Fills, GetPortfolio, ListFills, Order, Portfolio
from ...configs.accounts import MAIN, service_of
from ...configs.errors import BusTimeoutError, RequestFailedError
from ...configs.schema import Settings
from ..accounting.exact import ZERO
from ..accounting.executions import Executions, key_of
from ..accounting.markets import Markets
from ..accounting.returns import Window
from .keeping import Keeper

R = TypeVar("R", bound=Message)
SOURCE = "portfolio"
ENDED = frozenset({"FILLED", "CANCELED", "EXPIRED", "REJECTED", "DENIED"})
_PATIENCE_S = 3.0
_PAGE = 5_000
_MOST_CANDLES = 5_000
_OVERLAP_MS = 86_400_000
_ASK_DATA_EVERY_S = 5.0


class Inputs:
    """Everything that the portfolio of one account is made of, kept current."""

    def __init__(self, bus: AsyncBusApi, settings: Settings, keeper: Keeper, account: str = MAIN) -> None:
        self.account, self.service = account, service_of(account)
        self._bus, self._settings, self._keeper = bus, settings, keeper
        self.exchange, self._timeframe = settings.data.exchange, settings.data.timeframe
        window = Window(settings.portfolio.window_candles, timeframe_ms(self._timeframe))
        self.markets = Markets(self._timeframe, window)
        self.executions = Executions(self.markets.price_of)
        self.feeds: dict[str, Feed] = {}
        self.orders: dict[str, Order] = {}
        self.changed = asyncio.Event()
        self._log = structlog.get_logger(component="portfolio")
        self._filled_up, self._data_due_s = False, 0.0

    def follow(self) -> None:
        """Subscribe; call before the first `read`, so that nothing falls between."""
        venue = topics.part(self.exchange)
        self._bus.subscribe(f"{topics.CANDLES}{venue}.", Candle, self._on_candle, last_value=True)
        self._bus.subscribe(f"{topics.BOOKS}{venue}.", Book, self._on_book, last_value=True)
        own = topics.of_account(self.account) + venue
        self._bus.subscribe(f"{topics.FILLS}{own}", Fill, self._on_fill)
        self._bus.subscribe(f"{topics.ORDERS}{own}.", Order, self._on_order)

    async def read(self) -> Portfolio:
        """The account as trade has it now, with every fill that it holds counted.

        Raises:
            BusTimeoutError: trade does not answer.
            RequestFailedError: trade does not serve this yet.
        """
        if not self._filled_up:
            await self._learn_fills()
            self._filled_up = True
        if time.monotonic() >= self._data_due_s:
            await self._learn_markets()
        return await self.ask(self.service, GetPortfolio(), Portfolio)

    async def ask(self, service: str, message: Message, reply: type[R]) -> R:
        return await self._bus.request(service, message, reply, timeout_s=_PATIENCE_S)

    async def _learn_fills(self) -> None:
        """Fills from before this process: those on disk, and what came since; with room for late ones."""
        self.executions.take_all(self._keeper.fills())
        last = self._keeper.last_fill_ms()
        since = None if last is None else last - _OVERLAP_MS
        older_than = ""
        while True:
            wish = ListFills(since_ms=since, limit=_PAGE, older_than=older_than)
            page = (await self.ask(self.service, wish, Fills)).fills
            self._keeper.keep_fills(page)
            self.executions.take_all(page)
            if len(page) < _PAGE:
                return
            older_than = key_of(page[-1])

    async def _learn_markets(self) -> None:
        """The venue's smallest orders and past candles; while data is away, again after a while."""
        try:
            feeds = (await self.ask("data", ListFeeds(), Feeds)).feeds
            own = [one for one in feeds if (one.exchange, one.timeframe) == (self.exchange, self._timeframe)]
            self.feeds = {feed.symbol: feed for feed in own}
            for feed in own:
                await self._learn_candles(feed.symbol)
        except (BusTimeoutError, RequestFailedError) as error:
            self._log.warning("data does not tell of the markets yet", reason=str(error))
            self._data_due_s = time.monotonic() + _ASK_DATA_EVERY_S
            return
        self.markets.past_is_complete()
        complete = all(Decimal(feed.amount_step) for feed in own)
        self._data_due_s = math.inf if complete else time.monotonic() + _ASK_DATA_EVERY_S

    async def _learn_candles(self, symbol: str) -> None:
        limit = min(self._settings.portfolio.window_candles + 1, _MOST_CANDLES)
        wish = ListCandles(exchange=self.exchange, symbol=symbol, timeframe=self._timeframe, limit=limit)
        self.markets.take_past(await self.ask("data", wish, Candles))

    def _on_candle(self, received: Received[Candle]) -> None:
        self.markets.take_candle(received.message, received.ts_ns)

    def _on_book(self, received: Received[Book]) -> None:
        self.markets.take_book(received.message, received.ts_ns)

    def _on_fill(self, received: Received[Fill]) -> None:
        if self.executions.take(received.message):
            self._keeper.keep_fills([received.message])

    def _on_order(self, received: Received[Order]) -> None:
        order = received.message
        if order.source == SOURCE:
            self.orders[order.id] = order
            self.changed.set()

    def held_by_others(self, symbol: str) -> Decimal:
        """What strategies, people and others hold of a market by their own orders."""
        found = ZERO
        for (owner, name), position in self.executions.positions.all.items():
            if name == symbol and owner != SOURCE:
                found += position.amount
        return found
