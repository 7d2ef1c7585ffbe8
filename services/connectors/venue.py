"""What trade and data know of a venue. Every connector implements `Venue`; nothing outside this folder
knows ccxt.

Money is Decimal, market data is the venue's own decimal text, times are UTC milliseconds.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from decimal import Decimal

from ...configs.errors import OrderRejectedError

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a venue can do, as a table of facts.

    Args:
        client_ids: an order can be looked up by the id that we gave it.
        trades_all_symbols: `fetch_my_trades` works without a symbol.
        order_types: names of ccxt that `create_order` takes.
        oco: `create_oco` works.
        amend: `replace_order` works.
        candle_limit: most candles of one `fetch_candles`.
        trade_limit: most trades of one `fetch_my_trades`.
    """

    client_ids: bool = True
    trades_all_symbols: bool = False
    post_only: bool = True
    oco: bool = False
    amend: bool = False
    user_stream: bool = True
    order_types: tuple[str, ...] = ("market", "limit")
    time_in_force: tuple[str, ...] = ("GTC", "IOC", "FOK")
    candle_limit: int = 1000
    trade_limit: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """One market's rules. `tick` and `step` are the smallest changes of price and amount."""

    symbol: str
    base: str
    quote: str
    tick: Decimal
    step: Decimal
    min_amount: Decimal = ZERO
    max_amount: Decimal | None = None
    min_cost: Decimal = ZERO
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueOrder:
    """An order as the venue tells it.

    `status` is open, closed (filled whole), canceled, expired or rejected. `updated_ms` is the venue's
    time of the last change: an older snapshot than one already seen must be ignored.
    """

    id: str
    client_id: str
    symbol: str
    side: str
    type: str
    status: str
    amount: Decimal
    filled: Decimal
    cost: Decimal
    price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: str = "GTC"
    updated_ms: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueTrade:
    """One execution of one of our orders. `client_id` is "" where the venue does not tell it."""

    id: str
    order_id: str
    client_id: str
    symbol: str
    side: str
    price: Decimal
    amount: Decimal
    cost: Decimal
    fee: Decimal
    fee_currency: str
    maker: bool
    ts_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueTransfer:
    """Money that came (or, below zero, went) other than by trading. `id` is the same when it is told
    again.
    """

    id: str
    asset: str
    amount: Decimal
    ts_ms: int


@dataclass(frozen=True, slots=True)
class VenueBalance:
    """What the venue says we hold of one asset."""

    free: Decimal
    used: Decimal

    @property
    def total(self) -> Decimal:
        return self.free + self.used


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueCandle:
    """One candle; prices and volume as decimal text. `closed`: it will not change any more."""

    symbol: str
    timeframe: str
    open_ms: int
    open: str
    high: str
    low: str
    close: str
    volume: str
    closed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueMarketTrade:
    """One public trade; `side` is the taker's."""

    symbol: str
    id: str
    ts_ms: int
    side: str
    price: str
    amount: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueBook:
    """The top of a book, best level first, each level (price, amount)."""

    symbol: str
    ts_ms: int
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Resumed:
    """A stream stands, for the first time or again: whatever happened before is missing and must be
    fetched.
    """

    first: bool
    reason: str = ""


UserNews = VenueOrder | VenueTrade | VenueTransfer | Resumed


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """What is asked of a venue, rounded to its rules already."""

    client_id: str
    symbol: str
    side: str
    type: str
    amount: Decimal
    price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: str = "GTC"
    post_only: bool = False


@dataclass(frozen=True, slots=True)
class KeyPermissions:
    """What an API key may do; None where the venue does not tell."""

    trade: bool | None = None
    withdraw: bool | None = None


@dataclass(slots=True)
class Credentials:
    """An API key. The secret has no repr."""

    key: str
    secret: str = field(repr=False)
    password: str = field(default="", repr=False)


class ReplaceFailedError(OrderRejectedError):
    """An order was not replaced. `old_gone`: the old one is cancelled all the same, and there is no new
    one.
    """

    def __init__(self, message: str, *, old_gone: bool) -> None:
        super().__init__(message)
        self.old_gone = old_gone


