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
    prices = _prices(bar, count, tick)
    volume, quote = floor(bar.volume // count, step), bar.quote_volume // count
    ticks, last = [], before or prices[0]
    for index, price in enumerate(prices):
        final = index == count - 1
        ticks.append(
            Tick(
                price,
                bar.volume - volume * index if final else volume,
                bar.quote_volume - quote * index if final else quote,
                price < last or (price == last and index % 2 == 1),
            )
        )
        last = price
    return ticks


def _prices(bar: Bar, count: int, tick: int) -> list[int]:
    near, far = (bar.low, bar.high) if bar.open - bar.low <= bar.high - bar.open else (bar.high, bar.low)
    anchors = (bar.open, near, far, bar.close)
    legs = _shares([abs(b - a) for a, b in pairwise(anchors)], count - 1)
    prices = [bar.open]
    for (start, end), parts in zip(pairwise(anchors), legs, strict=True):
        prices += [floor(start + (end - start) * i // parts, tick) for i in range(1, parts)]
        prices.append(end)
    return prices


def _shares(lengths: list[int], parts: int) -> list[int]:
    """Share out `parts` steps over legs by their length, one at least to each."""
    total, spare = sum(lengths) or 1, parts - len(lengths)
    shares = [1 + spare * length // total for length in lengths]
    shares[lengths.index(max(lengths))] += parts - sum(shares)
    return shares
