"""Live public prices as what is played: the trades and books of a real venue, one slot of time later.

What arrived since the last slot is played in the next one, in its order and its rhythm, so that candles,
streams and matching work as with a recording. While the venue is silent nothing is played.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from ...configs.errors import ConnectorError, StartError
from ..connectors.venue import Resumed, Venue, VenueBook, VenueCandle, VenueMarketTrade
from .klines import INTERVALS, Kline
from .rules import Rules
from .scripts import Event, Script, Side
from .units import PrecisionError, multiply, parse
from .walk import Tick

ENDLESS = 2**40
_PAST = 500
_REMEMBERED = 20_000
_LEVELS = 20


class LiveScript(Script):
    """One market of a venue.

    Args:
        price: of the last trade before.
        past: finished candles of the played length, oldest first.
        silent_ms: nothing heard for so long is silence.
    """

    own_book = True

    def __init__(
        self,
        clock: Callable[[], int],
        interval_ms: int,
        price: int,
        past: list[Kline],
        silent_ms: int,
        note: str,
    ) -> None:
        self._clock, self._interval_ms, self._silent_ms, self.note = clock, interval_ms, silent_ms, note
        self._price, self._heard_ms = price, clock()
        self._coming: list[tuple[int, Event]] = []
        self._book: tuple[Side, Side] = ([], [])
        self._playing: tuple[int, list[Event]] = (-1, [])
        self._done: OrderedDict[int, Kline] = OrderedDict(enumerate(past))
        self.begin = len(past)

    def take_trade(self, trade: VenueMarketTrade) -> None:
        """A public trade arrived; one with more digits than the exchange keeps is left out."""
        try:
            price, amount = parse(trade.price), parse(trade.amount)
        except PrecisionError:
            return
        self._price = price
        self._add(Event(0, Tick(price, amount, multiply(price, amount), trade.side == "sell")))

    def take_book(self, book: VenueBook) -> None:
        """The top of the book changed."""
        try:
            self._book = (_side(book.bids), _side(book.asks))
        except PrecisionError:
            return
        self._add(Event(0, None, self._book))

    def _add(self, event: Event) -> None:
        self._heard_ms = self._clock()
        self._coming.append((self._heard_ms, event))

    def __len__(self) -> int:
        return ENDLESS

    def price(self, number: int) -> int:
        done = self._done.get(number - 1)
        return self._price if done is None else done.close

    def volume(self, number: int) -> int:
        return 0  # the book is the venue's own

    def book(self, number: int) -> tuple[Side, Side]:
        return self._book

    def events(self, number: int, rules: Rules) -> list[Event]:
        if number == self._playing[0]:
            return self._playing[1]
        if number < self._playing[0] or number in self._done:
            return []
        price, self._coming, arrived = self.price(number), [], self._coming
        latest = self._interval_ms - 1
        played = [
            replace(event, offset_ms=max(0, min(latest, at_ms - arrived[0][0]))) for at_ms, event in arrived
        ]
        if not played:
            silent = self._clock() - self._heard_ms > self._silent_ms
            played = [Event(0) if silent else Event(0, Tick(price, 0, 0, False))]
        self._playing = (number, played)
        self._done[number] = _candle(number, price, played)
        while len(self._done) > _REMEMBERED:
            self._done.popitem(last=False)
        return played

    def whole(self, open_ms: int, number: int, rules: Rules) -> Kline:
        known = self._done.get(number)
        made = Kline(open_ms, *([self._price] * 4))
        if known is None:
            return made
        made.open, made.high, made.low, made.close = known.open, known.high, known.low, known.close
        made.volume, made.quote_volume, made.trades = known.volume, known.quote_volume, known.trades
        made.taker_volume, made.taker_quote = known.taker_volume, known.taker_quote
        return made


def _candle(number: int, price: int, events: list[Event]) -> Kline:
    """What a slot looks like as a candle; its open time is set by whoever asks."""
    made: Kline | None = None
    for event in events:
        tick = event.tick
        if tick is not None:
            made = made or Kline(0, tick.price, tick.price, tick.price, tick.price)
            made.add(tick.price, tick.volume, tick.quote_volume, not tick.seller)
    return made or Kline(0, price, price, price, price)


def _side(levels: list[tuple[str, str]]) -> Side:
    return [(parse(price), parse(amount)) for price, amount in levels]


class LivePrices:
    """Follows the public trades and books of some markets of a venue."""

    def __init__(
        self, venue: Venue, symbols: list[str], interval_ms: int, clock: Callable[[], int], silent_s: float
    ) -> None:
        self._venue, self._symbols, self._interval_ms, self._clock = venue, symbols, interval_ms, clock
        self._silent_ms = round(silent_s * 1000)
        self._scripts: dict[str, LiveScript] = {}

    async def begin(self) -> dict[str, Script]:
        """What each market plays.

        Raises:
            StartError: the venue does not answer, or has no such market.
        """
        name = self._venue.name
        try:
            markets = await self._venue.load_markets()
            for symbol in self._symbols:
                if symbol not in markets:
                    raise StartError(f"{name} has no market {symbol} (paper.symbol, paper.markets).")
                self._scripts[symbol] = await self._script(symbol)
        except ConnectorError as error:
            raise StartError(
                f"The live prices of {name} cannot be had: {error} Wait for the network, or set paper.source "
                f"to recorded."
            ) from error
        return dict(self._scripts)

    async def _script(self, symbol: str) -> LiveScript:
        book = await self._venue.fetch_book(symbol, _LEVELS)
        past = [_kline(candle) for candle in await self._past(symbol)]
        top = [parse(side[0][0]) for side in (book.bids, book.asks) if side]
        if not top:
            raise StartError(f"{self._venue.name} shows no price of {symbol} at the moment.")
        price = past[-1].close if past else top[0]
        note = f"live: {symbol} on {self._venue.name}, shown a moment later"
        made = LiveScript(self._clock, self._interval_ms, price, past, self._silent_ms, note)
        made.take_book(book)
        return made

    async def _past(self, symbol: str) -> list[VenueCandle]:
        names = [name for name, length in INTERVALS.items() if length == self._interval_ms]
        if not names:
            return []
        return await self._venue.fetch_candles(symbol, names[0], limit=_PAST)

    async def run(self) -> None:
        """Follow all streams, for ever; they reconnect by themselves."""
        async with asyncio.TaskGroup() as group:
            for symbol, script in self._scripts.items():
                group.create_task(self._follow_trades(symbol, script))
                group.create_task(self._follow_book(symbol, script))

    async def _follow_trades(self, symbol: str, script: LiveScript) -> None:
        async for news in self._venue.watch_trades(symbol):
            if not isinstance(news, Resumed):
                script.take_trade(news)

    async def _follow_book(self, symbol: str, script: LiveScript) -> None:
        async for news in self._venue.watch_book(symbol, _LEVELS):
            if not isinstance(news, Resumed):
                script.take_book(news)

    async def close(self) -> None:
        await self._venue.close()


def _kline(candle: VenueCandle) -> Kline:
    high, low, close, volume = (parse(x) for x in (candle.high, candle.low, candle.close, candle.volume))
    return Kline(candle.open_ms, parse(candle.open), high, low, close, volume, multiply(close, volume))
