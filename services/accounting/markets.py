"""What is known of the markets: the last prices, spreads, how old both are, and past returns.

Passive: whoever listens to the bus hands the messages over.
"""

from dataclasses import dataclass
from decimal import Decimal

from ...bus.contracts.market import Book, Candle, Candles
from .exact import ONE, add, divide, multiply, subtract
from .returns import Window

_TWO, _HUNDRED = Decimal(2), Decimal(100)


@dataclass(frozen=True, slots=True)
class MarketNews:
    """How fresh and how tight a market is.

    Args:
        price_age_s: since the last candle or trade; None before the first.
        spread_percent: of the best bid and ask; None while no book is known.
    """

    price_age_s: float | None
    spread_percent: Decimal | None
    book_age_s: float | None = None


class Markets:
    """The markets of one venue.

    Args:
        timeframe: of the candles that returns are made of.
    """

    def __init__(self, timeframe: str, window: Window) -> None:
        self._timeframe, self.window = timeframe, window
        self.prices: dict[str, Decimal] = {}
        self._heard_ns: dict[str, int] = {}
        self._books: dict[str, tuple[int, Decimal | None]] = {}
        self._later: list[Candle] | None = []

    def take_candle(self, candle: Candle, ts_ns: int) -> None:
        """A candle, finished or not, published at `ts_ns`."""
        self.prices[candle.symbol] = Decimal(candle.close)
        self.heard(candle.symbol, ts_ns)
        if not candle.closed or candle.timeframe != self._timeframe:
            return
        if self._later is not None:
            self._later.append(candle)  # the past comes first
        else:
            self.window.add(candle.symbol, candle.open_ms, float(candle.close))

    def heard(self, symbol: str, ts_ns: int) -> None:
        """A market gave a sign of life."""
        self._heard_ns[symbol] = max(ts_ns, self._heard_ns.get(symbol, 0))

    def take_book(self, book: Book, ts_ns: int) -> None:
        self._books[book.symbol] = (ts_ns, spread_percent(book))

    def take_past(self, found: Candles) -> None:
        """Finished candles of one market, oldest first; they also tell its price while nothing newer does."""
        for candle in found.candles:
            self.window.add(candle.symbol, candle.open_ms, float(candle.close))
        if found.candles:
            last = found.candles[-1]
            self.prices.setdefault(last.symbol, Decimal(last.close))

    def past_is_complete(self) -> None:
        """All of the past was taken: what came meanwhile joins it."""
        later, self._later = self._later or [], None
        for candle in later:
            self.window.add(candle.symbol, candle.open_ms, float(candle.close))

    def price_of(self, asset: str, currency: str) -> Decimal | None:
        """One unit of an asset; None while it is unknown."""
        return ONE if asset == currency else self.prices.get(f"{asset}/{currency}")

    def values_of_one(self, currency: str) -> dict[str, Decimal]:
        """Price of one unit, by asset."""
        found = {currency: ONE}
        for symbol, price in self.prices.items():
            base, _, quote = symbol.partition("/")
            if quote.partition(":")[0] == currency:
                found[base] = price
        return found

    def news(self, symbol: str, now_ns: int) -> MarketNews:
        """How a market is at a moment."""
        heard = self._heard_ns.get(symbol)
        book_ns, spread = self._books.get(symbol, (0, None))
        return MarketNews(
            price_age_s=None if heard is None else max(0.0, (now_ns - heard) / 1e9),
            spread_percent=spread,
            book_age_s=None if not book_ns else max(0.0, (now_ns - book_ns) / 1e9),
        )


def spread_percent(book: Book) -> Decimal | None:
    """Between the best bid and ask, of the price in their middle; None while a side is empty."""
    if not book.bids or not book.asks:
        return None
    bid, ask = Decimal(book.bids[0][0]), Decimal(book.asks[0][0])
    middle = divide(add(bid, ask), _TWO)
    return multiply(divide(subtract(ask, bid), middle), _HUNDRED) if middle > 0 else None
