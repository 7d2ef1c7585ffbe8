"""What happens in each slot of time: steps of a recorded candle, recorded trades, recorded order books.

A script is cut into numbered slots as long as a candle is played. Numbers count on over its end.
"""

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from . import walk
from .klines import Kline
from .recording import Recording
from .rules import Rules
from .units import multiply
from .walk import Tick

Side = list[tuple[int, int]]
"""(price, quantity), best first."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happens, `offset_ms` after the slot began: a price, or a new order book (bids, asks)."""

    offset_ms: int
    tick: Tick | None = None
    book: tuple[Side, Side] | None = None


class Script(ABC):
    """What one market plays."""

    note: str
    """What a person must know of it."""
    own_book = False
    """Order books are recorded too; nothing is made up around the price."""
    begin: int | None = None
    """Number to begin with, where the settings do not choose it."""

    @abstractmethod
    def __len__(self) -> int:
        """Slots until it starts over."""

    @abstractmethod
    def price(self, number: int) -> int:
        """The last price before a slot."""

    @abstractmethod
    def volume(self, number: int) -> int:
        """Volume that sizes the synthetic book in a slot."""

    @abstractmethod
    def events(self, number: int, rules: Rules) -> list[Event]:
        """What happens in a slot, in the order of time."""

    def book(self, number: int) -> tuple[Side, Side]:
        """The recorded book before a slot; empty when none is recorded."""
        return [], []

    def whole(self, open_ms: int, number: int, rules: Rules) -> Kline:
        """A slot as one candle."""
        made: Kline | None = None
        for event in self.events(number, rules):
            tick = event.tick
            if tick is None:
                continue
            made = made or Kline(open_ms, tick.price, tick.price, tick.price, tick.price)
            made.add(tick.price, tick.volume, tick.quote_volume, not tick.seller)
        assert made is not None, "every slot has a price"
        return made


class CandleScript(Script):
    """Recorded candles, each walked in one slot."""

    def __init__(self, recording: Recording, interval_ms: int) -> None:
        self.recording, self._interval_ms = recording, interval_ms
        self._count = walk.steps(interval_ms)
        self.note = recording.note

    def __len__(self) -> int:
        return len(self.recording)

    def price(self, number: int) -> int:
        return self.recording[number - 1].close if number else self.recording[0].open

    def volume(self, number: int) -> int:
        return self.recording[number].volume

    def _before(self, number: int) -> int:
        return self.recording[number - 1].close if number else 0

    def events(self, number: int, rules: Rules) -> list[Event]:
        bar = self.recording[number]
        ticks = walk.walk(bar, self._count, rules.tick, rules.step, self._before(number))
        return [Event(i * self._interval_ms // self._count, tick) for i, tick in enumerate(ticks)]

    def whole(self, open_ms: int, number: int, rules: Rules) -> Kline:
        bar = self.recording[number]
        made = Kline(open_ms, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.quote_volume)
        taken = walk.taken(bar, self._count, rules.step, self._before(number))
        made.trades, made.taker_volume, made.taker_quote = taken
        return made


@dataclass(slots=True)
class Trades:
    """Recorded trades in columns, oldest first; prices and amounts in units."""

    times_ms: Sequence[int]
    prices: Sequence[int]
    amounts: Sequence[int]
    sellers: Sequence[bool]


class TradeScript(Script):
    """Recorded trades at their own pace."""

    def __init__(self, trades: Trades, interval_ms: int, note: str) -> None:
        self._trades, self._interval_ms, self.note = trades, interval_ms, note
        self._start_ms = trades.times_ms[0] - trades.times_ms[0] % interval_ms
        self._slots = (trades.times_ms[-1] - self._start_ms) // interval_ms + 1
        minutes = max(1, (trades.times_ms[-1] - trades.times_ms[0]) // 60_000)
        self._volume = sum(trades.amounts) // minutes

    def __len__(self) -> int:
        return self._slots

    def _first(self, number: int) -> int:
        """Index of the first trade of a slot."""
        return bisect_left(self._trades.times_ms, self._start_ms + number * self._interval_ms)

    def price(self, number: int) -> int:
        return self._trades.prices[max(0, self._first(number % self._slots) - 1)]

    def volume(self, number: int) -> int:
        return self._volume

    def events(self, number: int, rules: Rules) -> list[Event]:
        number %= self._slots
        trades, begin = self._trades, self._start_ms + number * self._interval_ms
        found = [
            Event(
                trades.times_ms[i] - begin,
                Tick(
                    trades.prices[i],
                    trades.amounts[i],
                    multiply(trades.prices[i], trades.amounts[i]),
                    trades.sellers[i],
                ),
            )
            for i in range(self._first(number), self._first(number + 1))
        ]
        return found or [Event(0, Tick(self.price(number), 0, 0, False))]


Change = tuple[int, Side, Side]
"""Time in ms, changed bids, changed asks; a quantity of 0 takes the level away."""


class BookScript(TradeScript):
    """Recorded trades and order books at their own pace: the book is what it was, with nothing made up.

    Args:
        changes: the first is the whole book.
    """

    own_book = True
    _LEVELS = 500

    def __init__(self, trades: Trades, changes: Sequence[Change], interval_ms: int, note: str) -> None:
        super().__init__(trades, interval_ms, note)
        self._changes = changes
        self._times = [change[0] for change in changes]
        self._bids: dict[int, int] = {}
        self._asks: dict[int, int] = {}
        self._applied = 0

    def _until(self, index: int) -> None:
        """Bring the book to where the first `index` changes have left it."""
        if index < self._applied:
            self._bids, self._asks, self._applied = {}, {}, 0
        for _, bids, asks in self._changes[self._applied : index]:
            _apply(self._bids, bids)
            _apply(self._asks, asks)
        self._applied = index

    def _sides(self) -> tuple[Side, Side]:
        bids = sorted(self._bids.items(), reverse=True)[: self._LEVELS]
        return bids, sorted(self._asks.items())[: self._LEVELS]

    def _change(self, number: int) -> int:
        """Index of the first change of a slot; the first of all is always before."""
        return max(1, bisect_left(self._times, self._start_ms + number * self._interval_ms))

    def book(self, number: int) -> tuple[Side, Side]:
        self._until(self._change(number % self._slots))
        return self._sides()

    def events(self, number: int, rules: Rules) -> list[Event]:
        number %= self._slots
        begin = self._start_ms + number * self._interval_ms
        found = super().events(number, rules)
        for index in range(self._change(number), self._change(number + 1)):
            self._until(index + 1)
            found.append(Event(max(0, self._times[index] - begin), None, self._sides()))
        if number == 0:
            found.append(Event(0, None, self.book(0)))
        return sorted(found, key=lambda event: event.offset_ms)

    def whole(self, open_ms: int, number: int, rules: Rules) -> Kline:
        made: Kline | None = None
        for event in super().events(number, rules):
            assert event.tick is not None, "trades alone are asked for"
            made = made or Kline(open_ms, *([event.tick.price] * 4))
            made.add(event.tick.price, event.tick.volume, event.tick.quote_volume, not event.tick.seller)
        assert made is not None, "every slot has a price"
        return made


def _apply(side: dict[int, int], changes: Side) -> None:
    for price, quantity in changes:
        if quantity:
            side[price] = quantity
        else:
            side.pop(price, None)
