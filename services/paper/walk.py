"""How a recorded candle is played: open, nearer extreme, farther extreme, close, in even steps of time."""

from dataclasses import dataclass
from itertools import pairwise

from .recording import Bar
from .units import floor


@dataclass(frozen=True, slots=True)
class Tick:
    """One step: the price, what changes hands at it, and who is the aggressor."""

    price: int
    volume: int
    quote_volume: int
    seller: bool


@dataclass(frozen=True, slots=True)
class Leg:
    """A straight way from one recorded price to the next, in `parts` steps, all with one aggressor."""

    start: int
    end: int
    parts: int
    seller: bool


def steps(interval_ms: int) -> int:
    """How many steps a candle has: ten a second, four at least, six hundred at most."""
    return min(600, max(4, interval_ms // 100))


def walk(bar: Bar, count: int, tick: int, step: int, before: int) -> list[Tick]:
    """The steps of one candle.

    Args:
        count: number of steps, 4 or more.
        tick: prices between the recorded ones are rounded down to it.
        step: volumes are rounded down to it; the last step takes the rest.
        before: the price before the first step, which says who its aggressor is; 0 when there was none.
    """
    prices = [(bar.open, bar.open < before)]
    for leg in _legs(bar, count):
        way = leg.end - leg.start
        prices += [(floor(leg.start + way * i // leg.parts, tick), leg.seller) for i in range(1, leg.parts)]
        prices.append((leg.end, leg.seller))
    volume, quote = floor(bar.volume // count, step), bar.quote_volume // count
    ticks = [Tick(price, volume, quote, seller) for price, seller in prices[:-1]]
    rest, rest_quote = bar.volume - volume * (count - 1), bar.quote_volume - quote * (count - 1)
    return [*ticks, Tick(prices[-1][0], rest, rest_quote, prices[-1][1])]


def taken(bar: Bar, count: int, step: int, before: int) -> tuple[int, int, int]:
    """(trades, volume, quote volume) of a candle's buying aggressors, as `walk` would add them up."""
    legs = _legs(bar, count)
    buys = sum(leg.parts for leg in legs if not leg.seller) + (bar.open >= before)
    volume, quote = floor(bar.volume // count, step), bar.quote_volume // count
    bought, paid = volume * buys, quote * buys
    if not legs[-1].seller:
        bought += bar.volume - volume * count
        paid += bar.quote_volume - quote * count
    trades = count if volume else int(bar.volume > 0)
    return trades, bought, paid


def _legs(bar: Bar, count: int) -> list[Leg]:
    near, far = (bar.low, bar.high) if bar.open - bar.low <= bar.high - bar.open else (bar.high, bar.low)
    ways = list(pairwise((bar.open, near, far, bar.close)))
    parts = _shares([abs(end - start) for start, end in ways], count - 1)
    return [
        Leg(start, end, share, end < start or (end == start and index == 1))
        for index, ((start, end), share) in enumerate(zip(ways, parts, strict=True))
    ]


def _shares(lengths: list[int], parts: int) -> list[int]:
    """Share out `parts` steps over legs by their length, one at least to each."""
    total, spare = sum(lengths) or 1, parts - len(lengths)
    shares = [1 + spare * length // total for length in lengths]
    shares[lengths.index(max(lengths))] += parts - sum(shares)
    return shares
