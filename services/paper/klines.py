"""Candles of all of Binance's intervals, made from the steps that were played."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from .units import text

KEEP = 5_000
"""Finished candles remembered of each interval that is longer than a recorded candle is played."""

_SECOND = 1_000
_MINUTE, _HOUR, _DAY = 60 * _SECOND, 3_600 * _SECOND, 86_400 * _SECOND
_MONDAY_OFFSET = 4 * _DAY  # 1970-01-05 was a Monday
MONTH = "1M"
INTERVALS = {
    "1s": _SECOND, "1m": _MINUTE, "3m": 3 * _MINUTE, "5m": 5 * _MINUTE, "15m": 15 * _MINUTE,
    "30m": 30 * _MINUTE, "1h": _HOUR, "2h": 2 * _HOUR, "4h": 4 * _HOUR, "6h": 6 * _HOUR, "8h": 8 * _HOUR,
    "12h": 12 * _HOUR, "1d": _DAY, "3d": 3 * _DAY, "1w": 7 * _DAY, MONTH: 31 * _DAY,
}  # fmt: skip
"""Name: length in ms (a month's is its longest)."""


def open_time(interval: str, time_ms: int) -> int:
    """Open time of the candle that `time_ms` belongs to."""
    if interval == MONTH:
        first = datetime.fromtimestamp(time_ms / 1000, UTC).replace(
            day=1, hour=0, minute=0, second=0, microsecond=0
        )
        return int(first.timestamp() * 1000)
    length = INTERVALS[interval]
    shift = _MONDAY_OFFSET if interval == "1w" else 0
    return time_ms - (time_ms - shift) % length


def close_time(interval: str, open_ms: int) -> int:
    """Last millisecond of a candle."""
    if interval == MONTH:
        return open_time(MONTH, open_ms + 31 * _DAY) - 1
    return open_ms + INTERVALS[interval] - 1


@dataclass(slots=True)
class Kline:
    """One candle, prices and amounts in units."""

    open_ms: int
    open: int
    high: int
    low: int
    close: int
    volume: int = 0
    quote_volume: int = 0
    trades: int = 0
    taker_volume: int = 0
    taker_quote: int = 0
    first_trade: int = -1
    last_trade: int = -1

    def add(self, price: int, volume: int, quote: int, buyer: bool) -> None:
        """One more step."""
        self.high, self.low, self.close = max(self.high, price), min(self.low, price), price
        self.volume += volume
        self.quote_volume += quote
        self.trades += volume > 0
        if buyer:
            self.taker_volume += volume
            self.taker_quote += quote

    def merge(self, other: "Kline") -> None:
        """Add a finished shorter candle that follows."""
        self.high, self.low, self.close = max(self.high, other.high), min(self.low, other.low), other.close
        self.volume += other.volume
        self.quote_volume += other.quote_volume
        self.trades += other.trades
        self.taker_volume += other.taker_volume
        self.taker_quote += other.taker_quote

    def row(self, interval: str) -> list[object]:
        """As REST answers it."""
        return [
            self.open_ms, text(self.open), text(self.high), text(self.low), text(self.close),
            text(self.volume), close_time(interval, self.open_ms), text(self.quote_volume), self.trades,
            text(self.taker_volume), text(self.taker_quote), "0",
        ]  # fmt: skip


class Series:
    """Candles of one interval: the finished ones and the one being made."""

    def __init__(self, interval: str) -> None:
        self.interval = interval
        self.finished: deque[Kline] = deque(maxlen=KEEP)
        self.current: Kline | None = None

    def begin(self, time_ms: int, price: int) -> Kline | None:
        """Open a new candle if `time_ms` is beyond the current one; return the one that this finishes."""
        open_ms = open_time(self.interval, time_ms)
        ended = self.current
        if ended is not None and ended.open_ms == open_ms:
            return None
        if ended is not None:
            self.finished.append(ended)
        self.current = Kline(open_ms, price, price, price, price)
        return ended

    def all(self) -> Iterator[Kline]:
        """Oldest first, the unfinished one last."""
        yield from self.finished
        if self.current is not None:
            yield self.current

    def newest_first(self) -> Iterator[Kline]:
        if self.current is not None:
            yield self.current
        yield from reversed(self.finished)


class Candles:
    """All series of one market, fed step by step."""

    def __init__(self) -> None:
        self.series = {name: Series(name) for name in INTERVALS}

    def tick(self, time_ms: int, price: int, volume: int, quote: int, buyer: bool) -> list[tuple[str, Kline]]:
        """One step; returns the candles that it showed to be finished, as (interval, candle)."""
        ended = []
        for name, series in self.series.items():
            done = series.begin(time_ms, price)
            if done is not None:
                ended.append((name, done))
            assert series.current is not None, "begin makes a candle"
            series.current.add(price, volume, quote, buyer)
        return ended

    def merge(self, whole: Kline) -> None:
        """Add a whole recorded candle of the past."""
        for series in self.series.values():
            series.begin(whole.open_ms, whole.open)
            assert series.current is not None, "begin makes a candle"
            series.current.merge(whole)