class Venue(ABC):
    """One account on one exchange.

    Reads raise RetryLaterError (busy or away) and CredentialsError. Streams are endless: they reconnect by
    themselves and say so with `Resumed`, after which the caller fetches what it missed.
    """

    name: str
    capabilities: Capabilities

    @abstractmethod
    async def load_markets(self) -> dict[str, Market]:
        """All spot markets by symbol; remembered after the first call."""

    @abstractmethod
    async def server_time_offset_ms(self) -> int:
        """Venue's clock minus ours, in milliseconds, measured now; later signed calls use it."""

    @abstractmethod
    async def fetch_permissions(self) -> KeyPermissions:
        """What the API key may do."""

    @abstractmethod
    async def fetch_balance(self) -> dict[str, VenueBalance]:
        """Balances by asset; assets with nothing in them may be missing."""

    @abstractmethod
    async def create_order(self, request: OrderRequest) -> VenueOrder:
        """Send an order, once.

        Raises:
            OrderRejectedError: the venue refused it; nothing rests there.
            OutcomeUnknownError: it may rest there; ask `fetch_order`, never send again.
            CredentialsError: the key was refused; nothing rests there.
        """

    async def create_oco(self, stop: OrderRequest, target: OrderRequest, list_id: str) -> list[VenueOrder]:
        """Place a stop and a limit order of which one cancels the other (where `capabilities.oco`).

        Raises:
            OrderRejectedError: neither rests there.
            OutcomeUnknownError: ask for both.
        """
        raise OrderRejectedError(f"{self.name} has no one-cancels-the-other orders.")

    @abstractmethod
    async def replace_order(
        self, old_client_id: str, request: OrderRequest, *, only_unfilled: bool = False
    ) -> VenueOrder:
        """Cancel one order and place another in one step of the venue (where `capabilities.amend`).

        Args:
            only_unfilled: refuse when the old one was filled in part meanwhile, where the venue can do that.

        Raises:
            ReplaceFailedError: the new one was not placed.
            OutcomeUnknownError: ask for both.
        """

    @abstractmethod
    async def cancel_order(self, symbol: str, client_id: str, order_id: str = "") -> None:
        """Ask for the end of an order; what became of it is told by the stream or `fetch_order`.

        Raises:
            OrderRejectedError: the venue knows no such open order.
            OutcomeUnknownError: it may have been cancelled.
        """

    @abstractmethod
    async def fetch_order(self, symbol: str, client_id: str, order_id: str = "") -> VenueOrder | None:
        """The order by our id (by the venue's where that is all there is); None when the venue has none."""

    @abstractmethod
    async def fetch_open_orders(self, symbol: str | None = None) -> list[VenueOrder]:
        """All open orders of the account."""

    @abstractmethod
    async def fetch_my_trades(
        self, symbol: str, since_ms: int | None = None, from_id: str = ""
    ) -> list[VenueTrade]:
        """Executions, oldest first, at most `capabilities.trade_limit`; from a trade id or a time on."""

    @abstractmethod
    def watch_user(self) -> AsyncIterator[UserNews]:
        """Changes of our orders, our executions, deposits and withdrawals, as they happen."""

    @abstractmethod
    def watch_candles(self, symbol: str, timeframe: str) -> AsyncGenerator[VenueCandle | Resumed, None]:
        """Candles as they form; `closed` ones are final."""

    @abstractmethod
    def watch_trades(self, symbol: str) -> AsyncIterator[VenueMarketTrade | Resumed]:
        """Public trades."""

    @abstractmethod
    def watch_book(self, symbol: str, depth: int = 10) -> AsyncIterator[VenueBook | Resumed]:
        """The top `depth` levels at each change; slow readers see the newest only."""

    @abstractmethod
    async def fetch_candles(
        self, symbol: str, timeframe: str, since_ms: int | None = None, limit: int = 500
    ) -> list[VenueCandle]:
        """Finished candles, oldest first; the one still forming is left out."""

    @abstractmethod
    async def fetch_book(self, symbol: str, depth: int = 10) -> VenueBook:
        """The top of the book now."""

    @abstractmethod
    async def close(self) -> None:
        """Close all sockets."""
