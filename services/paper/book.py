"""One market's order book: customers' resting orders in price-time order, and synthetic ones around them.

The synthetic orders stand for everybody else. They are made anew at each step of the price, from the price,
the recorded volume and a seed, and never cross a customer's order.
"""

from bisect import insort
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from . import units
from .orders import BUY, SELL, Order, PublicTrade
from .rules import Rules

LEVELS = 20
HALF_SPREAD_PARTS = 20_000
"""The best synthetic prices stand 1/20,000 (half a basis point) from the last price, a tick at least."""
LEVEL_PARTS = 10_000
TAPE_LENGTH = 2_000

Key = tuple[int, int]


def opposite(side: str) -> str:
    return SELL if side == BUY else BUY


def crosses(side: str, limit: int, price: int) -> bool:
    """Would an order of `side` with this limit trade at `price`? A limit of 0 is none."""
    if not limit:
        return True
    return limit >= price if side == BUY else limit <= price


@dataclass(slots=True)
class Level:
    """A synthetic order."""

    price: int
    quantity: int


@dataclass(slots=True)
class Market:
    """The state of one market."""

    rules: Rules
    last: int = 0
    resting: dict[str, list[tuple[Key, Order]]] = field(default_factory=lambda: {BUY: [], SELL: []})
    stops: list[Order] = field(default_factory=list)
    synthetic: dict[str, list[Level]] = field(default_factory=lambda: {BUY: [], SELL: []})
    tape: deque[PublicTrade] = field(default_factory=lambda: deque(maxlen=TAPE_LENGTH))
    queue: bool = False
    """An order at a price stands behind the synthetic ones that were there before it."""

    def rest(self, order: Order) -> None:
        """Put an order into the queue of its price."""
        if self.queue:
            order.ahead = sum(x.quantity for x in self.synthetic[order.side] if x.price == order.price)
        insort(self.resting[order.side], (_key(order), order), key=_first)

    def remove(self, order: Order) -> None:
        """Take an order off the book or off the list of stops; does nothing when it is on neither."""
        if order.waiting:
            self.stops = [stop for stop in self.stops if stop.order_id != order.order_id]
            return
        queue = self.resting[order.side]
        self.resting[order.side] = [entry for entry in queue if entry[1].order_id != order.order_id]

    def pass_queue(self, side: str, price: int, volume: int) -> int:
        """Let others at a price trade first, as far as they stand before customers; what is left."""
        at_price = [order for _, order in self.resting[side] if order.price == price]
        served = min(at_price[0].ahead, volume) if at_price else 0
        for order in at_price:
            order.ahead = max(0, order.ahead - served)
        return volume - served

    def shorten_queues(self) -> None:
        """Others went away: no more can stand before a customer than there are at his price."""
        for side in (BUY, SELL):
            there = {level.price: level.quantity for level in self.synthetic[side]}
            for _, order in self.resting[side]:
                order.ahead = min(order.ahead, there.get(order.price, 0))

    def best_resting(self, side: str) -> Order | None:
        queue = self.resting[side]
        return queue[0][1] if queue else None

    def best_synthetic(self, side: str) -> Level | None:
        levels = self.synthetic[side]
        return levels[0] if levels else None

    def best_price(self, side: str) -> int:
        """Best price on a side of the whole book, 0 when the side is empty."""
        order, level = self.best_resting(side), self.best_synthetic(side)
        prices = [p for p in (order and order.price, level and level.price) if p]
        if not prices:
            return 0
        return max(prices) if side == BUY else min(prices)

    def levels(self, side: str) -> dict[int, int]:
        """price: quantity of a side as the public sees it, best first."""
        merged: dict[int, int] = {}
        for level in self.synthetic[side]:
            merged[level.price] = merged.get(level.price, 0) + level.quantity
        for _, order in self.resting[side]:
            merged[order.price] = merged.get(order.price, 0) + order.remaining
        return dict(sorted(merged.items(), reverse=side == BUY))

    def available(self, side: str, limit: int) -> list[Level]:
        """What a taker of `side` could get, best first, down to its limit; customers and synthetic as one."""
        return [Level(p, q) for p, q in self.levels(opposite(side)).items() if crosses(side, limit, p)]

    def show(self, bids: Sequence[tuple[int, int]], asks: Sequence[tuple[int, int]]) -> None:
        """Put these (price, quantity), best first, in the place of all synthetic orders."""
        self.synthetic = {
            BUY: [Level(price, quantity) for price, quantity in bids],
            SELL: [Level(price, quantity) for price, quantity in asks],
        }

    def quote(self, price: int, volume: int, seed: int) -> None:
        """Make the synthetic orders for a new price. `volume` is the recorded volume of the whole candle."""
        self.last = price
        rules = self.rules
        half = max(rules.tick, units.floor(price // HALF_SPREAD_PARTS, rules.tick))
        apart = max(rules.tick, units.floor(price // LEVEL_PARTS, rules.tick))
        size = max(volume // (2 * LEVELS), rules.min_quantity * 100)
        bids, asks = [], []
        for i in range(LEVELS):
            bid = units.floor(price - half - i * apart, rules.tick)
            if bid >= rules.min_price:
                bids.append(Level(bid, _size(size, i, seed * 2, rules.step)))
            ask = price + half + i * apart
            asks.append(Level(ask, _size(size, i, seed * 2 + 1, rules.step)))
        self.synthetic = {BUY: bids, SELL: asks}


def _first(entry: tuple[Key, Order]) -> Key:
    return entry[0]


def _key(order: Order) -> Key:
    return (-order.price if order.side == BUY else order.price, order.sequence)


def _size(size: int, index: int, seed: int, step: int) -> int:
    """Half to one and a half of `size`, growing with the distance; the same for the same seed everywhere."""
    noise = mix(seed * LEVELS + index) % 1000
    return max(step, units.floor(size * (500 + noise) * (10 + index) // 10_000, step))


def mix(number: int) -> int:
    """A 64-bit hash (splitmix64's finaliser): noise that is the same on every machine."""
    number = (number + 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return number ^ (number >> 31)
