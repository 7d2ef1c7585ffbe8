"""What a run is given: the settings' say, the tools that all runs share, and small helps for candles."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from ...bus.api import AsyncBusApi
from ...bus.contracts.market import Candle as CandleMessage
from ...bus.contracts.market import timeframe_ms
from .account import Account
from .base import Strategy
from .delivery import Delivery
from .feeds import FeedKey
from .guard import HangGuard
from .others import History
from .values import Candle


@dataclass(frozen=True, slots=True)
class Tools:
    """What all runs share.

    Args:
        watch: asks data for candles of further series, and follows them.
        fees: of a dry run, maker's and taker's.
        process: name of the service.
    """

    bus: AsyncBusApi
    account: Account
    delivery: Delivery
    guard: HangGuard
    past: History
    watch: Callable[[tuple[FeedKey, ...]], Awaitable[None]]
    history: int
    fresh_s: float
    fees: tuple[Decimal, Decimal]
    process: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """What the settings say of a run: which class, with which parameters, live or dry with how much money."""

    load: Callable[[], type[Strategy]]
    parameters: Mapping[str, object]
    mode: str
    cash: Decimal


def as_candle(message: CandleMessage) -> Candle:
    """What a strategy sees of a candle of the bus."""
    return Candle(
        message.open_ms,
        float(message.open),
        float(message.high),
        float(message.low),
        float(message.close),
        float(message.volume),
    )


def price_series(series: tuple[FeedKey, ...]) -> dict[str, FeedKey]:
    """For each market the series whose candles are its prices: the shortest."""
    found: dict[str, FeedKey] = {}
    for key in series:
        known = found.get(key.symbol)
        if known is None or timeframe_ms(key.timeframe) < timeframe_ms(known.timeframe):
            found[key.symbol] = key
    return found


def stamp(path: str) -> int:
    """When a file was last changed; 0 when it is gone (a frozen program has none)."""
    try:
        return Path(path).stat().st_mtime_ns
    except OSError:
        return 0
