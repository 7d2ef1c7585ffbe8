"""What the exchange keeps of orders and trades, and how it says no. Money in units of 1e-8."""

from dataclasses import dataclass, replace

BUY, SELL = "BUY", "SELL"
SIDES = (BUY, SELL)
LIMIT, MARKET, LIMIT_MAKER = "LIMIT", "MARKET", "LIMIT_MAKER"
STOP_LOSS, STOP_LOSS_LIMIT = "STOP_LOSS", "STOP_LOSS_LIMIT"
TAKE_PROFIT, TAKE_PROFIT_LIMIT = "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"
TYPES = (LIMIT, LIMIT_MAKER, MARKET, STOP_LOSS, STOP_LOSS_LIMIT, TAKE_PROFIT, TAKE_PROFIT_LIMIT)
TRIGGERED = (STOP_LOSS, STOP_LOSS_LIMIT, TAKE_PROFIT, TAKE_PROFIT_LIMIT)
PRICED = (LIMIT, LIMIT_MAKER, STOP_LOSS_LIMIT, TAKE_PROFIT_LIMIT)
GTC, IOC, FOK = "GTC", "IOC", "FOK"
NEW, PARTIALLY_FILLED, FILLED = "NEW", "PARTIALLY_FILLED", "FILLED"
CANCELED, EXPIRED, EXPIRED_IN_MATCH = "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH"
PENDING_NEW, REJECTED = "PENDING_NEW", "REJECTED"
OPEN = (NEW, PARTIALLY_FILLED, PENDING_NEW)


class RefusedError(Exception):
    """The exchange says no, with Binance's code and words.

    Args:
        code: Binance's error code, below zero.
        message: Binance's message; clients match on it.
        status: HTTP status.
    """

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


@dataclass(slots=True)
class Order:
    """An order of an account. `locked` is what of its account's balance it still holds.

    `sequence` is its place in the queue among orders of one price; a stop order gets it when it is triggered.
    """

    order_id: int
    account: str
    symbol: str
    client_id: str
    side: str
    type: str
    time_in_force: str
    quantity: int
    quote_quantity: int
    price: int
    stop_price: int
    created_ms: int
    updated_ms: int
    working_ms: int = 0
    status: str = NEW
    executed: int = 0
    executed_quote: int = 0
    locked: int = 0
    sequence: int = 0
    list_id: int = -1
    stp: str = "EXPIRE_MAKER"
    iceberg: int = 0
    triggered: bool = False
    ahead: int = 0
    """Base units of others that stand before it at its price, where the queue counts."""
    trailing_delta: int = 0
    """Basis points that the price must come back from its best for a trailing stop; 0 is no trailing stop."""
    extreme: int = 0
    """The best price since a trailing stop began to follow; 0 before that."""
    trailing_ms: int = -1
    """When it began to follow."""

    @property
    def remaining(self) -> int:
        """Base units still to be executed."""
        return self.quantity - self.executed

    @property
    def open(self) -> bool:
        return self.status in OPEN

    @property
    def waiting(self) -> bool:
        """A stop or take-profit order whose price has not been reached."""
        return self.type in TRIGGERED and not self.triggered

    def copy(self) -> "Order":
        return replace(self)


@dataclass(frozen=True, slots=True)
class Trade:
    """One execution of one account's order."""

    trade_id: int
    order_id: int
    list_id: int
    account: str
    symbol: str
    side: str
    price: int
    quantity: int
    quote: int
    fee: int
    fee_asset: str
    maker: bool
    time_ms: int


@dataclass(frozen=True, slots=True)
class PublicTrade:
    """One line of the tape. `buyer_maker` says that the seller was the aggressor."""

    trade_id: int
    symbol: str
    price: int
    quantity: int
    buyer_maker: bool
    time_ms: int


@dataclass(frozen=True, slots=True)
class NewOrder:
    """What a client asks for; zero means not given."""

    symbol: str
    side: str
    type: str
    client_id: str = ""
    time_in_force: str = GTC
    quantity: int = 0
    quote_quantity: int = 0
    price: int = 0
    stop_price: int = 0
    iceberg: int = 0
    stp: str = "EXPIRE_MAKER"
    trailing_delta: int = 0


EXECUTING, ALL_DONE = "EXECUTING", "ALL_DONE"


@dataclass(slots=True)
class OrderList:
    """Orders that belong together. In an OCO, the first that trades or is triggered ends the others.

    With a working order in front (OTO, OTOCO) the others wait until that one is filled.
    """

    list_id: int
    account: str
    symbol: str
    kind: str
    client_id: str
    order_ids: list[int]
    client_ids: list[str]
    created_ms: int
    status: str = EXECUTING
    working_id: int = 0
