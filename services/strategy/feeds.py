"""Further series of candles that a strategy reads: other markets, other timeframes, or both."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, overload

from ...configs.errors import StrategyError
from .lines import Line
from .parameters import Parameter
from .trader import Trader
from .values import Candle, Money, World


class FeedKey(NamedTuple):
    """One series of candles: its market, such as ETH/USDT, and its timeframe, such as 1h.

    A market of another venue than the strategy's own has that one's name in front: kraken:BTC/USD.
    """

    symbol: str
    timeframe: str

    def at(self, exchange: str) -> tuple[str, str]:
        """(venue, market) for a strategy on `exchange`."""
        venue, market = split_venue(self.symbol)
        return venue or exchange, market


def split_venue(symbol: str) -> tuple[str, str]:
    """("kraken", "BTC/USD") of kraken:BTC/USD; ("", symbol) of a market of the strategy's own venue."""
    venue, colon, market = symbol.partition(":")
    return (venue, market) if colon and "/" not in venue else ("", symbol)


class Newest(Protocol):
    """Where a strategy finds the newest finished candle of a series at the moment of its decision."""

    def newest(self, key: FeedKey) -> Candle | None:
        """None before the first one."""


class Feed:
    """A further series, declared in the body of a Strategy: `eth = Feed("ETH/USDT")`,
    `hours = Feed(timeframe="1h")`.

    Its lines are those of its newest candle that was *finished* when the strategy's own candle closed:
    `trend = ema(50, hours.close)`. Inside the strategy `self.eth` is the market: its candle, position and
    orders.

    Args:
        symbol: a market, or a text parameter; "" is the strategy's own. kraken:BTC/USD is a market of
            another venue, which can be read but not traded on.
        timeframe: length of a candle, or a text parameter; "" is the strategy's own.
    """

    def __init__(self, symbol: "str | Parameter[str]" = "", timeframe: "str | Parameter[str]" = "") -> None:
        self.symbol, self.timeframe = symbol, timeframe
        self.open = Line("open", (), (self,))
        self.high = Line("high", (), (self,))
        self.low = Line("low", (), (self,))
        self.close = Line("close", (), (self,))
        self.volume = Line("volume", (), (self,))
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> "Feed": ...
    @overload
    def __get__(self, instance: object, owner: type) -> "FeedView": ...
    def __get__(self, instance: Any, owner: type) -> "Feed | FeedView":
        if instance is None:
            return self
        views: dict[Feed, FeedView] = instance.__dict__.setdefault("_feed_views", {})
        view = views.get(self)
        if view is None:
            view = views[self] = FeedView(instance, self)
        return view

    def key(self, values: Mapping[str, Any], symbol: str, timeframe: str) -> FeedKey:
        """Which series it is, for a strategy on `symbol` and `timeframe` with these parameter values."""
        return FeedKey(_text(self.symbol, values) or symbol, _text(self.timeframe, values) or timeframe)


class FeedView(Trader):
    """A further market inside a strategy. The same orders as the strategy's own, on this market."""

    def __init__(self, strategy: Any, feed: Feed) -> None:
        self._strategy, self._feed = strategy, feed
        world: World = strategy._world
        self._world = world
        self._key = feed.key(strategy._parameters, world.symbol, world.timeframe)
        self._market = "" if self._key.symbol == world.symbol else self._key.symbol

    @property
    def symbol(self) -> str:
        """The market, such as ETH/USDT."""
        return self._key.symbol

    @property
    def timeframe(self) -> str:
        """Length of a candle, such as 1h."""
        return self._key.timeframe

    def _refuse_elsewhere(self) -> None:
        venue, _ = split_venue(self._key.symbol)
        if venue:
            raise StrategyError(f"{self._feed.name} is on {venue}, which this strategy can only read.")

    @property
    def candle(self) -> Candle | None:
        """Its newest candle that was finished when the strategy's own closed; None before the first."""
        newest: Newest = self._strategy.__dict__["_newest"]
        return newest.newest(self._key)

    def _last_close(self) -> float:
        candle = self.candle
        if candle is None:
            raise StrategyError(f"{self._feed.name} has no finished candle yet; look at its candle first.")
        return candle.close

    def _usual_share(self) -> Money:
        share: Money = self._strategy.fraction
        return share


def _text(value: "str | Parameter[str]", values: Mapping[str, Any]) -> str:
    return str(values[value.name]) if isinstance(value, Parameter) else value
