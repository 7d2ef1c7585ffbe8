"""Owner: data. Market data, numbers 0x01xx. Prices and amounts are decimal strings, as the venue sent
them.
"""

from ...configs.errors import SettingsError
from .base import Delivery, Done, Message, message, request

DecimalText = str
"""A decimal number as text, such as "0.00010000": exact, and cheap to carry. Parse where money is
computed.
"""

_UNITS_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


def timeframe_ms(text: str) -> int:
    """The length of a candle in milliseconds, as ccxt writes it: "1s", "5m", "4h", "1d", "1w".

    Raises:
        SettingsError: it is written in another way.
    """
    number, unit = text[:-1], text[-1:]
    if not (number.isascii() and number.isdigit()) or int(number) == 0 or unit not in _UNITS_MS:
        raise SettingsError(
            f"{text!r} is no length of a candle; write a number and one of s, m, h, d, w, such as 5m."
        )
    return int(number) * _UNITS_MS[unit]


def timeframe_phase_ms(text: str) -> int:
    """How far the opens of candles lie from whole multiples of their length: weeks begin on Monday, the
    epoch did not.
    """
    return 4 * 86_400_000 if text.endswith("w") else 0


@message(0x0101)
class Candle(Message, frozen=True, kw_only=True, gc=False):
    """One candle. `open_ms` is the bar's open time; `closed` says that it will not change any more."""

    exchange: str
    symbol: str
    timeframe: str
    open_ms: int
    open: DecimalText
    high: DecimalText
    low: DecimalText
    close: DecimalText
    volume: DecimalText
    closed: bool


@message(0x0102)
class MarketTrade(Message, frozen=True, kw_only=True, gc=False):
    """One public trade on a venue; `side` is the taker's."""

    exchange: str
    symbol: str
    id: str
    ts_ms: int
    side: str
    price: DecimalText
    amount: DecimalText


@message(0x0103)
class Book(Message, frozen=True, kw_only=True, gc=False):
    """The top of an order book, best level first; each level is (price, amount)."""

    exchange: str
    symbol: str
    ts_ms: int
    bids: list[tuple[DecimalText, DecimalText]]
    asks: list[tuple[DecimalText, DecimalText]]


@message(0x0110, delivery=Delivery.REPLY)
class Candles(Message, frozen=True, kw_only=True, gc=False):
    """Finished candles, oldest first, without a gap that was not marked."""

    candles: list[Candle]


@request(0x0111, reply=Candles, permission="market.read")
class ListCandles(Message, frozen=True, kw_only=True, gc=False):
    """The newest `limit` finished candles, at or after `since_ms` and before `before_ms` where given."""

    exchange: str
    symbol: str
    timeframe: str
    limit: int = 500
    since_ms: int | None = None
    before_ms: int | None = None


@message(0x0112, delivery=Delivery.REPLY)
class Feeds(Message, frozen=True, kw_only=True, gc=False):
    """What data publishes now. `note` says what a person must know of it (recorded, replayed, faster than
    the clock).
    """

    feeds: list["Feed"]
    note: str = ""


@message(0x0114, delivery=Delivery.REPLY)
class Feed(Message, frozen=True, kw_only=True, gc=False):
    """One stream of candles; `last_open_ms` is 0 before the first.

    `amount_step`, `min_amount` and `min_cost` are the venue's smallest step and size of an order in this
    market; "0" while the venue has not told them.
    """

    exchange: str
    symbol: str
    timeframe: str
    last_open_ms: int
    candles: int
    stale: bool
    amount_step: DecimalText = "0"
    min_amount: DecimalText = "0"
    min_cost: DecimalText = "0"


@request(0x0113, reply=Feeds, permission="market.read")
class ListFeeds(Message, frozen=True, kw_only=True, gc=False):
    """Which streams are there."""


@request(0x0115, reply=Done, permission="market.read")
class WatchCandles(Message, frozen=True, kw_only=True, gc=False):
    """Follow one more timeframe of a market of data.symbols, until data ends; asked again it changes nothing.

    For strategies that read further series. Refused with `unknown_market` when data.symbols does not list
    the market, with `venue_away` while the venue does not answer.
    """

    exchange: str
    symbol: str
    timeframe: str
